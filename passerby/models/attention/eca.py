"""Efficient channel attention (Wang et al. 2020, "ECA-Net", sec. 3.2-3.3)."""

from __future__ import annotations

import math
from collections.abc import Mapping

from torch import Tensor, nn

from passerby.models.attention import Attention
from passerby.registry import ATTENTIONS


def kernel_size(channels: int) -> int:
    """Odd kernel from the number of channels (eq. 12 with γ = 2, b = 1, as the authors code it).

    >>> [kernel_size(c) for c in (64, 128, 256, 512, 1024, 2048)]
    [3, 5, 5, 5, 5, 7]
    """
    size = int(abs(math.log2(channels) / 2 + 1 / 2))
    return size if size % 2 else size + 1


@ATTENTIONS.register
class Eca(Attention):
    """Channel gate from a short convolution over neighbouring channels' means, no reduction."""

    placement = "block"

    def __init__(self, channels: int) -> None:
        super().__init__()
        size = kernel_size(channels)
        self.conv = nn.Conv1d(1, 1, size, padding=size // 2, bias=False)

    def forward(self, maps: Tensor) -> Tensor:
        return maps * self._gate(maps)[:, 0, :, None, None]

    def weights(self, maps: Tensor) -> Mapping[str, Tensor]:
        return {"channels": self._gate(maps)[:, 0]}

    def _gate(self, maps: Tensor) -> Tensor:
        """[B, 1, C], each 0…1."""
        gate: Tensor = self.conv(maps.mean(dim=(2, 3))[:, None, :]).sigmoid()
        return gate

    def begin_as_constant(self) -> float:
        nn.init.zeros_(self.conv.weight)
        return 0.5
