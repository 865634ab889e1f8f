"""Squeeze-and-excitation against its formulas, written out in loops."""

import numpy as np
import pytest
import torch

from passerby.models.attention.se import Se


def slowly(module, maps):
    """Hu et al. 2018, eq. 2-4: z_c is a mean, s = σ(W₂ δ(W₁ z)), x̃_c = s_c · x_c."""
    w1, b1 = module.squeeze.weight.detach().numpy(), module.squeeze.bias.detach().numpy()
    w2, b2 = module.excite.weight.detach().numpy(), module.excite.bias.detach().numpy()
    result = np.empty_like(maps)
    batch, channels, height, width = maps.shape
    for b in range(batch):
        squeezed = []
        for c in range(channels):
            total = 0.0
            for i in range(height):
                for j in range(width):
                    total += maps[b, c, i, j]
            squeezed.append(total / (height * width))
        hidden = []
        for row in range(len(b1)):
            hidden.append(
                max(0.0, sum(w1[row, c] * squeezed[c] for c in range(channels)) + b1[row])
            )
        for c in range(channels):
            score = sum(w2[c, row] * hidden[row] for row in range(len(hidden))) + b2[c]
            result[b, c] = maps[b, c] / (1 + np.exp(-score))
    return result


@pytest.mark.parametrize("channels", [3, 8, 32])
def test_forward(channels, maps_of):
    module = Se(channels, reduction=4).double()
    maps = maps_of(2, channels, 3, 2)
    np.testing.assert_allclose(
        module(maps).detach().numpy(), slowly(module, maps.numpy()), atol=1e-12
    )


def test_gradients(check_gradients):
    check_gradients(Se(6, reduction=2), channels=6)


@pytest.mark.parametrize(("channels", "reduction"), [(256, 16), (2048, 16), (64, 4), (8, 16)])
def test_parameters(channels, reduction):
    hidden = max(channels // reduction, 1)
    count = sum(p.numel() for p in Se(channels, reduction).parameters())
    assert count == 2 * channels * hidden + hidden + channels


def test_begins_as_one_half(maps_of):
    module = Se(8)
    maps = maps_of(2, 8, 3, 2).float()
    assert module.begin_as_constant() == 0.5
    assert torch.equal(module(maps), 0.5 * maps)
