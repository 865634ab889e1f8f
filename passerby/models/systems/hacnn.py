"""HA-CNN: soft and hard attention learnt together, a global and a local branch.

Li, Zhu, Gong, "Harmonious Attention Network for Person Re-Identification", CVPR 2018,
https://arxiv.org/abs/1802.08122.

From the paper: three levels of Inception units, 128, 256 and 384 wide, at 160×64, trained from
scratch; after each level, soft attention (a map over positions times a map over channels, mixed by
a 1×1 convolution, sigmoid) weighs the global branch, and hard attention (a linear layer and tanh)
places four regions of fixed scale, which a spatial transformer cuts out of what entered the level;
a region is resized to 24×28, 12×14, 6×7, added to its stream of the level before, and goes through
a unit that the four streams share; a vector of 512 of each branch, a classifier on each; tested on
both vectors side by side, each at unit length.

Read in torchreid's code, as the paper leaves it open and its authors published none: the regions
begin as four horizontal stripes (the bias of the hard attention); ReLU and batch norm after every
convolution of the soft attention, so that its weights lie between 1/2 and 1; corners aligned where
maps are enlarged. A test compares both codes with the same weights. The paper counts 2.7 million
parameters, torchreid's network, and so ours, has 2.93 without the classifiers: it is not the
authors' to the last layer.

Ours: inputs of other sizes; the maps of the spatial attention are enlarged to the size of the maps
they weigh (theirs to twice their own, which is the same for even sizes).
"""

from __future__ import annotations

from itertools import pairwise
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from passerby.config import Network
from passerby.models.features import Features
from passerby.models.system import System, build_classifiers, classified, require_defaults
from passerby.registry import SYSTEMS

_WIDTHS = (32, 128, 256, 384)  # of the stem and the three levels
_REGION_SIZES = ((24, 28), (12, 14), (6, 7))
_REGIONS = 4


@SYSTEMS.register
class Hacnn(System):
    """HA-CNN (Li et al. 2018): parts "global" and "local"; reads the classifier alone.

    The embedding is both vectors side by side, each at unit length [B, 2 · width].
    """

    def __init__(self, network: Network, persons: int, width: int = 512) -> None:
        super().__init__()
        require_defaults(network, "hacnn", frozenset({"classifier"}))
        if network.start != "none":
            raise ValueError(
                "hacnn is trained from scratch and has no ImageNet weights: set network.start=none"
            )
        self.dimensions = 2 * width
        self.conv = _Unit(3, _WIDTHS[0], 3, stride=2)
        for level, (channels, out) in enumerate(pairwise(_WIDTHS), 1):
            self.add_module(
                f"inception{level}",
                nn.Sequential(_InceptionA(channels, out), _InceptionB(out, out)),
            )
            self.add_module(f"ha{level}", _Harmonious(out))
            self.add_module(f"local_conv{level}", _InceptionB(channels, out))
        self.fc_global = _head(_WIDTHS[-1], width)
        self.fc_local = _head(_WIDTHS[-1] * _REGIONS, width)
        self.classifier = build_classifiers(network, {"global": width, "local": width}, persons)

    def last_maps(self) -> tuple[nn.Module, ...]:
        # Of the global branch: the local one's regions lie where each image has them.
        return (self.get_submodule(f"inception{len(_REGION_SIZES)}"),)

    def forward(self, images: Tensor, cameras: Tensor | None = None) -> Features:
        maps = self.conv(images)
        streams: list[Tensor] = []
        for level, size in enumerate(_REGION_SIZES, 1):
            weighed, places = self._level(level, maps)
            regions = [_cut(maps, places[:, number], size) for number in range(_REGIONS)]
            if streams:
                regions = [own + before for own, before in zip(regions, streams, strict=True)]
            shared = self.get_submodule(f"local_conv{level}")
            streams = [shared(region) for region in regions]
            maps = weighed
        whole = self.fc_global(maps.mean(dim=(2, 3)))
        local = self.fc_local(torch.cat([stream.mean(dim=(2, 3)) for stream in streams], dim=1))
        parts = (
            classified("global", whole, whole, self.classifier),
            classified("local", local, local, self.classifier),
        )
        return Features(torch.cat([F.normalize(whole), F.normalize(local)], dim=1), parts)

    def _level(self, level: int, maps: Tensor) -> tuple[Tensor, Tensor]:
        """The maps that leave a level [B, C, h, w], and where its regions lie [B, 4, 2]."""
        maps = self.get_submodule(f"inception{level}")(maps)
        attention = cast(_Harmonious, self.get_submodule(f"ha{level}"))
        return maps * attention.soft_attn(maps), attention.hard_attn(maps)


