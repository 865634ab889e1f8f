"""CLIP's ResNet-50 (Radford et al. 2021, https://arxiv.org/abs/2103.00020): attention pools.

A stem of three convolutions, mean pooling before convolutions in place of strides, and attention
of the maps' mean over all positions at the end. The fourth stage keeps its size, as in CLIP-ReID.
Parameters are named as in CLIP's code.
"""

from __future__ import annotations

from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from passerby.models.transformers.layers import resized

_WIDTH = 64
_BLOCKS = (3, 4, 6, 3)
_STRIDES = (1, 2, 2, 1)
_OF_A_HEAD = 64


class ClipResnet50(nn.Module):
    """Images to third maps [B, 1024, h, w], fourth maps [B, 2048, h, w], vectors [B, 1024].

    grid: rows and columns of the fourth maps, each of which has a position embedding.
    """

    widths = (1024, 2048, 1024)

    def __init__(self, grid: tuple[int, int]) -> None:
        super().__init__()
        half = _WIDTH // 2
        self.conv1 = nn.Conv2d(3, half, 3, stride=2, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(half)
        self.conv2 = nn.Conv2d(half, half, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(half)
        self.conv3 = nn.Conv2d(half, _WIDTH, 3, padding=1, bias=False)
        self.bn3 = nn.BatchNorm2d(_WIDTH)
        stages, entering = [], _WIDTH
        for number, (blocks, stride) in enumerate(zip(_BLOCKS, _STRIDES, strict=True)):
            width = _WIDTH * 2**number
            first = _Block(entering, width, stride)
            entering = 4 * width
            stages.append(
                nn.Sequential(first, *(_Block(entering, width, 1) for _ in range(blocks - 1)))
            )
        self.layer1, self.layer2, self.layer3, self.layer4 = stages
        self.attnpool = _AttentionPool(entering, self.widths[2], grid)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        maps = F.relu(self.bn1(self.conv1(images)))
        maps = F.relu(self.bn2(self.conv2(maps)))
        maps = F.avg_pool2d(F.relu(self.bn3(self.conv3(maps))), 2)
        third = self.layer3(self.layer2(self.layer1(maps)))
        fourth = self.layer4(third)
        return third, fourth, self.attnpool(fourth)


class _Block(nn.Module):
    """A bottleneck whose stride is a mean pooling, also beside it."""

    def __init__(self, entering: int, width: int, stride: int) -> None:
        super().__init__()
        self.stride = stride
        self.conv1 = nn.Conv2d(entering, width, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3 = nn.Conv2d(width, 4 * width, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(4 * width)
        self.downsample: nn.Sequential | None = None
        if stride > 1 or entering != 4 * width:
            self.downsample = nn.Sequential(
                nn.Conv2d(entering, 4 * width, 1, bias=False), nn.BatchNorm2d(4 * width)
            )

    def forward(self, maps: Tensor) -> Tensor:
        inner = F.relu(self.bn1(self.conv1(maps)))
        inner = self._pooled(F.relu(self.bn2(self.conv2(inner))))
        beside = maps if self.downsample is None else self.downsample(self._pooled(maps))
        return F.relu(cast(Tensor, self.bn3(self.conv3(inner))) + beside)

    def _pooled(self, maps: Tensor) -> Tensor:
        return F.avg_pool2d(maps, self.stride) if self.stride > 1 else maps


class _AttentionPool(nn.Module):
    """Multi-head attention of the maps' mean over itself and all positions: [B, out]."""

    def __init__(self, channels: int, out: int, grid: tuple[int, int]) -> None:
        super().__init__()
        self.grid = grid
        places = torch.randn(1 + grid[0] * grid[1], channels) / channels**0.5
        self.positional_embedding = nn.Parameter(places)
        self.q_proj = nn.Linear(channels, channels)
        self.k_proj = nn.Linear(channels, channels)
        self.v_proj = nn.Linear(channels, channels)
        self.c_proj = nn.Linear(channels, out)

    def forward(self, maps: Tensor) -> Tensor:
        places, grid = self.positional_embedding[None], (maps.shape[2], maps.shape[3])
        places = places if grid == self.grid else resized(places, self.grid, grid)
        tokens = maps.flatten(2).transpose(1, 2)
        tokens = torch.cat([tokens.mean(dim=1, keepdim=True), tokens], dim=1) + places
        query, key, value = (
            made.unflatten(2, (-1, _OF_A_HEAD)).transpose(1, 2)
            for made in (self.q_proj(tokens[:, :1]), self.k_proj(tokens), self.v_proj(tokens))
        )
        mixed = F.scaled_dot_product_attention(query, key, value)  # [B, heads, 1, 64]
        return cast(Tensor, self.c_proj(mixed.flatten(1)))
