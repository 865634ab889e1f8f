"""Classifiers against slow versions, the papers' forms and pytorch-metric-learning."""

import math

import pytest
import torch
import torch.nn.functional as F
from pytorch_metric_learning.losses import ArcFaceLoss, CosFaceLoss

from passerby.models.classifiers import Arcface, Circle, Cosface, Linear
from passerby.registry import CLASSIFIERS

CHANNELS, PERSONS = 5, 7
COSINES = [Circle, Arcface, Cosface]


@pytest.fixture
def vectors():
    torch.manual_seed(3)
    return torch.randn(6, CHANNELS), torch.tensor([0, 6, 2, 2, 3, 5])


def spread(classifier):
    """The classifier with class weights in all directions and of all lengths."""
    torch.nn.init.normal_(classifier.weight, std=2.0)
    return classifier


def cosine(a, b):
    product = sum(x * y for x, y in zip(a, b, strict=True))
    return product / math.sqrt(sum(x * x for x in a)) / math.sqrt(sum(y * y for y in b))


def linear_logit(s, right):
    return s


def circle_logit(s, right, scale=64.0, m=0.35):
    """Sun et al. 2020, eq. 5-8 with O_p = 1 + m, O_n = −m, Δ_p = 1 − m, Δ_n = m."""
    o_p, o_n, delta_p, delta_n = 1 + m, -m, 1 - m, m
    if right:
        return scale * max(o_p - s, 0) * (s - delta_p)
    return scale * max(s - o_n, 0) * (s - delta_n)


def arcface_logit(s, right, scale=64.0, m=0.5):
    angle = math.acos(s)
    if not right:
        return scale * s
    if angle + m > math.pi:
        return scale * (s - m * math.sin(m))
    return scale * math.cos(angle + m)


def cosface_logit(s, right, scale=64.0, m=0.35):
    return scale * (s - m if right else s)


@pytest.mark.parametrize(
    ("made", "logit"),
    [
        (Linear, linear_logit),
        (Circle, circle_logit),
        (Arcface, arcface_logit),
        (Cosface, cosface_logit),
    ],
)
def test_against_one_element_at_a_time(made, logit, vectors):
    embedding, persons = vectors
    classifier = spread(made(CHANNELS, PERSONS))
    embedding[1] = -classifier.weight.detach()[6]  # θ = π, beyond ArcFace's turn
    similarities = classifier(embedding)
    logits = classifier.logits(similarities, persons)
    assert logits.shape == similarities.shape == (6, PERSONS)
    for row, vector in enumerate(embedding.tolist()):
        for column, weight in enumerate(classifier.weight.tolist()):
            s = sum(x * y for x, y in zip(vector, weight, strict=True))
            if made is not Linear:
                s = max(-1.0, min(1.0, cosine(vector, weight)))
            assert similarities[row, column].item() == pytest.approx(s, abs=1e-5)
            expected = logit(s, column == persons[row])
            # acos at −1 turns an error of 1e-7 into one of 3e-4, times the scale.
            tolerance = 0.03 if made is Arcface and abs(s) > 0.999 else 2e-4
            assert logits[row, column].item() == pytest.approx(expected, abs=tolerance)


