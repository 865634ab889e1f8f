"""Pairs of a batch against loops over all of them."""

import math

import pytest
import torch

from passerby.losses.pairs import (
    at_least_float32,
    cosine_similarities,
    euclidean_distances,
    hardest_triplets,
    pairs_of,
    squared_distances,
    unit_vectors,
)


def test_pairs(vectors):
    _, persons = vectors
    pairs = pairs_of(torch.tensor(persons))
    for a in range(10):
        for b in range(10):
            assert pairs.positives[a, b] == (a != b and persons[a] == persons[b])
            assert pairs.negatives[a, b] == (persons[a] != persons[b])
    # The person of one image has no positive.
    assert pairs.anchors.tolist() == [row for row in range(10) if persons[row] != 7]


@pytest.mark.parametrize("persons", [[0, 0, 0], [0, 1, 2], [4]])
def test_batches_without_anchors(persons):
    assert len(pairs_of(torch.tensor(persons)).anchors) == 0


def test_distances(vectors):
    rows, _ = vectors
    lists = rows.tolist()
    for a, first in enumerate(lists):
        for b, second in enumerate(lists):
            distance = math.dist(first, second)
            product = sum(x * y for x, y in zip(first, second, strict=True))
            cosine = product / math.hypot(*first) / math.hypot(*second)
            assert squared_distances(rows)[a, b].item() == pytest.approx(distance**2, abs=1e-12)
            assert euclidean_distances(rows)[a, b].item() == pytest.approx(distance, abs=2e-6)
            assert cosine_similarities(rows)[a, b].item() == pytest.approx(cosine)


def test_hardest_triplets():
    rows = torch.tensor([[0.0], [1.0], [5.0], [7.0], [100.0]], dtype=torch.float64)
    hardest = hardest_triplets(euclidean_distances(rows), torch.tensor([0, 0, 0, 1, 2]))
    assert hardest.anchors.tolist() == [0, 1, 2]
    assert hardest.positives.tolist() == [2, 2, 0]
    assert hardest.negatives.tolist() == [3, 3, 3]
    torch.testing.assert_close(hardest.positive_distances, torch.tensor([5.0, 4, 5]).double())
    torch.testing.assert_close(hardest.negative_distances, torch.tensor([7.0, 6, 2]).double())


def test_float32_under_autocast():
    rows = (torch.randn(4, 64) + 5).bfloat16()
    functions = (unit_vectors, cosine_similarities, squared_distances, euclidean_distances)
    for function in functions:
        expected = function(rows.float())
        with torch.autocast("cpu", dtype=torch.bfloat16):
            found = function(rows)
        assert found.dtype == torch.float32
        assert torch.equal(found, expected)
    assert at_least_float32(rows.double()).dtype == torch.float64


def test_a_zero_vector_has_no_direction_and_no_gradient():
    rows = torch.tensor([[3.0, 4.0], [0.0, 0.0]], requires_grad=True)
    units = unit_vectors(rows)
    torch.testing.assert_close(units, torch.tensor([[0.6, 0.8], [0.0, 0.0]]))
    units.sum().backward()
    # The sum of the unit vector's numbers, by hand: d/dx (x + y) / r = y (y - x) / r³.
    torch.testing.assert_close(rows.grad, torch.tensor([[4 / 125, -3 / 125], [0.0, 0.0]]))
