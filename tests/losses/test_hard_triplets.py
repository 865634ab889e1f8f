"""The hardest triplets against a list of all of them."""

import pytest
import torch
import torch.nn.functional as F

from passerby.losses.hard_triplets import HardTriplets


def slowly(vectors, persons, margin, among):
    units = F.normalize(vectors)
    anchors = []
    for a in range(len(persons)):
        distances = (units - units[a]).square().sum(dim=1)
        losses = [
            (margin + distances[p] - distances[n]).clamp(min=0) / 2
            for p in range(len(persons))
            for n in range(len(persons))
            if p != a and persons[p] == persons[a] and persons[n] != persons[a]
        ]
        hardest = sorted(losses, reverse=True)[:among]
        if hardest:
            anchors.append(sum(hardest) / len(hardest))
    return sum(anchors) / len(anchors)


@pytest.mark.parametrize("among", [1, 3, 25])
@pytest.mark.parametrize("margin", [0.0, 0.1, 1.0])
def test_against_all_triplets(loss_of, vectors, margin, among):
    rows, persons = vectors
    found = loss_of(HardTriplets(margin, among), persons, rows)
    assert found.item() == pytest.approx(float(slowly(rows, persons, margin, among)), rel=1e-9)


def test_the_gradient_is_the_slow_ones(loss_of, vectors):
    rows, persons = vectors
    slow = rows.clone().requires_grad_()
    slowly(slow, persons, 0.5, 4).backward()
    rows.requires_grad_()
    loss_of(HardTriplets(0.5, 4), persons, rows).backward()
    torch.testing.assert_close(rows.grad, slow.grad)


def test_equal_vectors_and_batches_without_triplets(loss_of):
    same = torch.ones(4, 3, requires_grad=True)
    loss = loss_of(HardTriplets(0.1), [0, 0, 1, 1], same)
    loss.backward()
    assert loss.item() == pytest.approx(0.05)
    assert same.grad.isfinite().all()
    nothing = loss_of(HardTriplets(), [0, 0, 0, 0], same)
    nothing.backward()
    assert nothing.item() == 0


def test_parts_are_averaged(loss_of, vectors):
    rows, persons = vectors
    loss = HardTriplets()
    first, second = loss_of(loss, persons, rows), loss_of(loss, persons, rows[:, :3])
    both = loss_of(loss, persons, rows, rows[:, :3])
    torch.testing.assert_close(both, (first + second) / 2)


def test_refusals():
    with pytest.raises(ValueError, match=r"among of at least 1, got 0\.1 and 0"):
        HardTriplets(among=0)
    with pytest.raises(ValueError, match="a margin that is not negative"):
        HardTriplets(-1.0)


def test_a_zero_vector_is_at_distance_one_of_all_units(loss_of):
    rows = torch.tensor(
        [[0.0, 0.0], [0.0, 0.0], [3.0, 4.0], [1.0, 0.0]], dtype=torch.float64, requires_grad=True
    )
    persons = [0, 0, 1, 1]
    loss = loss_of(HardTriplets(1.5, 1), persons, rows)
    assert loss.item() == pytest.approx(float(slowly(rows.detach(), persons, 1.5, 1)))
    # Of the zeros: (1.5 + 0 - 1) / 2; of the others, 0.8 apart: (1.5 + 0.8 - 1) / 2.
    assert loss.item() == pytest.approx((0.25 + 0.65) / 2)
    loss.backward()
    assert rows.grad.abs().max() < 10