@pytest.mark.parametrize(
    ("made", "peer"),
    [
        (
            Arcface,
            ArcFaceLoss(PERSONS, CHANNELS, margin=math.degrees(0.5), scale=64),
        ),
        (Cosface, CosFaceLoss(PERSONS, CHANNELS, margin=0.35, scale=64)),
    ],
)
def test_against_pytorch_metric_learning(made, peer, vectors):
    embedding, persons = vectors
    embedding.requires_grad_()
    classifier = spread(made(CHANNELS, PERSONS))
    peer.W.data = classifier.weight.detach().T.clone()
    ours = F.cross_entropy(classifier.logits(classifier(embedding), persons), persons)
    theirs = peer(embedding, persons)
    torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-5)
    (own,) = torch.autograd.grad(ours, embedding)
    (other,) = torch.autograd.grad(theirs, embedding)
    torch.testing.assert_close(own, other, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("made", COSINES)
def test_only_the_directions_count(made, vectors):
    embedding, persons = vectors
    classifier = spread(made(CHANNELS, PERSONS))
    before = classifier.logits(classifier(embedding), persons)
    classifier.weight.data *= 3
    after = classifier.logits(classifier(embedding * torch.rand(6, 1) * 9), persons)
    torch.testing.assert_close(before, after, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("made", [Linear, *COSINES])
def test_the_label_changes_only_the_right_class(made, vectors):
    embedding, persons = vectors
    classifier = spread(made(CHANNELS, PERSONS))
    similarities = classifier(embedding)
    logits = classifier.logits(similarities, persons)
    others = classifier.logits(similarities, (persons + 1) % PERSONS)
    changed = logits != others
    rows = torch.arange(6)
    changed[rows, persons] = changed[rows, (persons + 1) % PERSONS] = False
    assert not changed.any()


@pytest.mark.parametrize("made", COSINES)
@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_gradients_are_finite_where_the_cosine_is_exactly_one(made, sign):
    classifier = made(4, 2)
    classifier.weight.data = torch.eye(4)[:2]
    embedding = (sign * torch.eye(4)[:1]).requires_grad_()
    similarities = classifier(embedding)
    assert similarities[0, 0].item() == sign
    loss = F.cross_entropy(classifier.logits(similarities, torch.tensor([0])), torch.tensor([0]))
    loss.backward()
    assert loss.isfinite()
    assert embedding.grad.isfinite().all()
    assert classifier.weight.grad.isfinite().all()


@pytest.mark.parametrize("made", COSINES)
def test_gradients_of_the_logits_are_finite_at_plus_and_minus_one(made):
    similarities = torch.tensor([[1.0, -1.0], [-1.0, 1.0]], requires_grad=True)
    made(4, 2).logits(similarities, torch.tensor([0, 0])).sum().backward()
    assert similarities.grad.isfinite().all()


def test_circles_weights_carry_no_gradient():
    torch.manual_seed(0)
    s = torch.rand(4, PERSONS, dtype=torch.float64).mul(2).sub(1).requires_grad_()
    persons = torch.tensor([0, 3, 3, 6])
    right = F.one_hot(persons, PERSONS).bool()
    m = 0.35
    alpha_p = (1 + m - s).clamp(min=0).detach()
    alpha_n = (s + m).clamp(min=0).detach()
    weighted = torch.where(right, alpha_p * (s - (1 - m)), alpha_n * (s - m)) * 64
    (expected,) = torch.autograd.grad(F.cross_entropy(weighted, persons), s)
    logits = Circle(CHANNELS, PERSONS).logits(s, persons)
    (gradient,) = torch.autograd.grad(F.cross_entropy(logits, persons), s)
    torch.testing.assert_close(gradient, expected)
    # d logit / d s is the weight itself, nothing more.
    (slope,) = torch.autograd.grad(Circle(CHANNELS, PERSONS).logits(s, persons).sum(), s)
    torch.testing.assert_close(slope, 64 * torch.where(right, alpha_p, alpha_n))


@pytest.mark.parametrize("made", COSINES)
def test_cosines_are_float32_under_autocast(made, vectors):
    embedding, _ = vectors
    classifier = spread(made(CHANNELS, PERSONS))
    embedding = embedding.bfloat16()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        similarities = classifier(embedding)
    assert similarities.dtype == torch.float32
    torch.testing.assert_close(similarities, classifier(embedding.float()))


@pytest.mark.parametrize("name", ["linear", "circle", "arcface", "cosface"])
def test_parameters_and_options(name):
    classifier = CLASSIFIERS.build(name, channels=2048, persons=751)
    assert [p.shape for p in classifier.parameters()] == [(751, 2048)]
    if name != "linear":
        built = CLASSIFIERS.build(f"{name}(scale=8, margin=0.1)", channels=3, persons=2)
        assert (built.scale, built.margin) == (8, 0.1)
