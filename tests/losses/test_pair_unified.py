"""The unified pair loss (the paper's eq. 4) against a triple loop, and its relation to circle."""

import math
from types import SimpleNamespace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from passerby.losses.pair_circle import log_sum_of_pairs
from passerby.losses.pair_unified import PairUnified
from passerby.losses.pairs import cosine_similarities, pairs_of
from passerby.registry import LOSSES


def cosine(a, b):
    product = sum(x * y for x, y in zip(a, b, strict=True))
    return product / math.sqrt(sum(x * x for x in a)) / math.sqrt(sum(y * y for y in b))


def slowly(vectors, persons, scale=64.0, m=0.3):
    rows, terms = vectors.tolist(), []
    for a, anchor in enumerate(rows):
        total, pairs = 0.0, 0
        for n, negative in enumerate(rows):
            for p, positive in enumerate(rows):
                if persons[n] != persons[a] and p != a and persons[p] == persons[a]:
                    gap = cosine(anchor, negative) - cosine(anchor, positive)
                    total += math.exp(scale * (gap + m))
                    pairs += 1
        if pairs:
            terms.append(math.log1p(total))
    return sum(terms) / len(terms) if terms else 0.0


@pytest.mark.parametrize("scale", [1.0, 64.0])
@pytest.mark.parametrize("margin", [0.0, 0.3, 0.5])
def test_against_a_triple_loop(scale, margin, vectors, loss_of):
    loss = loss_of(PairUnified(scale, margin), vectors[1], vectors[0])
    assert loss.item() == pytest.approx(slowly(*vectors, scale, margin), rel=1e-9)


def test_gradients(vectors, loss_of):
    rows, persons = vectors
    assert torch.autograd.gradcheck(
        lambda rows: loss_of(PairUnified(4.0), persons, rows), (rows.requires_grad_(),)
    )


@pytest.mark.parametrize("m", [0.0, 0.25, 0.4])
def test_circle_with_weights_fixed_at_one_is_this_form(m, vectors, loss_of):
    """γ(s_n − m) − γ(s_p − (1 − m)) = γ(s_n − s_p + 1 − 2m)."""
    rows, persons = vectors
    s = cosine_similarities(rows)
    circle = log_sum_of_pairs(64 * (1 - m - s), 64 * (s - m), pairs_of(torch.tensor(persons)))
    torch.testing.assert_close(loss_of(PairUnified(64.0, 1 - 2 * m), persons, rows), circle)


def test_parts_are_averaged(vectors, loss_of):
    rows, persons = vectors
    both = loss_of(PairUnified(), persons, rows, rows[:, :2])
    expected = (slowly(rows, persons) + slowly(rows[:, :2], persons)) / 2
    assert both.item() == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("persons", [[0, 0, 0], [0, 1, 2], [4]])
def test_without_anchors_the_loss_is_zero_and_has_a_gradient(persons, loss_of):
    rows = torch.randn(len(persons), 4, requires_grad=True)
    loss = loss_of(PairUnified(), persons, rows)
    loss.backward()
    assert loss.item() == 0
    assert rows.grad.eq(0).all()


def test_float32_under_autocast(loss_of):
    torch.manual_seed(0)
    rows = (torch.randn(8, 64) + 1).bfloat16()
    persons = [0, 0, 1, 1, 2, 2, 3, 3]
    expected = loss_of(PairUnified(), persons, rows.float())
    with torch.autocast("cpu", dtype=torch.bfloat16):
        loss = loss_of(PairUnified(), persons, rows)
    assert loss.dtype == torch.float32
    assert torch.equal(loss, expected)


@given(st.permutations(range(10)), st.lists(st.floats(0.1, 10), min_size=10, max_size=10))
def test_neither_order_nor_length_of_the_vectors_counts(order, lengths):
    torch.manual_seed(4)
    rows = torch.randn(10, 5, dtype=torch.float64)
    persons = torch.tensor([0, 1, 1, 2, 2, 2, 0, 1, 7, 2])
    loss = PairUnified()._of_vectors
    changed = (rows * torch.tensor(lengths)[:, None])[list(order)]
    torch.testing.assert_close(loss(changed, persons[list(order)]), loss(rows, persons))


def test_options():
    loss = LOSSES.build("pair-unified(scale=32)")
    assert (loss.scale, loss.margin) == (32, 0.3)


def test_two_images_a_person_are_a_cross_entropy_after_the_neck():
    torch.manual_seed(0)
    before, after = torch.randn(2, 8, 5)
    persons = torch.arange(4).repeat_interleave(2)
    part = SimpleNamespace(before_neck=before, after_neck=after)
    loss = PairUnified(scale=16, margin=0, after_neck=True)(
        SimpleNamespace(parts=(part,)), SimpleNamespace(persons=persons)
    )
    unit = torch.nn.functional.normalize(after)
    logits = (16 * unit @ unit.T).masked_fill(torch.eye(8, dtype=torch.bool), -torch.inf)
    other = torch.arange(8) ^ 1
    assert loss.item() == pytest.approx(torch.nn.functional.cross_entropy(logits, other).item())
