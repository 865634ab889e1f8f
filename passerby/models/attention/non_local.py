"""Non-local block (Wang et al. 2018, "Non-local Neural Networks", sec. 3.2-3.3, embedded Gaussian).

Five blocks in a ResNet-50, as in the authors' table: two in layer2 (res3) and three in layer3
(res4), after every other residual block. ResNet-34 has the same numbers of residual blocks and
takes the same five, ResNet-101 also five, ResNet-18 with two blocks a stage takes one in each.

From the authors' code (facebookresearch/video-nonlocal-net), not in the paper: products are divided
by the root of their length before the softmax, and all four convolutions begin with weights of
standard deviation 0.01. Without them each position attends to a single one from the first step on.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from torch import Tensor, nn

from passerby.models.attention import Attention
from passerby.registry import ATTENTIONS

_FIRST_DEVIATION = 0.01


@ATTENTIONS.register
class NonLocal(Attention):
    """Each position adds a mean over all positions, weighted by softmaxed similarity.

    θ, φ and g reduce to half the channels; the last batch norm starts with γ = 0, so that the
    block begins as the identity. No sub-sampling of φ and g (an option in the original).
    """

    placement = "stage"

    def __init__(self, channels: int) -> None:
        super().__init__()
        inner = max(channels // 2, 1)
        self.theta = nn.Conv2d(channels, inner, 1)
        self.phi = nn.Conv2d(channels, inner, 1)
        self.g = nn.Conv2d(channels, inner, 1)
        self.out = nn.Conv2d(inner, channels, 1)
        for convolution in (self.theta, self.phi, self.g, self.out):
            nn.init.normal_(convolution.weight, std=_FIRST_DEVIATION)
            nn.init.zeros_(cast(Tensor, convolution.bias))
        self.norm = nn.BatchNorm2d(channels)
        nn.init.zeros_(self.norm.weight)

    def forward(self, maps: Tensor) -> Tensor:
        values = self.g(maps).flatten(2).transpose(1, 2)  # [B, HW, C/2]
        attended = (self._between(maps) @ values).transpose(1, 2).unflatten(2, maps.shape[2:])
        return maps + self.norm(self.out(attended))

    def weights(self, maps: Tensor) -> Mapping[str, Tensor]:
        return {"positions": self._between(maps).sum(dim=1).unflatten(1, maps.shape[2:])}

    def _between(self, maps: Tensor) -> Tensor:
        """Weights [B, HW, HW] of each position (rows) over all; a row sums to 1."""
        asked = self.theta(maps).flatten(2).transpose(1, 2)  # [B, HW, C/2]
        keys = self.phi(maps).flatten(2)  # [B, C/2, HW]
        return (asked @ keys * keys.shape[1] ** -0.5).softmax(dim=-1)

    def begin_as_constant(self) -> float:
        return 1.0
