"""Weighted regularised triplet loss against a loop over images and FastReID's."""

import collections
import collections.abc
import importlib
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
def test_fastreid_gives_the_same(monkeypatch, loss_of):
    pytest.importorskip("fastreid", reason="the peer fastreid is not installed")
    monkeypatch.setattr(collections, "Mapping", collections.abc.Mapping, raising=False)
    peer = importlib.import_module("fastreid.modeling.losses.triplet_loss").triplet_loss
    torch.manual_seed(0)
    rows = torch.randn(16, 8, requires_grad=True)
    persons = torch.arange(16) % 4
    theirs = peer(rows, persons, margin=0.0, norm_feat=False, hard_mining=False)
    ours = loss_of(WeightedTriplet(), persons, rows)
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
