"""CBAM against its formulas, written out in loops."""

import numpy as np
import pytest
import torch
from torch import nn

from passerby.models.attention import cbam_gradient
from passerby.models.attention.cbam import Cbam


def sigmoid(value):
    return 1 / (1 + np.exp(-value))


def channel_gates(module, maps):
    """Woo et al. 2018, eq. 2: σ(W₁ δ(W₀ F_avg) + W₁ δ(W₀ F_max)) for maps [C, H, W]."""
    first, second = module.squeeze.weight.detach().numpy(), module.excite.weight.detach().numpy()
    biases = [
        np.zeros(len(layer.weight)) if layer.bias is None else layer.bias.detach().numpy()
        for layer in (module.squeeze, module.excite)
    ]
    scores = np.zeros(len(maps))
    for pooled in ([m.sum() / m.size for m in maps], [max(m.reshape(-1)) for m in maps]):
        hidden = [
            max(0.0, b + sum(w * v for w, v in zip(row, pooled, strict=True)))
            for row, b in zip(first, biases[0], strict=True)
        ]
        for c, row in enumerate(second):
            scores[c] += biases[1][c] + sum(w * h for w, h in zip(row, hidden, strict=True))
    return [sigmoid(score) for score in scores]


def position_scores(module, maps):
    """Eq. 3 before σ: a k × k convolution over [mean; max] over the channels of [C, H, W]."""
    kernel = module.spatial.weight.detach().numpy()[0]  # [2, k, k]
    size = kernel.shape[1]
    channels, height, width = maps.shape
    scores = np.zeros((height, width))
    for i in range(height):
        for j in range(width):
            for di in range(size):
                for dj in range(size):
                    y, x = i + di - size // 2, j + dj - size // 2
                    if 0 <= y < height and 0 <= x < width:
                        column = [maps[c, y, x] for c in range(channels)]
                        scores[i, j] += kernel[0, di, dj] * sum(column) / channels
                        scores[i, j] += kernel[1, di, dj] * max(column)
    return scores


def slowly(module, maps):
    """F' = M_c(F) ⊗ F, F'' = M_s(F') ⊗ F'; a batch norm of the scores where there is one."""
    refined = np.stack(
        [[g * m for g, m in zip(channel_gates(module, x), x, strict=True)] for x in maps]
    )
    scores = np.stack([position_scores(module, x) for x in refined])
    norm = module.spatial_norm
    if isinstance(norm, nn.BatchNorm2d):
        mean, variance = scores.mean(), ((scores - scores.mean()) ** 2).mean()
        if not module.training:
            mean, variance = norm.running_mean.item(), norm.running_var.item()
        scores = (scores - mean) / np.sqrt(variance + norm.eps)
        scores = scores * norm.weight.item() + norm.bias.item()
    return refined * sigmoid(scores)[:, None]


@pytest.mark.parametrize("spatial_batch_norm", [False, True])
@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize(("channels", "kernel"), [(4, 7), (8, 3), (1, 7)])
def test_forward(spatial_batch_norm, training, channels, kernel, maps_of):
    authors = spatial_batch_norm  # both differences of their code
    module = Cbam(channels, 2, kernel, bias=authors, spatial_batch_norm=spatial_batch_norm)
    module.double().train(training)
    if spatial_batch_norm:
        module.spatial_norm.running_mean.fill_(0.2)
        module.spatial_norm.running_var.fill_(1.7)
        nn.init.constant_(module.spatial_norm.weight, 0.8)
        nn.init.constant_(module.spatial_norm.bias, -0.3)
    maps = maps_of(2, channels, 4, 3)
    expected = slowly(module, maps.numpy())
    np.testing.assert_allclose(module(maps).detach().numpy(), expected, atol=1e-12)


@pytest.mark.parametrize("spatial_batch_norm", [False, True])
def test_gradients(spatial_batch_norm, check_gradients):
    module = Cbam(4, 2, 3, bias=spatial_batch_norm, spatial_batch_norm=spatial_batch_norm)
    check_gradients(module, channels=4)


@pytest.mark.parametrize("channels", [256, 512, 1024, 2048, 8])
def test_parameters(channels):
    def count(**options):
        return sum(p.numel() for p in Cbam(channels, **options).parameters())

    hidden = max(channels // 16, 1)
    assert count() == 2 * channels * hidden + 2 * 7 * 7
    assert count(kernel=3) == 2 * channels * hidden + 2 * 3 * 3
    assert count(spatial_batch_norm=True) == 2 * channels * hidden + 2 * 7 * 7 + 2


@pytest.mark.parametrize("spatial_batch_norm", [False, True])
@pytest.mark.parametrize("training", [False, True])
def test_begins_as_one_quarter(spatial_batch_norm, training, maps_of):
    module = Cbam(8, bias=spatial_batch_norm, spatial_batch_norm=spatial_batch_norm)
    module.train(training)
    maps = maps_of(2, 8, 3, 2).float()
    assert module.begin_as_constant() == 0.25
    assert torch.equal(module(maps), 0.25 * maps)


@pytest.mark.parametrize("spatial_batch_norm", [False, True])
@pytest.mark.parametrize("layout", [torch.channels_last, torch.contiguous_format])
@pytest.mark.parametrize("block", [1, 600, 1 << 18])
def test_training_computes_what_the_definition_says(spatial_batch_norm, layout, block, monkeypatch):
    """Bit for bit, gradients too, with equal maxima (values of one decimal) and split blocks."""
    monkeypatch.setattr(cbam_gradient, "_BLOCK", block)
    generator = torch.Generator().manual_seed(3)
    module = Cbam(16, 2, bias=spatial_batch_norm, spatial_batch_norm=spatial_batch_norm)
    maps = torch.randn(5, 16, 6, 3, generator=generator).round(decimals=1)
    upstream = torch.randn(5, 16, 6, 3, generator=generator).contiguous(memory_format=layout)
    found = []
    for compute in (module, module.attended):
        module.zero_grad()
        own = maps.clone().contiguous(memory_format=layout).requires_grad_()
        out = compute(own)
        out.backward(upstream)
        found.append([out, own.grad, *(p.grad for p in module.parameters())])
    assert all(torch.equal(one, other) for one, other in zip(*found, strict=True))
    assert out.is_contiguous(memory_format=layout)


def test_a_frozen_module_passes_the_gradient_on(maps_of):
    module = Cbam(4, reduction=2).double().requires_grad_(False)
    module.squeeze.weight.requires_grad_()
    maps, found = maps_of(2, 4, 3, 2), []
    for compute in (module, module.attended):
        own = maps.clone().requires_grad_()
        compute(own).sum().backward()
        found.append(own.grad)
    assert torch.allclose(*found, rtol=1e-12)
    assert module.excite.weight.grad is None
    assert module.squeeze.weight.grad is not None
