"""Squeeze-and-excitation (Hu et al. 2018, "Squeeze-and-Excitation Networks", sec. 3)."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor, nn

from passerby.models.attention import Attention
from passerby.registry import ATTENTIONS


@ATTENTIONS.register
class Se(Attention):
    """Channel gate from the mean over positions, through two layers with a bottleneck.

    The layers have biases, as in the authors' released networks.
    """

    placement = "block"

    def __init__(self, channels: int, reduction: int = 16) -> None:
        super().__init__()
        self.squeeze = nn.Linear(channels, max(channels // reduction, 1))
        self.excite = nn.Linear(max(channels // reduction, 1), channels)

    def forward(self, maps: Tensor) -> Tensor:
        return maps * self._gate(maps)[:, :, None, None]

    def weights(self, maps: Tensor) -> Mapping[str, Tensor]:
        return {"channels": self._gate(maps)}

    def _gate(self, maps: Tensor) -> Tensor:
        """[B, C], each 0…1."""
        gate: Tensor = self.excite(self.squeeze(maps.mean(dim=(2, 3))).relu()).sigmoid()
        return gate

    def begin_as_constant(self) -> float:
        nn.init.zeros_(self.excite.weight)
        nn.init.zeros_(self.excite.bias)
        return 0.5
