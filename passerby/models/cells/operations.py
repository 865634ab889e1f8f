"""The operations between two nodes of a cell, by the names that genotypes use.

Those of DARTS (Liu et al. 2019, "DARTS: Differentiable Architecture Search",
https://arxiv.org/abs/1806.09055) of size 3×3, and the part-aware one of Auto-ReID
(`part_aware`). Each takes maps [B, C, h, w] to [B, C, ⌈h / stride⌉, ⌈w / stride⌉]. Convolutions
come in the order ReLU, convolution, batch norm. affine: whether batch norms have weights of their
own; in a search they have none, so that the weights of operations alone say what an edge is worth.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from passerby.models.cells.part_aware import PartAware
from passerby.process.spelling import suggest


class ConvNorm(nn.Module):
    """ReLU, 1×1 convolution, batch norm: maps [B, channels, h, w] to [B, out, h, w]."""

    def __init__(self, channels: int, out: int, affine: bool = True) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, out, 1, bias=False)
        self.norm = nn.BatchNorm2d(out, affine=affine)

    def forward(self, maps: Tensor) -> Tensor:
        return self.norm(self.conv(F.relu(maps)))


class Halve(nn.Module):
    """ReLU, two 1×1 convolutions of stride 2 side by side, one a pixel further; batch norm.

    So that of every four positions two are seen and not one. Maps [B, channels, h, w] to
    [B, out, ⌈h / 2⌉, ⌈w / 2⌉]; beyond an odd edge stand zeros.
    """

    def __init__(self, channels: int, out: int, affine: bool = True) -> None:
        super().__init__()
        self.even = nn.Conv2d(channels, out // 2, 1, stride=2, bias=False)
        self.odd = nn.Conv2d(channels, out - out // 2, 1, stride=2, bias=False)
        self.norm = nn.BatchNorm2d(out, affine=affine)

    def forward(self, maps: Tensor) -> Tensor:
        maps = F.relu(maps)
        further = F.pad(maps, (0, 1, 0, 1))[:, :, 1:, 1:]
        return self.norm(torch.cat([self.even(maps), self.odd(further)], dim=1))


class Separable(nn.Module):
    """ReLU, 3×3 within each channel, 1×1 across channels, batch norm."""

    def __init__(self, channels: int, stride: int, dilation: int, affine: bool = True) -> None:
        super().__init__()
        self.depthwise = nn.Conv2d(
            channels,
            channels,
            3,
            stride,
            padding=dilation,
            dilation=dilation,
            groups=channels,
            bias=False,
        )
        self.pointwise = nn.Conv2d(channels, channels, 1, bias=False)
        self.norm = nn.BatchNorm2d(channels, affine=affine)

    def forward(self, maps: Tensor) -> Tensor:
        return self.norm(self.pointwise(self.depthwise(F.relu(maps))))


class Nothing(nn.Module):
    """ "none": zeros, by which a search says that an edge is not worth having."""

    def __init__(self, stride: int) -> None:
        super().__init__()
        self.stride = stride

    def forward(self, maps: Tensor) -> Tensor:
        return torch.zeros_like(maps[:, :, :: self.stride, :: self.stride])


def _skip(channels: int, stride: int, affine: bool) -> nn.Module:
    return nn.Identity() if stride == 1 else Halve(channels, channels, affine)


def _twice_separable(channels: int, stride: int, affine: bool) -> nn.Module:
    """As in NASNet, which DARTS follows."""
    first = Separable(channels, stride, 1, affine)
    return nn.Sequential(first, Separable(channels, 1, 1, affine))


_Maker = Callable[[int, int, bool], nn.Module]

_MAKERS: dict[str, _Maker] = {
    "none": lambda _, stride, __: Nothing(stride),
    "max_pool_3x3": lambda _, stride, __: nn.MaxPool2d(3, stride, padding=1),
    "avg_pool_3x3": lambda _, s, __: nn.AvgPool2d(3, s, padding=1, count_include_pad=False),
    "skip_connect": _skip,
    "sep_conv_3x3": _twice_separable,
    "dil_conv_3x3": lambda channels, stride, affine: Separable(channels, stride, 2, affine),
    "part_aware": lambda channels, stride, affine: PartAware(channels, stride, affine=affine),
}
NAMES = tuple(_MAKERS)


def build_operation(name: str, channels: int, stride: int, affine: bool = True) -> nn.Module:
    """The operation of a name; stride 1, or 2 in front of the inner nodes of a reduction cell.

    Raises:
        ValueError: for a name that there is not.
    """
    if name not in NAMES:
        known = ", ".join(NAMES)
        raise ValueError(f"no operation is named {name!r}{suggest(name, NAMES)} (known: {known})")
    return _MAKERS[name](channels, stride, affine)
