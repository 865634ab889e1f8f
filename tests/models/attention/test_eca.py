"""Efficient channel attention against its formulas, written out in loops."""

import numpy as np
import pytest
import torch

from passerby.models.attention.eca import Eca, kernel_size


def slowly(module, maps):
    """Wang et al. 2020, eq. 5-6: ω_i = σ(Σ_j w_j y_j) over the k neighbours of channel i."""
    kernel = module.conv.weight.detach().numpy().reshape(-1)
    result = np.empty_like(maps)
    for b in range(maps.shape[0]):
        means = [float(np.sum(channel)) / channel.size for channel in maps[b]]
        for i in range(len(means)):
            score = 0.0
            for tap, weight in enumerate(kernel):
                neighbour = i + tap - len(kernel) // 2
                if 0 <= neighbour < len(means):
                    score += weight * means[neighbour]
            result[b, i] = maps[b, i] / (1 + np.exp(-score))
    return result


@pytest.mark.parametrize("channels", [1, 4, 16, 64])
def test_forward(channels, maps_of):
    module = Eca(channels).double()
    maps = maps_of(2, channels, 3, 2)
    np.testing.assert_allclose(
        module(maps).detach().numpy(), slowly(module, maps.numpy()), atol=1e-12
    )


def test_gradients(check_gradients):
    check_gradients(Eca(8), channels=8)


@pytest.mark.parametrize(
    ("channels", "size"), [(64, 3), (128, 5), (256, 5), (512, 5), (1024, 5), (2048, 7)]
)
def test_kernel_sizes_of_the_paper(channels, size):
    assert kernel_size(channels) == size
    assert sum(p.numel() for p in Eca(channels).parameters()) == size


@pytest.mark.parametrize("channels", range(1, 3000, 37))
def test_kernel_is_odd(channels):
    assert kernel_size(channels) % 2 == 1


def test_begins_as_one_half(maps_of):
    module = Eca(8)
    maps = maps_of(2, 8, 3, 2).float()
    assert module.begin_as_constant() == 0.5
    assert torch.equal(module(maps), 0.5 * maps)