class _Unit(nn.Module):
    """Convolution, batch norm, ReLU; the maps keep their size at stride 1."""

    def __init__(self, channels: int, out: int, kernel: int, stride: int = 1) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, out, kernel, stride, padding=kernel // 2)
        self.bn = nn.BatchNorm2d(out)

    def forward(self, maps: Tensor) -> Tensor:
        return F.relu(self.bn(self.conv(maps)))


class _InceptionA(nn.Module):
    """Four streams of a quarter of the width each, side by side."""

    def __init__(self, channels: int, out: int) -> None:
        super().__init__()
        own = out // 4
        for number in (1, 2, 3):
            stream = nn.Sequential(_Unit(channels, own, 1), _Unit(own, own, 3))
            self.add_module(f"stream{number}", stream)
        self.stream4 = nn.Sequential(nn.AvgPool2d(3, stride=1, padding=1), _Unit(channels, own, 1))

    def forward(self, maps: Tensor) -> Tensor:
        return torch.cat([stream(maps) for stream in self.children()], dim=1)


class _InceptionB(nn.Module):
    """Three streams, side by side, that halve the resolution."""

    def __init__(self, channels: int, out: int) -> None:
        super().__init__()
        own = out // 4
        self.stream1 = nn.Sequential(_Unit(channels, own, 1), _Unit(own, own, 3, stride=2))
        self.stream2 = nn.Sequential(
            _Unit(channels, own, 1), _Unit(own, own, 3), _Unit(own, own, 3, stride=2)
        )
        self.stream3 = nn.Sequential(
            nn.MaxPool2d(3, stride=2, padding=1), _Unit(channels, 2 * own, 1)
        )

    def forward(self, maps: Tensor) -> Tensor:
        return torch.cat([stream(maps) for stream in self.children()], dim=1)


class _SpatialAttention(nn.Module):
    """Weights over positions [B, 1, h, w] from the mean over channels."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = _Unit(1, 1, 3, stride=2)
        self.conv2 = _Unit(1, 1, 1)

    def forward(self, maps: Tensor) -> Tensor:
        small = self.conv1(maps.mean(dim=1, keepdim=True))
        return cast(Tensor, self.conv2(_enlarged(small, (maps.shape[2], maps.shape[3]))))


class _ChannelAttention(nn.Module):
    """Weights over channels [B, C, 1, 1] from the mean over positions."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = _Unit(channels, channels // 16, 1)
        self.conv2 = _Unit(channels // 16, channels, 1)

    def forward(self, maps: Tensor) -> Tensor:
        return cast(Tensor, self.conv2(self.conv1(maps.mean(dim=(2, 3), keepdim=True))))


class _SoftAttention(nn.Module):
    """The product of both, mixed over the channels: weights [B, C, h, w] between 1/2 and 1."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.spatial_attn = _SpatialAttention()
        self.channel_attn = _ChannelAttention(channels)
        self.conv = _Unit(channels, channels, 1)

    def forward(self, maps: Tensor) -> Tensor:
        return torch.sigmoid(self.conv(self.spatial_attn(maps) * self.channel_attn(maps)))


class _HardAttention(nn.Module):
    """Centres (x, y) of the regions [B, 4, 2], from −1 (left, top) to 1 (right, bottom)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.fc = nn.Linear(channels, 2 * _REGIONS)
        nn.init.zeros_(self.fc.weight)
        with torch.no_grad():
            self.fc.bias.copy_(torch.tensor([0, -0.75, 0, -0.25, 0, 0.25, 0, 0.75]))

    def forward(self, maps: Tensor) -> Tensor:
        return torch.tanh(self.fc(maps.mean(dim=(2, 3)))).view(-1, _REGIONS, 2)


class _Harmonious(nn.Module):
    """Both attentions of a level."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.soft_attn = _SoftAttention(channels)
        self.hard_attn = _HardAttention(channels)


def _cut(maps: Tensor, centres: Tensor, size: tuple[int, int]) -> Tensor:
    """The region around each image's centre [B, 2], as wide as the maps and a quarter as high."""
    scale = torch.tensor([[1.0, 0.0], [0.0, 0.25]], device=maps.device).to(maps.dtype)
    scales = scale.expand(maps.shape[0], 2, 2)
    transform = torch.cat([scales, centres.to(maps.dtype)[:, :, None]], dim=2)  # [B, 2, 3]
    grid = F.affine_grid(transform, list(maps.shape), align_corners=False)
    return _enlarged(F.grid_sample(maps, grid, align_corners=False), size)


def _enlarged(maps: Tensor, size: tuple[int, int]) -> Tensor:
    return F.interpolate(maps, size, mode="bilinear", align_corners=True)


def _head(channels: int, width: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(channels, width), nn.BatchNorm1d(width), nn.ReLU())
