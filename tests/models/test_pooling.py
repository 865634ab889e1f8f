"""Poolings against loops."""

import numpy as np
import pytest
import torch

from passerby.models.pooling import Average, Gem, Max


@pytest.fixture
def maps():
    torch.manual_seed(0)
    return torch.rand(2, 3, 4, 2, dtype=torch.float64)


@pytest.mark.parametrize(
    ("pooling", "of_values"),
    [
        (Average(), lambda values: sum(values) / len(values)),
        (Max(), max),
        (Gem().double(), lambda values: (sum(v**3 for v in values) / len(values)) ** (1 / 3)),
        (
            Gem(6.5).double(),
            lambda values: (sum(v**6.5 for v in values) / len(values)) ** (1 / 6.5),
        ),
    ],
)
def test_against_loops(pooling, of_values, maps):
    result = pooling(maps)
    assert result.shape == (2, 3)
    for b in range(2):
        for c in range(3):
            expected = of_values(maps[b, c].flatten().tolist())
            np.testing.assert_allclose(result[b, c].item(), expected, rtol=1e-9)


def test_gem_lies_between_average_and_max(maps):
    torch.testing.assert_close(Gem(1.0).double()(maps), Average()(maps))
    torch.testing.assert_close(Gem(300.0).double()(maps), Max()(maps), rtol=0.02, atol=0)


def test_gem_learns_its_power_also_from_maps_with_zeros(maps):
    gem = Gem()
    maps = maps.float() * (maps > 0.5)
    maps[0, 0] = 0
    maps.requires_grad_()
    gem(maps).sum().backward()
    assert [p.shape for p in gem.parameters()] == [(1,)]
    assert gem.power.grad.isfinite().all()
    assert gem.power.grad.abs() > 0
    assert maps.grad.isfinite().all()
