"""Non-local block with dot products (Wang et al. 2018, eq. 4), as FastReID's SBS and AGW have it.

Two things differ from Wang et al.: one inner channel (they take half the channels) and its
places, after the last two blocks of layer2 and the last three of layer3 (nine in ResNet-101). This
module is here for its weights; `non_local` is the paper's.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from passerby.models.attention import Attention
from passerby.registry import ATTENTIONS


@ATTENTIONS.register
class NonLocalDot(Attention):
    """Each position adds the sum over all N positions, weighted by θᵀφ / N, in one channel."""

    placement = "stage_end"

    def __init__(self, channels: int, inner: int = 1) -> None:
        super().__init__()
        self.theta = nn.Conv2d(channels, inner, 1)
        self.phi = nn.Conv2d(channels, inner, 1)
        self.g = nn.Conv2d(channels, inner, 1)
        self.out = nn.Conv2d(inner, channels, 1)
        self.norm = nn.BatchNorm2d(channels)
        nn.init.zeros_(self.norm.weight)

    def forward(self, maps: Tensor) -> Tensor:
        asked = self.theta(maps).flatten(2).transpose(1, 2)  # [B, N, inner]
        keys = self.phi(maps).flatten(2)  # [B, inner, N]
        values = self.g(maps).flatten(2).transpose(1, 2)  # [B, N, inner]
        # Without a softmax the product may be taken in the order that needs no [N, N] matrix.
        attended = asked @ (keys @ values) / keys.shape[2]
        return maps + self.norm(self.out(attended.transpose(1, 2).unflatten(2, maps.shape[2:])))

    def weights(self, maps: Tensor) -> Mapping[str, Tensor]:
        """As θᵀφ / N may be negative, its magnitude; scaled to the mean 1."""
        asked = self.theta(maps).flatten(2).transpose(1, 2)  # [B, N, inner]
        got = (asked @ self.phi(maps).flatten(2)).abs().sum(dim=1)  # [B, N]
        mean = got.mean(dim=1, keepdim=True).clamp(min=torch.finfo(got.dtype).tiny)
        return {"positions": (got / mean).unflatten(1, maps.shape[2:])}

    def begin_as_constant(self) -> float:
        return 1.0
