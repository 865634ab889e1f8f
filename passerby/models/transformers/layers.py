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

    def __init__(self, width: int, stride: int, *, bias: bool = True) -> None:
        super().__init__()
        self.proj = nn.Conv2d(3, width, PATCH, stride, bias=bias)
        nn.init.normal_(self.proj.weight, std=(2 / (PATCH**2 * width)) ** 0.5)

    def forward(self, images: Tensor) -> tuple[Tensor, tuple[int, int]]:
        maps = self.proj(images)
        return maps.flatten(2).transpose(1, 2), (maps.shape[2], maps.shape[3])


class Layer(nn.Module):
    """A transformer's layer, norms first: attention, then an MLP.

    In training each of the two is left out of an image with probability ``drop`` (drop path).
    quick: as in CLIP, x · sigmoid(1.702 x) in place of GELU, and 1e-5 in the norms; causal: as in
    its text side, a token attends to itself and to those before it.
    """

    def __init__(
        self, width: int, heads: int, drop: float, *, quick: bool = False, causal: bool = False
    ) -> None:
        super().__init__()
        self.drop, self.quick = drop, quick
        self.norm1 = norm(width, 1e-5 if quick else 1e-6)
        self.attn = Attention(width, heads, causal=causal)
        self.norm2 = norm(width, 1e-5 if quick else 1e-6)
        self.mlp = nn.ModuleDict({"fc1": linear(width, 4 * width), "fc2": linear(4 * width, width)})

    def forward(self, tokens: Tensor) -> Tensor:
        tokens = tokens + drop_path(self.attn(self.norm1(tokens)), self.drop, self.training)
        inner = self.mlp["fc1"](self.norm2(tokens))
        inner = inner * (1.702 * inner).sigmoid() if self.quick else F.gelu(inner)
        return tokens + drop_path(self.mlp["fc2"](inner), self.drop, self.training)


class Attention(nn.Module):
    """Multi-head self-attention."""

    def __init__(self, width: int, heads: int, *, causal: bool = False) -> None:
        super().__init__()
        self.heads, self.causal = heads, causal
        self.qkv = linear(width, 3 * width)
        self.proj = linear(width, width)

    def forward(self, tokens: Tensor) -> Tensor:
        batch, length, width = tokens.shape
        split = self.qkv(tokens).view(batch, length, 3, self.heads, width // self.heads)
        query, key, value = split.permute(2, 0, 3, 1, 4)  # each [B, heads, N, width / heads]
        mixed = F.scaled_dot_product_attention(query, key, value, is_causal=self.causal)
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


def resized(places: Tensor, old: tuple[int, int], new: tuple[int, int], tokens: int = 1) -> Tensor:
    """A position embedding [1, tokens + N, width] on another grid; the first tokens' stay."""
    maps = places[:, tokens:].transpose(1, 2).unflatten(2, old)
    maps = F.interpolate(maps, new, mode="bilinear", align_corners=False)
    return torch.cat([places[:, :tokens], maps.flatten(2).transpose(1, 2)], dim=1)


def linear(channels: int, out: int) -> nn.Linear:
    """A linear layer as transformers begin with it."""
    made = nn.Linear(channels, out)
    nn.init.trunc_normal_(made.weight, std=0.02)
    nn.init.zeros_(made.bias)
    return made


def normal(*shape: int) -> Tensor:
    """A truncated normal of 0.02."""
    return nn.init.trunc_normal_(torch.empty(shape), std=0.02)


def norm(width: int, epsilon: float = 1e-6) -> nn.LayerNorm:
    """A layer norm as vision transformers have it, with 1e-6."""
    return nn.LayerNorm(width, eps=epsilon)


def batch_norm(width: int) -> nn.BatchNorm1d:
    """Before a classifier (BNNeck): a batch norm whose bias stays zero."""
    made = nn.BatchNorm1d(width)
    made.bias.requires_grad_(False)
    return made


def of_cameras(
    vectors: Tensor, numbers: Tensor, cameras: Tensor | None, images: Tensor, training: bool
) -> Tensor:
    """The vector of each image's camera [B, 1, width]; their mean where it is not known.

    vectors [cameras, 1, width] of the cameras of these numbers; cameras [B], None where none is
    known. Raises ValueError in training for a camera, not −1, that has no vector.
    """
    if cameras is None:
        cameras = torch.full((images.shape[0],), -1, device=images.device)
    same = cameras[:, None] == numbers[None, :]  # [B, cameras]
    known = same.any(dim=1, keepdim=True)
    if training and bool(((cameras >= 0) & ~known[:, 0]).any()):
        foreign = sorted(set(cameras[~known[:, 0]].tolist()) - {-1})
        raise ValueError(
            f"the training set has cameras {foreign} and the network knows {numbers.tolist()}: "
            "set network.system.cameras to all of them, or to () to leave the side information out"
        )
    shares = torch.where(known, same.to(vectors.dtype), 1 / len(numbers))
    return (shares @ vectors[:, 0])[:, None]
