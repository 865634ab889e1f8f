"""Weighted regularised triplet loss against a loop over images and FastReID's."""

import math

import pytest
import torch

from passerby.losses.weighted_triplet import WeightedTriplet
from passerby.registry import LOSSES


def slowly(vectors, persons):
    rows, terms = vectors.tolist(), []
    for a, anchor in enumerate(rows):
        far = [math.dist(anchor, row) for row, p in zip(rows, persons, strict=True)]
        positives = [d for d, p in zip(far, persons, strict=True) if p == persons[a]]
        negatives = [d for d, p in zip(far, persons, strict=True) if p != persons[a]]
        if len(positives) > 1 and negatives:
            towards = [math.exp(d) for d in positives]
            away = [math.exp(-d) for d in negatives]
            near = sum(w * d for w, d in zip(towards, positives, strict=True)) / sum(towards)
            far_off = sum(w * d for w, d in zip(away, negatives, strict=True)) / sum(away)
            terms.append(math.log1p(math.exp(near - far_off)))
    return sum(terms) / len(terms)


def test_against_a_loop(vectors, loss_of):
    loss = loss_of(LOSSES.build("weighted_triplet"), vectors[1], vectors[0])
    assert loss.shape == ()
    assert loss.item() == pytest.approx(slowly(*vectors), rel=1e-9)


def authors(vectors, persons, epsilon=1e-6):
    """The steps of the authors' code, whose masked distances are zero: their largest is then 0."""
    rows, terms = vectors.tolist(), []
    for a, anchor in enumerate(rows):
        distances = [0.0 if b == a else math.dist(anchor, row) for b, row in enumerate(rows)]
        sums = []
        for sign, wanted in ((1, True), (-1, False)):
            mask = [(p == persons[a]) == wanted for p in persons]
            signed = [sign * d if m else 0.0 for d, m in zip(distances, mask, strict=True)]
            largest = max(signed)
            powers = [math.exp(d - largest) * m for d, m in zip(signed, mask, strict=True)]
            weights = [power / (sum(powers) + epsilon) for power in powers]
            sums.append(sum(w * d for w, d in zip(weights, distances, strict=True)))
        terms.append(math.log1p(math.exp(sums[0] - sums[1])))
    return sum(terms) / len(terms)


@pytest.mark.parametrize("length", [0.1, 1.0, 5.0, 8.0])
def test_the_authors_epsilon(length, loss_of):
    torch.manual_seed(1)
    rows, persons = length * torch.randn(12, 6, dtype=torch.float64), [0, 1, 2, 3] * 3
    loss = loss_of(LOSSES.build("weighted_triplet(epsilon=1e-6)"), persons, rows)
    assert loss.item() == pytest.approx(authors(rows, persons), rel=1e-9)
    plain = loss_of(WeightedTriplet(), persons, rows)
    # It is nothing at small distances, and nearly all where the nearest stranger is far away.
    assert (abs(loss - plain) < 1e-3) == (length <= 1)


def test_the_epsilon_is_checked():
    with pytest.raises(ValueError, match="epsilon must not be negative, got -1"):
        WeightedTriplet(-1)


def test_parts_are_averaged(vectors, loss_of):
    rows, persons = vectors
    both = loss_of(WeightedTriplet(), persons, rows, rows[:, :2] * 3)
    expected = (slowly(rows, persons) + slowly(rows[:, :2] * 3, persons)) / 2
    assert both.item() == pytest.approx(expected, rel=1e-9)


def test_gradients(vectors, loss_of):
    rows, persons = vectors
    assert torch.autograd.gradcheck(
        lambda rows: loss_of(WeightedTriplet(), persons, rows), (rows.requires_grad_(),)
    )


@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize("length", [1.0, 6.0])
def test_fastreid_gives_the_same(length, peer_code, loss_of):
    peer = peer_code("fast-reid", "fastreid.modeling.losses.triplet_loss").triplet_loss
    torch.manual_seed(0)
    rows = (length * torch.randn(16, 8)).requires_grad_()
    persons = torch.arange(16) % 4
    theirs = peer(rows, persons, margin=0.0, norm_feat=False, hard_mining=False)
    ours = loss_of(WeightedTriplet(1e-6), persons, rows)
    torch.testing.assert_close(ours, theirs, rtol=1e-3, atol=0)
    (own,) = torch.autograd.grad(ours, rows)
    (other,) = torch.autograd.grad(theirs, rows)
    torch.testing.assert_close(own, other, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("persons", [[0, 0, 0], [0, 1, 2], [4]])
def test_without_anchors_the_loss_is_zero_and_has_a_gradient(persons, loss_of):
    rows = torch.randn(len(persons), 4, requires_grad=True)
    loss = loss_of(WeightedTriplet(), persons, rows)
    loss.backward()
    assert loss.item() == 0
    assert rows.grad.eq(0).all()


@pytest.mark.parametrize("length", [0.0, 1.0, 1e3])
def test_copies_of_an_image_and_long_vectors_leave_gradients_finite(length, loss_of):
    rows = torch.tensor([[length, 0]] * 4 + [[0, length]] * 2, requires_grad=True)
    loss = loss_of(WeightedTriplet(), [0, 0, 1, 1, 2, 2], rows)
    loss.backward()
    assert loss.isfinite()
    assert rows.grad.isfinite().all()


def test_float32_under_autocast(loss_of):
    torch.manual_seed(0)
    rows = (torch.randn(8, 64) + 5).bfloat16()
    persons = [0, 0, 1, 1, 2, 2, 3, 3]
    expected = loss_of(WeightedTriplet(), persons, rows.float())
    with torch.autocast("cpu", dtype=torch.bfloat16):
        loss = loss_of(WeightedTriplet(), persons, rows)
    assert loss.dtype == torch.float32
    assert torch.equal(loss, expected)
