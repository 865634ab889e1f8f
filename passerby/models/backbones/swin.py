"""Swin transformers (Liu et al. 2021, https://arxiv.org/abs/2103.14030), also SOLIDER's.

Attention in windows of 7 × 7, shifted by 3 in every second block, with a learned bias by relative
position; four stages, each a quarter of the positions of the one before.

SOLIDER (Chen et al. 2023, https://arxiv.org/abs/2303.17602) adds a control: ``semantic``, from 0
(looks alone) to 1 (meaning alone), goes through two linear layers per stage, and the maps that go
on are scaled by the softplus of the first and shifted by the second. Read in the authors' code: the
layers are frozen; those of the last stage touch nothing that is returned, and are left out.

Maps are padded to whole windows with zeros behind the norm, and positions that come together by
the shift alone are kept apart by −100 before the softmax, as in the authors' code, which shifts
maps of a single window too; four neighbours are merged in the order of ``F.unfold``. Parameters
are named as in Microsoft's code.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, NamedTuple, cast, get_args

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from passerby.models.backbones import Backbone, require_no_attention
from passerby.models.transformers.layers import drop_path, linear
from passerby.registry import BACKBONES

Variant = Literal["micro", "tiny", "small", "base"]

_WINDOW = 7
_SHIFT = 3
_PATCH = 4


class _Size(NamedTuple):
    width: int
    depths: tuple[int, ...]


_SIZES = {
    "micro": _Size(32, (2, 2, 2, 2)),  # ours, to be tried on a CPU; the others are published
    "tiny": _Size(96, (2, 2, 6, 2)),
    "small": _Size(96, (2, 2, 18, 2)),
    "base": _Size(128, (2, 2, 18, 2)),
}
_OF_A_HEAD = 32  # channels


class Swin(Backbone):
    """Swin of any size: maps [B, 8 · width, H / 32, W / 32], normalised at each position.

    depths: blocks of the stages; semantic: SOLIDER's control, None for a Swin without it.
    """

    def __init__(
        self, width: int, depths: tuple[int, ...], drop: float, semantic: float | None
    ) -> None:
        super().__init__()
        self.semantic = semantic
        self.patch_embed = nn.ModuleDict(
            {"proj": nn.Conv2d(3, width, _PATCH, _PATCH), "norm": nn.LayerNorm(width)}
        )
        layers = sum(depths)
        drops = iter([drop * number / (layers - 1) for number in range(layers)])
        widths = [width * 2**number for number in range(len(depths))]
        self.stages = nn.ModuleList(
            nn.ModuleDict({"blocks": nn.Sequential(*_blocks(channels, depth, drops))})
            for channels, depth in zip(widths, depths, strict=True)
        )
        self.merges = nn.ModuleList(_Merge(channels) for channels in widths[:-1])
        self.controls = nn.ModuleList()
        if semantic is not None:
            self.controls.extend(_Control(2 * channels) for channels in widths[:-1])
        self.channels = widths[-1]
        self.norm = nn.LayerNorm(self.channels)

    def forward(self, images: Tensor) -> Tensor:
        images = F.pad(images, (0, -images.shape[3] % _PATCH, 0, -images.shape[2] % _PATCH))
        maps = self.patch_embed["norm"](self.patch_embed["proj"](images).permute(0, 2, 3, 1))
        for number, stage in enumerate(self.stages):
            maps = cast(nn.ModuleDict, stage)["blocks"](maps)
            if number < len(self.merges):
                maps = self.merges[number](maps)
            if self.semantic is not None and number < len(self.controls):
                maps = self.controls[number](maps, self.semantic)
        return cast(Tensor, self.norm(maps).permute(0, 3, 1, 2))


class _Merge(nn.Module):
    """Four neighbours to one position: [B, h, w, C] to [B, h / 2, w / 2, 2 C]."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(4 * channels)
        self.reduction = nn.Linear(4 * channels, 2 * channels, bias=False)

    def forward(self, maps: Tensor) -> Tensor:
        maps = F.pad(maps, (0, 0, 0, maps.shape[2] % 2, 0, maps.shape[1] % 2))
        four = maps.unflatten(2, (-1, 2)).unflatten(1, (-1, 2)).permute(0, 1, 3, 5, 2, 4)
        return cast(Tensor, self.reduction(self.norm(four.flatten(3))))


