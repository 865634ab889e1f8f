"""Mutual learning by distances against loops over pairs, and who learns from whom."""

import pytest
import torch

from passerby.losses.mutual_distances import MutualDistances


def slowly(*vectors):
    terms = []
    for one in range(len(vectors)):
        for other in range(len(vectors)):
            if one != other:
                for i in range(len(vectors[0])):
                    for j in range(len(vectors[0])):
                        own = (vectors[one][i] - vectors[one][j]).norm()
                        target = (vectors[other][i] - vectors[other][j]).norm()
                        terms.append(float((own - target) ** 2))
    return sum(terms) / len(terms)


@pytest.fixture
def several(vectors):
    rows, persons = vectors
    torch.manual_seed(2)
    others = [torch.randn(10, width, dtype=torch.float64) for width in (5, 3)]
    return [rows, *others], persons


@pytest.mark.parametrize("networks", [2, 3])
def test_against_loops(loss_of, several, networks):
    rows, persons = several
    found = loss_of(MutualDistances(), persons, *rows[:networks])
    # The slow version has zeros on the diagonal, ours the root of 1e-12 twice.
    assert found.item() == pytest.approx(slowly(*rows[:networks]), rel=1e-9)


def test_the_target_passes_no_gradient(loss_of, several):
    (first, second, _), persons = several
    first.requires_grad_()
    loss_of(MutualDistances(), persons, first, second).backward()
    # As if the second were a constant: only the pair in which the first learns has a slope.
    alone = first.detach().clone().requires_grad_()
    apart = (alone[:, None] - alone[None, :]).square().sum(dim=2).clamp(min=1e-12).sqrt()
    target = (second[:, None] - second[None, :]).norm(dim=2)
    ((apart - target).square().mean() / 2).backward()
    torch.testing.assert_close(first.grad, alone.grad)
    assert second.grad is None


def test_equal_vectors_have_finite_gradients(loss_of):
    first = torch.ones(4, 3, requires_grad=True)
    loss_of(MutualDistances(), [0, 0, 1, 1], first, torch.randn(4, 3)).backward()
    assert first.grad.isfinite().all()


def test_one_part_is_refused(loss_of):
    with pytest.raises(ValueError, match="mutual_distances compares several networks"):
        loss_of(MutualDistances(), [0, 1], torch.zeros(2, 3))
