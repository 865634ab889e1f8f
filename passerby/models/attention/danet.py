"""Dual attention (Fu et al. 2019, "Dual Attention Network for Scene Segmentation", sec. 3.2-3.3).

On the last stage. The segmentation network first reduces 2048 channels to 512 and sums two
branches; here the modules run on the stage's own channels, so that the embedding keeps its width
and, with both γ starting at 0, the network begins as its backbone: x + γ_p·P(x) + γ_c·C(x).
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from passerby.models.attention import Attention
from passerby.registry import ATTENTIONS


@ATTENTIONS.register
class Danet(Attention):
    """Position attention and channel attention side by side, added to the input."""

    placement = "last"

    def __init__(self, channels: int, reduction: int = 8) -> None:
        super().__init__()
        inner = max(channels // reduction, 1)
        self.query = nn.Conv2d(channels, inner, 1)
        self.key = nn.Conv2d(channels, inner, 1)
        self.value = nn.Conv2d(channels, channels, 1)
        self.position_gain = nn.Parameter(torch.zeros(1))
        self.channel_gain = nn.Parameter(torch.zeros(1))

    def forward(self, maps: Tensor) -> Tensor:
        return (
            maps + self.position_gain * self._positions(maps) + self.channel_gain * _channels(maps)
        )

    def weights(self, maps: Tensor) -> Mapping[str, Tensor]:
        positions, channels = self._between_positions(maps), _between_channels(maps.flatten(2))
        got = positions.sum(dim=1).unflatten(1, maps.shape[2:])
        return {"positions": got, "channels": channels.sum(dim=1)}

    def _positions(self, maps: Tensor) -> Tensor:
        weights = self._between_positions(maps)
        values = self.value(maps).flatten(2)  # [B, C, HW]
        return (values @ weights.transpose(1, 2)).unflatten(2, maps.shape[2:])

    def _between_positions(self, maps: Tensor) -> Tensor:
        """Weights [B, HW, HW] of each position (rows) over all; a row sums to 1."""
        asked = self.query(maps).flatten(2).transpose(1, 2)  # [B, HW, C/8]
        return (asked @ self.key(maps).flatten(2)).softmax(dim=-1)

    def begin_as_constant(self) -> float:
        return 1.0


def _channels(maps: Tensor) -> Tensor:
    flat = maps.flatten(2)  # [B, C, HW]
    return (_between_channels(flat) @ flat).unflatten(2, maps.shape[2:])


def _between_channels(flat: Tensor) -> Tensor:
    """Weights [B, C, C] of each channel (rows) over all, of flat maps [B, C, HW]."""
    energy = flat @ flat.transpose(1, 2)  # [B, C, C]
    # The authors' code subtracts from the row maximum: dissimilar channels get the large weights.
    return (energy.amax(dim=-1, keepdim=True) - energy).softmax(dim=-1)
