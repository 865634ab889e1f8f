"""Convolutional block attention module (Woo et al. 2018, "CBAM", sec. 3): the paper's choice.

First channels, then positions, each a gate in 0…1 that multiplies the maps (the paper's eq. 7).
The shared two-layer perceptron has no bias, as in Woo et al.'s formulas; the authors' code adds a
batch norm after the spatial convolution, which neither paper writes: it is an option, off.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from passerby.models.attention import Attention
from passerby.registry import ATTENTIONS


@ATTENTIONS.register
class Cbam(Attention):
    """Channel gate from mean and maximum over positions, then position gate over channels."""

    placement = "block"

    def __init__(
        self,
        channels: int,
        reduction: int = 16,
        kernel: int = 7,
        spatial_batch_norm: bool = False,
    ) -> None:
        super().__init__()
        hidden = max(channels // reduction, 1)
        self.squeeze = nn.Linear(channels, hidden, bias=False)
        self.excite = nn.Linear(hidden, channels, bias=False)
        self.spatial = nn.Conv2d(2, 1, kernel, padding=kernel // 2, bias=False)
        self.spatial_norm = nn.BatchNorm2d(1) if spatial_batch_norm else nn.Identity()

    def forward(self, maps: Tensor) -> Tensor:
        pooled = torch.stack([maps.mean(dim=(2, 3)), maps.amax(dim=(2, 3))])  # [2, B, C]
        channel_gate = self.excite(self.squeeze(pooled).relu()).sum(dim=0).sigmoid()  # [B, C]
        maps = maps * channel_gate[:, :, None, None]
        pooled = torch.cat([maps.mean(1, keepdim=True), maps.amax(1, keepdim=True)], dim=1)
        return maps * self.spatial_norm(self.spatial(pooled)).sigmoid()  # gate [B, 1, H, W]

    def begin_as_constant(self) -> float:
        nn.init.zeros_(self.excite.weight)
        nn.init.zeros_(self.spatial.weight)
        return 0.25
