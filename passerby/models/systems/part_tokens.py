"""PASS: a vision transformer with a token of its own for each of three parts of a person.

Zhu et al., "PASS: Part-Aware Self-Supervised Pre-Training for Person Re-Identification", ECCV 2022,
https://arxiv.org/abs/2203.03931.

Beside the class token stand three part tokens, each with a place of its own, which its training
without names lets look at stripes of the image; fine-tuned, the class token's vector and the mean
of the parts' are put side by side, or averaged. Read in the authors' code (PASS_transreid), as the
paper leaves it open: a batch norm for each of the four vectors ahead of putting them together, or
one behind it; the embedding is what their test takes, before the batch norms.

Inputs of another size than ``height`` and ``width`` interpolate the position embedding.
"""

from __future__ import annotations

from typing import Literal, get_args

import torch
from torch import Tensor, nn

from passerby.config import Network
from passerby.models.features import Features
from passerby.models.system import System, build_classifiers, classified, require_defaults
from passerby.models.transformers.layers import (
    PATCH,
    Layer,
    Patches,
    batch_norm,
    grid_of,
    norm,
    normal,
    resized,
)
from passerby.models.transformers.tokens import Tokens, read_first
from passerby.registry import SYSTEMS

Variant = Literal["base", "small", "tiny"]
Fusion = Literal["side_by_side", "mean"]
Necks = Literal["four", "one"]

_SIZES = {"base": (768, 12), "small": (384, 6), "tiny": (192, 3)}  # width, heads
_TOKENS = 4


@SYSTEMS.register
class PartTokens(System):
    """PASS (Zhu et al. 2022): one part, "global", of a class token and three part tokens.

    variant: base, small or tiny, of ``depth`` layers; stride: pixels between patches of 16;
    fusion: of the class vector and the parts' mean; necks: a batch norm for each of the four
    vectors or one behind them. The embedding stands before the batch norms [B, 2 · width; width].
    """

    def __init__(
        self,
        network: Network,
        persons: int,
        *,
        variant: Variant = "small",
        depth: int = 12,
        stride: int = 16,
        fusion: Fusion = "side_by_side",
        necks: Necks = "four",
        drop_path: float = 0.1,
        height: int = 256,
        width: int = 128,
    ) -> None:
        super().__init__()
        require_defaults(network, "part_tokens", frozenset({"classifier"}))
        _check(network, depth, stride, {Variant: variant, Fusion: fusion, Necks: necks})
        channels, heads = _SIZES[variant]
        self.fusion = fusion
        self.grid = grid_of(height, width, stride)
        self.patch_embed = Patches(channels, stride)
        self.tokens = nn.Parameter(normal(1, _TOKENS, channels))
        places = _TOKENS + self.grid[0] * self.grid[1]
        self.pos_embed = nn.Parameter(normal(1, places, channels))
        drops = [drop_path * number / (depth - 1) for number in range(depth)]
        self.blocks = nn.Sequential(*(Layer(channels, heads, drop) for drop in drops))
        self.norm = norm(channels)
        self.dimensions = channels * (2 if fusion == "side_by_side" else 1)
        count, each = (_TOKENS, channels) if necks == "four" else (1, self.dimensions)
        self.neck = nn.ModuleList(batch_norm(each) for _ in range(count))
        self.classifier = build_classifiers(network, {"global": self.dimensions}, persons)

    def last_maps(self) -> tuple[nn.Module, ...]:
        return (self.blocks[-2],)  # what the last layer makes of patches becomes nothing

    def patch_tokens(self, images: Tensor) -> Tokens:
        grid = grid_of(images.shape[2], images.shape[3], self.patch_embed.proj.stride[0])
        # The class vector and the parts' mean count alike.
        return read_first(grid, (1 / 2, *[1 / 2 / (_TOKENS - 1)] * (_TOKENS - 1)))

    def forward(self, images: Tensor, cameras: Tensor | None = None) -> Features:
        patches, grid = self.patch_embed(images)
        places: Tensor = self.pos_embed
        if grid != self.grid:
            places = resized(places, self.grid, grid, tokens=_TOKENS)
        first = self.tokens.expand(images.shape[0], -1, -1)
        told = self.norm(self.blocks(torch.cat([first, patches], dim=1) + places)[:, :_TOKENS])
        vectors = list(told.unbind(1))
        before = self._fused(vectors)
        if len(self.neck) == 1:
            after = self.neck[0](before)
        else:
            after = self._fused([neck(v) for neck, v in zip(self.neck, vectors, strict=True)])
        part = classified("global", before, after, self.classifier)
        return Features(before, (part,))

    def _fused(self, vectors: list[Tensor]) -> Tensor:
        """The class vector and the mean of the parts'."""
        parts = torch.stack(vectors[1:]).mean(dim=0)
        if self.fusion == "mean":
            return (vectors[0] + parts) / 2
        return torch.cat([vectors[0], parts], dim=1)


def _check(network: Network, depth: int, stride: int, chosen: dict[object, str]) -> None:
    for known, value in chosen.items():
        if value not in get_args(known):
            raise ValueError(f"expected one of {', '.join(get_args(known))}, got {value!r}")
    if depth < 2 or not 1 <= stride <= PATCH:
        raise ValueError(
            f"part_tokens needs depth 2 or more and a stride from 1 to {PATCH}, got {depth} and "
            f"{stride}"
        )
    if network.start == "imagenet":
        raise ValueError(
            "part_tokens has no ImageNet weights: convert a file of PASS's and name its folder as "
            "network.start, or say network.start=none"
        )
