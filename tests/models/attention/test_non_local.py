"""The non-local block against its formulas, written out in loops."""

import numpy as np
import pytest
import torch
from torch import nn

from passerby.models.attention.non_local import NonLocal


def at_positions(conv, columns):
    """A 1 × 1 convolution of one image's columns, [HW] vectors of C values each."""
    weight, bias = conv.weight.detach().numpy()[:, :, 0, 0], conv.bias.detach().numpy()
    return [
        [
            sum(w * v for w, v in zip(row, column, strict=True)) + b
            for row, b in zip(weight, bias, strict=True)
        ]
        for column in columns
    ]


def slowly(module, maps):
    """Wang et al. 2018, eq. 1, 2 and 6: y_i = Σ_j softmax_j(θ_i · φ_j / √d) g_j, z_i = W y_i + x_i.

    d, of the authors' code alone, is how many channels are multiplied.
    """
    batch, channels, height, width = maps.shape
    added = np.empty_like(maps)
    for b in range(batch):
        columns = [maps[b, :, i, j] for i in range(height) for j in range(width)]
        asked = at_positions(module.theta, columns)
        keys = at_positions(module.phi, columns)
        values = at_positions(module.g, columns)
        attended = []
        for query in asked:
            products = [sum(q * k for q, k in zip(query, key, strict=True)) for key in keys]
            weights = [np.exp(product / np.sqrt(len(query))) for product in products]
            attended.append(
                [
                    sum(w * value[c] for w, value in zip(weights, values, strict=True))
                    / sum(weights)
                    for c in range(len(values[0]))
                ]
            )
        for position, column in enumerate(at_positions(module.out, attended)):
            added[b, :, position // width, position % width] = column
    norm = module.norm
    for c in range(channels):
        mean, variance = norm.running_mean[c].item(), norm.running_var[c].item()
        if module.training:
            mean, variance = added[:, c].mean(), ((added[:, c] - added[:, c].mean()) ** 2).mean()
        added[:, c] = (added[:, c] - mean) / np.sqrt(variance + norm.eps)
        added[:, c] = added[:, c] * norm.weight[c].item() + norm.bias[c].item()
    return maps + added


def widened(module):
    """With weights at which the softmax is far from even."""
    for convolution in (module.theta, module.phi, module.g, module.out):
        nn.init.normal_(convolution.weight)
        nn.init.normal_(convolution.bias)
    return module


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("channels", [1, 4, 6])
def test_forward(training, channels, maps_of):
    module = widened(NonLocal(channels)).double()
    for values in (module.norm.weight, module.norm.bias, module.norm.running_mean):
        nn.init.normal_(values)
    nn.init.uniform_(module.norm.running_var, 0.5, 2)
    module.train(training)
    maps = maps_of(2, channels, 3, 2)
    expected = slowly(module, maps.numpy())
    np.testing.assert_allclose(module(maps).detach().numpy(), expected, atol=1e-12)


@pytest.mark.parametrize("training", [False, True])
def test_gradients(training, check_gradients):
    module = widened(NonLocal(4))
    nn.init.normal_(module.norm.weight)
    check_gradients(module.train(training), channels=4)


@pytest.mark.parametrize("channels", [512, 1024, 7])
def test_parameters(channels):
    inner = channels // 2
    expected = 3 * (channels * inner + inner) + (inner * channels + channels) + 2 * channels
    assert sum(p.numel() for p in NonLocal(channels).parameters()) == expected


@pytest.mark.parametrize("training", [False, True])
def test_begins_as_the_identity(training, maps_of):
    module = NonLocal(8).train(training)
    maps = maps_of(2, 8, 3, 2).float()
    assert torch.equal(module(maps), maps)
    assert module.begin_as_constant() == 1
    assert torch.equal(module(maps), maps)


def test_at_first_every_position_gets_about_as_much(maps_of):
    """On maps as a ResNet's third stage has them: with larger weights one gets nearly all."""
    weights = NonLocal(1024).weights(2 * maps_of(1, 1024, 6, 4).float().abs())["positions"]
    assert weights.min() > 0.5
    assert weights.max() < 2
