"""Layers of vision transformers (Dosovitskiy et al. 2021, https://arxiv.org/abs/2010.11929).

Parameters are named as in timm's; linear layers begin with a truncated normal of 0.02.
"""

from __future__ import annotations

from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

PATCH = 16
"""The side of a patch in pixels."""


class Patches(nn.Module):
    """Patches of 16 pixels, ``stride`` apart, as tokens in rows [B, N, width]; and their grid."""

    def __init__(self, width: int, stride: int) -> None:
        super().__init__()
        self.proj = nn.Conv2d(3, width, PATCH, stride)
        nn.init.normal_(self.proj.weight, std=(2 / (PATCH**2 * width)) ** 0.5)

    def forward(self, images: Tensor) -> tuple[Tensor, tuple[int, int]]:
        maps = self.proj(images)
        return maps.flatten(2).transpose(1, 2), (maps.shape[2], maps.shape[3])


class Layer(nn.Module):
    """A transformer's layer, norms first: attention, then an MLP.

    In training each of the two is left out of an image with probability ``drop`` (drop path).
    """

    def __init__(self, width: int, heads: int, drop: float) -> None:
        super().__init__()
        self.drop = drop
        self.norm1 = norm(width)
        self.attn = Attention(width, heads)
        self.norm2 = norm(width)
        self.mlp = nn.ModuleDict({"fc1": linear(width, 4 * width), "fc2": linear(4 * width, width)})

    def forward(self, tokens: Tensor) -> Tensor:
        tokens = tokens + drop_path(self.attn(self.norm1(tokens)), self.drop, self.training)
        inner = F.gelu(self.mlp["fc1"](self.norm2(tokens)))
        return tokens + drop_path(self.mlp["fc2"](inner), self.drop, self.training)


class Attention(nn.Module):
    """Multi-head self-attention."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = linear(width, 3 * width)
        self.proj = linear(width, width)

    def forward(self, tokens: Tensor) -> Tensor:
        batch, length, width = tokens.shape
        split = self.qkv(tokens).view(batch, length, 3, self.heads, width // self.heads)
        query, key, value = split.permute(2, 0, 3, 1, 4)  # each [B, heads, N, width / heads]
        mixed = F.scaled_dot_product_attention(query, key, value)
        return cast(Tensor, self.proj(mixed.transpose(1, 2).reshape(batch, length, width)))


def drop_path(branch: Tensor, drop: float, training: bool) -> Tensor:
    """A branch [B, ...] that in training is nought for whole images, with probability ``drop``.

    Huang et al. 2016, "Deep networks with stochastic depth"; what stays is scaled up.
    """
    if not training or drop == 0:
        return branch
    ones = (1,) * (branch.ndim - 1)
    kept = torch.rand(len(branch), *ones, device=branch.device) >= drop
    return branch * kept.to(branch.dtype) / (1 - drop)


def grid_of(height: int, width: int, stride: int) -> tuple[int, int]:
    """Rows and columns of patches."""
    return (height - PATCH) // stride + 1, (width - PATCH) // stride + 1


def resized(places: Tensor, old: tuple[int, int], new: tuple[int, int]) -> Tensor:
    """A position embedding [1, 1 + N, width] on another grid; the class token's stays."""
    maps = places[:, 1:].transpose(1, 2).unflatten(2, old)
    maps = F.interpolate(maps, new, mode="bilinear", align_corners=False)
    return torch.cat([places[:, :1], maps.flatten(2).transpose(1, 2)], dim=1)


def linear(channels: int, out: int) -> nn.Linear:
    """A linear layer as transformers begin with it."""
    made = nn.Linear(channels, out)
    nn.init.trunc_normal_(made.weight, std=0.02)
    nn.init.zeros_(made.bias)
    return made


def normal(*shape: int) -> Tensor:
    """A truncated normal of 0.02."""
    return nn.init.trunc_normal_(torch.empty(shape), std=0.02)


def norm(width: int) -> nn.LayerNorm:
    """A layer norm as vision transformers have it, with 1e-6."""
    return nn.LayerNorm(width, eps=1e-6)