class _Control(nn.Module):
    """SOLIDER's scale and shift of all positions by the semantic weight; frozen."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.scale, self.shift = linear(2, channels), linear(2, channels)
        self.requires_grad_(False)

    def forward(self, maps: Tensor, semantic: float) -> Tensor:
        weights = torch.tensor([semantic, 1 - semantic], dtype=maps.dtype, device=maps.device)
        return maps * F.softplus(self.scale(weights)) + cast(Tensor, self.shift(weights))


class Block(nn.Module):
    """Attention in windows, then an MLP, norms first: [B, h, w, C] to the same."""

    def __init__(self, channels: int, shifted: bool, drop: float) -> None:
        super().__init__()
        self.shifted, self.drop = shifted, drop
        self.norm1 = nn.LayerNorm(channels)
        self.attn = _WindowAttention(channels)
        self.norm2 = nn.LayerNorm(channels)
        self.mlp = nn.ModuleDict(
            {"fc1": linear(channels, 4 * channels), "fc2": linear(4 * channels, channels)}
        )

    def forward(self, maps: Tensor) -> Tensor:
        maps = maps + drop_path(self._mixed(self.norm1(maps)), self.drop, self.training)
        inner = F.gelu(self.mlp["fc1"](self.norm2(maps)))
        return maps + drop_path(self.mlp["fc2"](inner), self.drop, self.training)

    def _mixed(self, maps: Tensor) -> Tensor:
        size = (maps.shape[1], maps.shape[2])
        windows = in_windows(maps, self.shifted)
        apart = _apart(_padded(size[0]), _padded(size[1]), maps) if self.shifted else None
        return out_of_windows(self.attn(windows, apart), size, self.shifted)


class _WindowAttention(nn.Module):
    """Multi-head attention within each window, with a bias for each relative position."""

    index: Tensor

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.heads = channels // _OF_A_HEAD
        self.qkv = linear(channels, 3 * channels)
        self.proj = linear(channels, channels)
        side = 2 * _WINDOW - 1
        self.relative_position_bias_table = nn.Parameter(
            nn.init.trunc_normal_(torch.empty(side**2, self.heads), std=0.02)
        )
        place = torch.arange(_WINDOW)
        between = place[:, None] - place[None, :] + _WINDOW - 1  # [7, 7], from 0 to 12
        index = side * between[:, None, :, None] + between[None, :, None, :]
        self.register_buffer("index", index.reshape(_WINDOW**2, _WINDOW**2), persistent=False)

    def forward(self, windows: Tensor, apart: Tensor | None) -> Tensor:
        """windows [B, n, 49, C]; apart [n, 1, 49, 49]: what is added before the softmax."""
        split = self.qkv(windows).unflatten(3, (3, self.heads, _OF_A_HEAD))
        query, key, value = split.permute(3, 0, 1, 4, 2, 5)  # each [B, n, heads, 49, 32]
        bias = self.relative_position_bias_table[self.index].permute(2, 0, 1)  # [heads, 49, 49]
        added = bias if apart is None else bias + apart
        mixed = F.scaled_dot_product_attention(query, key, value, attn_mask=added)
        return cast(Tensor, self.proj(mixed.transpose(2, 3).flatten(3)))


def in_windows(maps: Tensor, shifted: bool) -> Tensor:
    """Maps [B, h, w, C], padded and if asked shifted, as [B, windows, 49, C]."""
    rows, columns = maps.shape[1], maps.shape[2]
    maps = F.pad(maps, (0, 0, 0, _padded(columns) - columns, 0, _padded(rows) - rows))
    return _windows(maps.roll((-_SHIFT, -_SHIFT), dims=(1, 2)) if shifted else maps)


def out_of_windows(windows: Tensor, size: tuple[int, int], shifted: bool) -> Tensor:
    """The way back: windows [B, windows, 49, C] as maps of this size [B, h, w, C]."""
    grid = (_padded(size[0]) // _WINDOW, _padded(size[1]) // _WINDOW)
    maps = windows.unflatten(2, (_WINDOW, _WINDOW)).unflatten(1, grid)
    maps = maps.transpose(2, 3).flatten(3, 4).flatten(1, 2)
    maps = maps.roll((_SHIFT, _SHIFT), dims=(1, 2)) if shifted else maps
    return maps[:, : size[0], : size[1]]


def _padded(length: int) -> int:
    """The length, in whole windows."""
    return length + -length % _WINDOW


def _windows(maps: Tensor) -> Tensor:
    """[B, h, w, C] to [B, windows, 49, C], windows row by row."""
    cut = maps.unflatten(2, (-1, _WINDOW)).unflatten(1, (-1, _WINDOW))
    return cut.transpose(2, 3).flatten(3, 4).flatten(1, 2)


def _apart(height: int, width: int, like: Tensor) -> Tensor:
    """−100 between positions that a shift put into one window, else 0 [windows, 1, 49, 49]."""
    down, across = (_parts(size, like.device) for size in (height, width))
    regions = _windows((3 * down[:, None] + across[None, :])[None, :, :, None])[0, :, :, 0]
    differ = regions[:, None, :, None] != regions[:, None, None, :]
    return -100.0 * differ.to(like.dtype)


def _parts(size: int, device: torch.device) -> Tensor:
    """0 for the whole windows but the last, 1 for what of that one stays, 2 for what came round."""
    place = torch.arange(size, device=device)
    return (place >= size - _WINDOW).long() + (place >= size - _SHIFT).long()


def _blocks(channels: int, depth: int, drops: Iterator[float]) -> list[Block]:
    """The blocks of a stage, of which every second one is shifted; each takes the next drop."""
    return [Block(channels, number % 2 == 1, next(drops)) for number in range(depth)]


@BACKBONES.register
def swin(
    start: str,
    attention: str,
    variant: Variant = "tiny",
    semantic: float | None = None,
    drop_path: float = 0.1,
) -> Swin:
    """Swin transformer (Liu et al. 2021); with ``semantic`` (0 to 1) as in SOLIDER (2023).

    variant: tiny, small or base; micro is ours, for trials on a CPU without weights. Raises
    ValueError for ImageNet weights, which it does not have, for another variant, and for a semantic
    weight out of range.
    """
    require_no_attention(attention, f"Swin {variant}")
    if start == "imagenet":
        raise ValueError(
            "swin has no ImageNet weights here: convert a file of SOLIDER's and name its folder "
            "as network.start, or say network.start=none"
        )
    if variant not in get_args(Variant):
        raise ValueError(f"variant must be one of {', '.join(get_args(Variant))}, got {variant!r}")
    if semantic is not None and not 0 <= semantic <= 1:
        raise ValueError(f"semantic must be from 0 to 1, or none, got {semantic}")
    size = _SIZES[variant]
    return Swin(size.width, size.depths, drop_path, semantic)
