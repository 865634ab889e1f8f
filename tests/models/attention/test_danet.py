"""Dual attention against its formulas, written out in loops."""

import numpy as np
import pytest
import torch
from torch import nn

from passerby.models.attention.danet import Danet


def softmax(values):
    powers = [np.exp(value - max(values)) for value in values]
    return [power / sum(powers) for power in powers]


def at_position(conv, column):
    """A 1 × 1 convolution at one position."""
    weight, bias = conv.weight.detach().numpy()[:, :, 0, 0], conv.bias.detach().numpy()
    return [float(np.dot(row, column)) + b for row, b in zip(weight, bias, strict=True)]


def of_positions(module, maps):
    """Fu et al. 2019, eq. 1-2 without α and E_j's first term: Σ_i s_ji D_i, s_ji ∝ exp(B_i · C_j).

    One image [C, H, W]; B is the key, C the query of position j, D the value.
    """
    channels, height, width = maps.shape
    columns = [maps[:, i, j] for i in range(height) for j in range(width)]
    keys = [at_position(module.key, column) for column in columns]
    values = [at_position(module.value, column) for column in columns]
    result = np.zeros_like(maps)
    for j, column in enumerate(columns):
        asked = at_position(module.query, column)
        weights = softmax([sum(a * k for a, k in zip(asked, key, strict=True)) for key in keys])
        for weight, value in zip(weights, values, strict=True):
            for c in range(channels):
                result[c, j // width, j % width] += weight * value[c]
    return result


def of_channels(maps):
    """Eq. 3-4 likewise: Σ_i x_ji A_i; as in the authors' code, x_ji ∝ exp(max_i e_ji − e_ji)."""
    result = np.zeros_like(maps)
    for j, channel in enumerate(maps):
        energies = [float(np.sum(channel * other)) for other in maps]
        for weight, other in zip(
            softmax([max(energies) - energy for energy in energies]), maps, strict=True
        ):
            result[j] += weight * other
    return result


@pytest.mark.parametrize("channels", [1, 4, 6])
def test_forward(channels, maps_of):
    module = Danet(channels, reduction=2).double()
    nn.init.constant_(module.position_gain, 0.7)
    nn.init.constant_(module.channel_gain, -1.3)
    maps = maps_of(2, channels, 3, 2)
    expected = [x + 0.7 * of_positions(module, x) - 1.3 * of_channels(x) for x in maps.numpy()]
    np.testing.assert_allclose(module(maps).detach().numpy(), np.stack(expected), atol=1e-12)


def test_gradients(check_gradients):
    module = Danet(4, reduction=2)
    nn.init.constant_(module.position_gain, 0.7)
    nn.init.constant_(module.channel_gain, -1.3)
    check_gradients(module, channels=4)


@pytest.mark.parametrize(("channels", "reduction"), [(2048, 8), (512, 8), (4, 8)])
def test_parameters(channels, reduction):
    inner = max(channels // reduction, 1)
    expected = 2 * (channels * inner + inner) + channels * channels + channels + 2
    assert sum(p.numel() for p in Danet(channels, reduction).parameters()) == expected


def test_begins_as_the_identity(maps_of):
    module = Danet(8)
    maps = maps_of(2, 8, 3, 2).float()
    assert torch.equal(module(maps), maps)
    assert module.begin_as_constant() == 1
    assert torch.equal(module(maps), maps)
