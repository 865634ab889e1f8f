"""Backbones, one family a file: images [B, 3, H, W] to feature maps [B, C, h, w].

A backbone is registered as a function that takes ``start`` ("imagenet" or "none") and
``attention`` (a call such as ``"cbam"``, or "none") from the recipe, and its own options.
"""

from __future__ import annotations

from abc import abstractmethod

from torch import Tensor, nn

from passerby.models.transformers.tokens import Tokens


class Backbone(nn.Module):
    """``channels``: width C of the maps that ``forward`` returns."""

    channels: int

    @abstractmethod
    def forward(self, images: Tensor) -> Tensor:
        """Maps [B, C, h, w] of normalised images [B, 3, H, W]."""

    def patch_tokens(self, images: Tensor) -> Tokens | None:
        """How a vision transformer's tokens of images [B, 3, H, W] lie; None of another network."""
        del images
        return None


def require_no_attention(attention: str, backbone: str) -> None:
    """ValueError when attention is asked of a backbone that has no residual blocks of ours."""
    if attention != "none":
        raise ValueError(
            f"attention {attention!r} goes into the blocks of a ResNet and {backbone} has none: "
            "choose a resnet backbone, or attention none"
        )
