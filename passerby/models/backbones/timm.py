"""Any network of timm by name: ``timm(name=resnest50d)``, ``timm(name=vit_small_patch14_dinov2)``.

Of a vision transformer the maps are its patches, each at its place, or one vector as a map of a
single position (``tokens``): DINOv2's own measure of a frozen network takes the class token and the
mean of the patches side by side (Oquab et al. 2023, https://arxiv.org/abs/2304.07193).
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Literal, cast

import torch
from torch import Tensor, nn

from passerby.models.backbones import Backbone, require_no_attention
from passerby.models.transformers.tokens import Tokens as PatchTokens
from passerby.models.transformers.tokens import read_first, read_patches
from passerby.registry import BACKBONES
from passerby.weights.timm_networks import (
    has_fixed_size,
    patch_sides,
    timm_network,
    timm_outline,
)

Tokens = Literal["patches", "own", "class_token", "class_and_mean"]


class TimmBackbone(Backbone):
    """A timm network without its classifier: maps [B, C, h, w], of one position but for patches.

    name: for messages; size: height and width that the network was made for; tokens: see `timm`.
    Raises ValueError for another size where there is but one, and for an output that is no maps.
    """

    def __init__(
        self, name: str, network: nn.Module, size: tuple[int, int], tokens: Tokens
    ) -> None:
        super().__init__()
        self.network, self.size, self.tokens = network, size, tokens
        self.fixed = has_fixed_size(network)
        self.first = int(getattr(network, "num_prefix_tokens", None) or 0)
        down, across = patch_sides(network)
        self.grid = (size[0] // down, size[1] // across)
        self.channels_last = getattr(network, "output_fmt", "") == "NHWC"
        self.channels = _channels(self, name)

    def patch_tokens(self, images: Tensor) -> PatchTokens | None:
        """None of other networks, and where timm's own pooling is an attention or a maximum."""
        if getattr(self.network, "num_prefix_tokens", None) is None or self.channels_last:
            return None
        pooled = getattr(self.network, "global_pool", "") if self.tokens == "own" else ""
        every = read_patches(self.grid, self.first)
        if self.tokens == "patches" or pooled == "avg":
            return every
        if self.tokens == "own" and pooled != "token":
            return None
        rest = (0.0,) * (self.first - 1)  # registers
        if self.tokens != "class_and_mean":
            return read_first(self.grid, (1.0, *rest))
        first = read_first(self.grid, (0.5, *rest))
        return replace(first, readers=first.readers + every.readers / 2)

    def forward(self, images: Tensor) -> Tensor:
        if self.fixed and tuple(images.shape[2:]) != self.size:
            raise ValueError(
                f"the network was made for images of {self.size[0]}×{self.size[1]} and got "
                f"{images.shape[2]}×{images.shape[3]}: set height and width of timm(...) and "
                "input.height and input.width alike"
            )
        found: Tensor = self.network(images)
        if found.ndim == 4:
            return found.permute(0, 3, 1, 2) if self.channels_last else found
        if self.tokens == "own":
            return found[:, :, None, None]
        patches = found[:, self.first :]
        if self.tokens == "patches":
            return patches.transpose(1, 2).unflatten(2, self.grid)
        vector = found[:, 0]
        if self.tokens == "class_and_mean":
            vector = torch.cat([vector, patches.mean(dim=1)], dim=1)
        return vector[:, :, None, None]


@BACKBONES.register
def timm(
    start: str,
    attention: str,
    name: str,
    *,
    tokens: Tokens = "patches",
    height: int = 256,
    width: int = 128,
) -> TimmBackbone:
    """A network of timm, by its name there; its weights from timm's hub with start "imagenet".

    tokens: what becomes of a vision transformer's: "patches" at their places; "own", the vector
    that timm itself pools (class token, mean or attention, as the network was trained);
    "class_token"; "class_and_mean". height, width: of images, taken to the nearest multiples of its
    patches.

    Raises:
        ValueError: timm is not installed, does not know the name, is offline; a network without
            the tokens, without maps, or that cannot be made for images of this size.
    """
    require_no_attention(attention, f"timm's {name}")
    down, across = patch_sides(timm_outline(name))
    size = (max(1, round(height / down)) * down, max(1, round(width / across)) * across)
    network = timm_network(name, size, pretrained=start == "imagenet")
    if tokens.startswith("class_") and not getattr(network, "num_prefix_tokens", None):
        raise ValueError(f"{name} has no class token: choose tokens=patches or tokens=own")
    if tokens != "own":
        cast(Any, network).reset_classifier(
            0, ""
        )  # the pooling goes, the norm stays where weights have it
    return TimmBackbone(name, network, size, tokens)


def _channels(backbone: TimmBackbone, name: str) -> int:
    """The width of the maps, found by a dry run that also shows whether they are maps."""
    was_training = backbone.training
    height, width = backbone.size
    with torch.no_grad():
        try:
            images = torch.zeros(1, 3, height, width)
            shape = list(backbone.eval().network(images).shape)
            if backbone.tokens == "own" or len(shape) == 4 or shape[1] == _tokens(backbone):
                shape = list(backbone(images).shape)
        except (RuntimeError, AssertionError, ValueError, IndexError) as error:
            raise ValueError(f"{name} does not take images of {height}×{width}: {error}") from None
    backbone.train(was_training)
    own = {backbone.network.num_features, getattr(backbone.network, "head_hidden_size", None)}
    widths = {cast(int, width) for width in own if width}
    if backbone.tokens == "class_and_mean":
        widths = {2 * width for width in widths}
    if len(shape) != 4 or shape[1] not in widths:
        wanted = " or ".join(map(str, sorted(widths)))
        raise ValueError(
            f"{name} gives {shape} for one image of {height}×{width}; expected [1, {wanted}, h, "
            "w]. tokens=own takes the vector that timm pools, of any network"
        )
    return int(shape[1])


def _tokens(backbone: TimmBackbone) -> int:
    """How many a vision transformer has, with the patches each at a place."""
    return backbone.first + backbone.grid[0] * backbone.grid[1]
