"""Batch-hard triplet loss against a triple loop and pytorch-metric-learning."""

import math
from types import SimpleNamespace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from pytorch_metric_learning.distances import LpDistance
from pytorch_metric_learning.losses import TripletMarginLoss
from pytorch_metric_learning.miners import BatchHardMiner
from pytorch_metric_learning.reducers import MeanReducer

from passerby.losses.triplet import Triplet
from passerby.registry import LOSSES


def distance(a, b):
    return math.sqrt(sum((x - y) ** 2 for x, y in zip(a, b, strict=True)))


def slowly(vectors, persons, margin=0.3, soft=False, normalise=False):
    rows = vectors.tolist()
    if normalise:
        rows = [[value / distance(row, [0.0] * len(row)) for value in row] for row in rows]
    terms = []
    for a, anchor in enumerate(rows):
        worst = None
        for p, positive in enumerate(rows):
            for n, negative in enumerate(rows):
                if p != a and persons[p] == persons[a] and persons[n] != persons[a]:
                    gap = distance(anchor, positive) - distance(anchor, negative)
                    worst = gap if worst is None else max(worst, gap)
        if worst is not None:
            terms.append(math.log1p(math.exp(worst)) if soft else max(0.0, margin + worst))
    return sum(terms) / len(terms) if terms else 0.0


@pytest.mark.parametrize("margin", [0.0, 0.3, 2.0])
@pytest.mark.parametrize("soft", [False, True])
@pytest.mark.parametrize("normalise", [False, True])
def test_against_a_triple_loop(margin, soft, normalise, vectors, loss_of):
    loss = loss_of(Triplet(margin, soft, normalise), vectors[1], vectors[0])
    assert loss.shape == ()
    assert loss.item() == pytest.approx(slowly(*vectors, margin, soft, normalise), rel=1e-9)


@pytest.mark.parametrize("soft", [False, True])
def test_gradients(soft, vectors, loss_of):
    rows, persons = vectors
    assert torch.autograd.gradcheck(
        lambda rows: loss_of(Triplet(0.3, soft), persons, rows), (rows.requires_grad_(),)
    )


@pytest.mark.parametrize("normalise", [False, True])
@pytest.mark.parametrize("soft", [False, True])
def test_against_pytorch_metric_learning(normalise, soft, vectors, loss_of):
    rows, persons = vectors[0].requires_grad_(), torch.tensor(vectors[1])
    metric = LpDistance(normalize_embeddings=normalise)
    peer = TripletMarginLoss(
        0.0 if soft else 0.3, smooth_loss=soft, distance=metric, reducer=MeanReducer()
    )
    theirs = peer(rows, persons, BatchHardMiner(distance=metric)(rows, persons))
    ours = loss_of(Triplet(0.3, soft, normalise), persons, rows)
    torch.testing.assert_close(ours, theirs)
    (own,) = torch.autograd.grad(ours, rows)
    (other,) = torch.autograd.grad(theirs, rows)
    torch.testing.assert_close(own, other)


def test_parts_are_averaged(vectors, loss_of):
    rows, persons = vectors
    both = loss_of(Triplet(), persons, rows, rows[:, :2] * 3)
    expected = (slowly(rows, persons) + slowly(rows[:, :2] * 3, persons)) / 2
    assert both.item() == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("soft", [False, True])
@pytest.mark.parametrize("normalise", [False, True])
@pytest.mark.parametrize("row", [[2.0, 1.0, 2.0], [0.0, 3.0, 4.0], [0.3, -1.7, 0.9]])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_copies_of_an_image_leave_gradients_finite(soft, normalise, row, dtype, loss_of):
    rows = torch.tensor([row] * 6, dtype=dtype, requires_grad=True)
    loss = loss_of(Triplet(0.3, soft, normalise), [0, 0, 1, 1, 2, 2], rows)
    loss.backward()
    assert loss.item() == pytest.approx(math.log(2) if soft else 0.3, abs=1e-2)
    assert rows.grad.isfinite().all()


@pytest.mark.parametrize("persons", [[0, 0, 0], [0, 1, 2], [4]])
@pytest.mark.parametrize("normalise", [False, True])
def test_without_anchors_the_loss_is_zero_and_has_a_gradient(persons, normalise, loss_of):
    rows = torch.randn(len(persons), 4, requires_grad=True)
    loss = loss_of(Triplet(normalise=normalise), persons, rows)
    loss.backward()
    assert loss.item() == 0
    assert rows.grad.eq(0).all()


@pytest.mark.parametrize("normalise", [False, True])
def test_float32_under_autocast(normalise, loss_of):
    torch.manual_seed(0)
    rows = (torch.randn(8, 64) + 5).bfloat16()
    persons = [0, 0, 1, 1, 2, 2, 3, 3]
    expected = loss_of(Triplet(normalise=normalise), persons, rows.float())
    with torch.autocast("cpu", dtype=torch.bfloat16):
        rows.requires_grad_()
        loss = loss_of(Triplet(normalise=normalise), persons, rows)
    loss.backward()
    assert loss.dtype == torch.float32
    assert torch.equal(loss, expected)
    assert rows.grad.isfinite().all()


@given(st.permutations(range(10)), st.floats(0.1, 10))
def test_order_and_scale_of_the_batch(order, scale):
    torch.manual_seed(4)
    rows = torch.randn(10, 5, dtype=torch.float64)
    persons = [0, 1, 1, 2, 2, 2, 0, 1, 7, 2]
    expected = slowly(rows, persons, margin=0.5, normalise=True)
    shuffled = slowly(rows[list(order)], [persons[i] for i in order], margin=0.5, normalise=True)
    assert shuffled == pytest.approx(expected)
    loss = Triplet(0.5, normalise=True)._of_vectors(
        scale * rows[list(order)], torch.tensor([persons[i] for i in order])
    )
    assert loss.item() == pytest.approx(expected, rel=1e-9)


def test_options():
    loss = LOSSES.build("triplet(margin=0.2, soft=true, normalise=true)")
    assert (loss.margin, loss.soft, loss.normalise) == (0.2, True, True)
    with pytest.raises(ValueError, match="margin must not be negative, got -1"):
        LOSSES.build("triplet(margin=-1)")


def test_after_the_neck(vectors):
    rows, persons = vectors
    part = SimpleNamespace(before_neck=torch.zeros_like(rows), after_neck=rows)
    batch = SimpleNamespace(persons=torch.tensor(persons))
    loss = Triplet(0.5, after_neck=True)(SimpleNamespace(parts=(part,)), batch)
    assert loss.item() == pytest.approx(slowly(rows, persons, margin=0.5), rel=1e-9)
