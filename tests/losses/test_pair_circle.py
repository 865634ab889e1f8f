"""Circle loss on pairs against a double loop and pytorch-metric-learning."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from pytorch_metric_learning.losses import CircleLoss
from pytorch_metric_learning.reducers import MeanReducer

from passerby.losses.pair_circle import PairCircle
from passerby.losses.pairs import cosine_similarities, pairs_of
from passerby.registry import LOSSES


def cosine(a, b):
    product = sum(x * y for x, y in zip(a, b, strict=True))
    return product / math.sqrt(sum(x * x for x in a)) / math.sqrt(sum(y * y for y in b))


def slowly(vectors, persons, scale=128.0, m=0.25):
    """Sun et al. 2020, eq. 6 with eq. 5 and 8, over each anchor's own pairs."""
    rows, terms = vectors.tolist(), []
    for a, anchor in enumerate(rows):
        towards = away = 0.0
        for b, other in enumerate(rows):
            s = cosine(anchor, other)
            if persons[a] != persons[b]:
                away += math.exp(scale * max(s + m, 0) * (s - m))
            elif a != b:
                towards += math.exp(-scale * max(1 + m - s, 0) * (s - (1 - m)))
        if towards and away:
            terms.append(math.log1p(towards * away))
    return sum(terms) / len(terms) if terms else 0.0


@pytest.mark.parametrize("scale", [1.0, 64.0, 128.0])
@pytest.mark.parametrize("margin", [0.0, 0.25, 0.4])
def test_against_a_double_loop(scale, margin, vectors, loss_of):
    loss = loss_of(PairCircle(scale, margin), vectors[1], vectors[0])
    assert loss.shape == ()
    assert loss.item() == pytest.approx(slowly(*vectors, scale, margin), rel=1e-9)


def test_against_pytorch_metric_learning(loss_of):
    torch.manual_seed(0)
    rows = torch.randn(12, 6, dtype=torch.float64, requires_grad=True)
    persons = torch.arange(12) % 4  # each image has positives and negatives
    theirs = CircleLoss(m=0.25, gamma=128, reducer=MeanReducer())(rows, persons)
    ours = loss_of(PairCircle(), persons, rows)
    torch.testing.assert_close(ours, theirs)
    (own,) = torch.autograd.grad(ours, rows)
    (other,) = torch.autograd.grad(theirs, rows)
    torch.testing.assert_close(own, other)


def test_the_weights_carry_no_gradient(vectors, loss_of):
    rows, persons = vectors[0].requires_grad_(), torch.tensor(vectors[1])
    (gradient,) = torch.autograd.grad(loss_of(PairCircle(8.0), persons, rows), rows)
    s, pairs = cosine_similarities(rows), pairs_of(persons)
    positives, negatives = pairs.positives, pairs.negatives
    constant = s.detach()
    terms = []
    for a in range(len(rows)):
        s_p, fixed_p = s[a][positives[a]], constant[a][positives[a]]
        s_n, fixed_n = s[a][negatives[a]], constant[a][negatives[a]]
        if len(s_p):
            towards = (-8 * (1.25 - fixed_p).clamp(min=0) * (s_p - 0.75)).exp().sum()
            away = (8 * (fixed_n + 0.25).clamp(min=0) * (s_n - 0.25)).exp().sum()
            terms.append((1 + towards * away).log())
    (expected,) = torch.autograd.grad(torch.stack(terms).mean(), rows)
    torch.testing.assert_close(gradient, expected)


def test_parts_are_averaged(vectors, loss_of):
    rows, persons = vectors
    both = loss_of(PairCircle(), persons, rows, rows[:, :2])
    expected = (slowly(rows, persons) + slowly(rows[:, :2], persons)) / 2
    assert both.item() == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("persons", [[0, 0, 0], [0, 1, 2], [4]])
def test_without_anchors_the_loss_is_zero_and_has_a_gradient(persons, loss_of):
    rows = torch.randn(len(persons), 4, requires_grad=True)
    loss = loss_of(PairCircle(), persons, rows)
    loss.backward()
    assert loss.item() == 0
    assert rows.grad.eq(0).all()


@pytest.mark.parametrize("scale", [128.0, 2048.0])
def test_copies_and_opposites_leave_gradients_finite(scale, loss_of):
    rows = torch.tensor([[1.0, 0], [1, 0], [1, 0], [-1, 0], [0, 0]], requires_grad=True)
    loss = loss_of(PairCircle(scale), [0, 0, 1, 1, 0], rows)
    loss.backward()
    assert loss.isfinite()
    assert rows.grad.isfinite().all()


def test_float32_under_autocast(loss_of):
    torch.manual_seed(0)
    rows = (torch.randn(8, 64) + 1).bfloat16()
    persons = [0, 0, 1, 1, 2, 2, 3, 3]
    expected = loss_of(PairCircle(), persons, rows.float())
    with torch.autocast("cpu", dtype=torch.bfloat16):
        loss = loss_of(PairCircle(), persons, rows)
    assert loss.dtype == torch.float32
    assert torch.equal(loss, expected)


@given(st.permutations(range(10)), st.lists(st.floats(0.1, 10), min_size=10, max_size=10))
def test_neither_order_nor_length_of_the_vectors_counts(order, lengths):
    torch.manual_seed(4)
    rows = torch.randn(10, 5, dtype=torch.float64)
    persons = torch.tensor([0, 1, 1, 2, 2, 2, 0, 1, 7, 2])
    loss = PairCircle()._of_vectors
    changed = (rows * torch.tensor(lengths)[:, None])[list(order)]
    torch.testing.assert_close(loss(changed, persons[list(order)]), loss(rows, persons))


def test_options():
    loss = LOSSES.build("pair_circle")
    assert (loss.scale, loss.margin) == (128.0, 0.25)
