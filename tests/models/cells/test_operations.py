"""Every operation of cells against a slow version, at both strides and at odd sizes."""

import math

import pytest
import torch
from torch import nn

from passerby.models.cells.operations import NAMES, ConvNorm, Halve, Separable, build_operation

SIZES = [(8, 4), (9, 5)]


def settled(module):
    """In evaluation, with statistics and weights of batch norm that are not the first ones."""
    torch.manual_seed(1)
    for norm in module.modules():
        if isinstance(norm, (nn.BatchNorm1d, nn.BatchNorm2d)):
            norm.running_mean.normal_()
            norm.running_var.uniform_(0.5, 2)
            if norm.affine:
                nn.init.normal_(norm.weight)
                nn.init.normal_(norm.bias)
    return module.eval()


def normalised(maps, norm):
    """Batch norm by its formula, channel by channel."""
    found = torch.empty_like(maps)
    for c in range(maps.shape[1]):
        scaled = (maps[:, c] - norm.running_mean[c]) / math.sqrt(norm.running_var[c] + norm.eps)
        found[:, c] = norm.weight[c] * scaled + norm.bias[c] if norm.affine else scaled
    return found


def at(maps, channel, row, column, outside=0.0):
    """A value of maps [C, h, w], or what stands beyond their edge."""
    inside = 0 <= row < maps.shape[1] and 0 <= column < maps.shape[2]
    return float(maps[channel, row, column]) if inside else outside


def by_places(maps, stride, value):
    """value(image, channel, row, column) at every place of the output."""
    rows, columns = (-(-size // stride) for size in maps.shape[2:])
    found = torch.empty(*maps.shape[:2], rows, columns)
    for b, image in enumerate(maps):
        for c in range(maps.shape[1]):
            for i in range(rows):
                for j in range(columns):
                    found[b, c, i, j] = value(image, c, i * stride, j * stride)
    return found


def separated(maps, module, stride, dilation):
    def value(image, c, row, column):
        weights = module.depthwise.weight[c, 0]
        return sum(
            float(weights[a, b])
            * max(at(image, c, row + (a - 1) * dilation, column + (b - 1) * dilation), 0)
            for a in range(3)
            for b in range(3)
        )

    within = by_places(maps, stride, value)
    across = torch.einsum("oc,bchw->bohw", module.pointwise.weight[:, :, 0, 0], within)
    return normalised(across, module.norm)


def pooled(maps, stride, worth):
    def value(image, c, row, column):
        around = [(row + a, column + b) for a in (-1, 0, 1) for b in (-1, 0, 1)]
        seen = [at(image, c, *place, outside=None) for place in around]
        return worth([one for one in seen if one is not None])

    return by_places(maps, stride, value)


def halved(maps, module):
    maps = maps.clamp(min=0)
    even, odd = (
        by_places(maps, 2, at),
        by_places(maps, 2, lambda m, c, i, j: at(m, c, i + 1, j + 1)),
    )
    outs = [
        torch.einsum("oc,bchw->bohw", conv.weight[:, :, 0, 0], seen)
        for conv, seen in ((module.even, even), (module.odd, odd))
    ]
    return normalised(torch.cat(outs, dim=1), module.norm)


def expected(name, module, maps, stride):
    if name == "none":
        return by_places(maps, stride, lambda *_: 0.0)
    if name == "max_pool_3x3":
        return pooled(maps, stride, max)
    if name == "avg_pool_3x3":  # what stands beyond the edge does not count
        return pooled(maps, stride, lambda seen: sum(seen) / len(seen))
    if name == "skip_connect":
        return maps if stride == 1 else halved(maps, module)
    if name == "sep_conv_3x3":
        return separated(separated(maps, module[0], stride, 1), module[1], 1, 1)
    assert name == "dil_conv_3x3"
    return separated(maps, module, stride, 2)


@torch.no_grad()
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("name", [name for name in NAMES if name != "part_aware"])
def test_an_operation_by_its_formula(name, stride, size):
    torch.manual_seed(0)
    module = settled(build_operation(name, 5, stride))
    maps = torch.randn(2, 5, *size)
    torch.testing.assert_close(module(maps), expected(name, module, maps, stride))


@torch.no_grad()
def test_what_brings_maps_to_another_width():
    torch.manual_seed(0)
    maps = torch.randn(2, 3, 5, 4)
    one = settled(ConvNorm(3, 7))
    across = torch.einsum("oc,bchw->bohw", one.conv.weight[:, :, 0, 0], maps.clamp(min=0))
    torch.testing.assert_close(one(maps), normalised(across, one.norm))
    half = settled(Halve(3, 7))
    torch.testing.assert_close(half(maps), halved(maps, half))


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("name", NAMES)
def test_sizes_agree_and_searches_have_no_weights_of_norms(name, stride):
    module = build_operation(name, 6, stride, affine=False)
    assert module(torch.randn(2, 6, 9, 6)).shape == (2, 6, -(-9 // stride), 6 // stride)
    norms = [m for m in module.modules() if isinstance(m, (nn.BatchNorm1d, nn.BatchNorm2d))]
    assert not any(norm.affine for norm in norms)


def test_a_dilated_convolution_sees_five_by_five():
    module = Separable(1, 1, 2).eval()
    nn.init.ones_(module.depthwise.weight)
    nn.init.ones_(module.pointwise.weight)
    maps = torch.zeros(1, 1, 9, 9)
    maps[..., 4, 4] = 1
    seen = module(maps)[0, 0].nonzero()
    assert seen.amin(dim=0).tolist() == [2, 2]
    assert seen.amax(dim=0).tolist() == [6, 6]
    assert len(seen) == 9


def test_a_slip_is_named():
    with pytest.raises(ValueError, match="no operation is named 'sep_conv_5x5'; did you mean"):
        build_operation("sep_conv_5x5", 4, 1)
