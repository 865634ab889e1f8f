"""The shortest path against all paths, written out."""

import itertools
import math

import pytest
import torch

from passerby.alignment import aligned_distance


def all_paths(rows, columns):
    """Every way from the first to the last cell, down or to the right."""
    moves = [(1, 0)] * (rows - 1) + [(0, 1)] * (columns - 1)
    for order in set(itertools.permutations(moves)):
        cells = [(0, 0)]
        for down, right in order:
            cells.append((cells[-1][0] + down, cells[-1][1] + right))
        yield cells


def slowly(distances):
    steps = [[(math.exp(d) - 1) / (math.exp(d) + 1) for d in row] for row in distances]
    paths = all_paths(len(steps), len(steps[0]))
    return min(sum(steps[i][j] for i, j in cells) for cells in paths)


@pytest.mark.parametrize("shape", [(1, 1), (1, 4), (3, 1), (2, 2), (3, 4), (4, 4)])
def test_against_all_paths(shape):
    torch.manual_seed(0)
    distances = 3 * torch.rand(*shape, 5, dtype=torch.float64)
    found = aligned_distance(distances)
    expected = [slowly(distances[:, :, n].tolist()) for n in range(5)]
    torch.testing.assert_close(found, torch.tensor(expected, dtype=torch.float64))


def test_gradients():
    torch.manual_seed(0)
    distances = torch.rand(4, 3, 2, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(aligned_distance, (distances,))
