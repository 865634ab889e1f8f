"""Convolutional block attention module (Woo et al. 2018, "CBAM", sec. 3): the paper's choice.

First channels, then positions, each a gate in 0…1 that multiplies the maps (the paper's eq. 7).
As in Woo et al.'s formulas the shared two-layer perceptron has no biases and the spatial
convolution no batch norm. Their code (github.com/Jongchan/attention-module) differs in three
things: the perceptron has biases (``bias=true``), a batch norm with momentum 0.01 follows the
spatial convolution (``spatial_batch_norm=true``; torch's 0.1 here), and what enters that
convolution stands in the order maximum, mean. The last says nothing but for weights, which
`passerby convert` turns round; with both options they fit (`weights/families/cbam.py`).
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional

from passerby.models.attention import Attention
from passerby.models.attention.cbam_gradient import Gated
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
        *,
        bias: bool = False,
        spatial_batch_norm: bool = False,
    ) -> None:
        super().__init__()
        hidden = max(channels // reduction, 1)
        self.squeeze = nn.Linear(channels, hidden, bias=bias)
        self.excite = nn.Linear(hidden, channels, bias=bias)
        self.spatial = nn.Conv2d(2, 1, kernel, padding=kernel // 2, bias=False)
        self.spatial_norm = nn.BatchNorm2d(1) if spatial_batch_norm else nn.Identity()

    def forward(self, maps: Tensor) -> Tensor:
        # A compiler fuses the plain form itself; exporters know no functions of one's own.
        if torch.is_grad_enabled() and not torch.compiler.is_compiling():
            gates = self.channel_gate, self.position_gate
            attended: Tensor = Gated.apply(maps, *gates, *self.parameters())
            return attended
        return self.attended(maps)

    def attended(self, maps: Tensor) -> Tensor:
        """The module as it is defined; `Gated` computes the same in fewer passes over the maps."""
        pooled = torch.stack([maps.mean((2, 3), keepdim=True), _peaks(maps)])
        maps = maps * self.channel_gate(pooled)  # the paper's eq. 7: F' = M_C(F) ⊗ F
        pooled = torch.cat([maps.mean(1, keepdim=True), maps.amax(1, keepdim=True)], dim=1)
        return maps * self.position_gate(pooled)  # and F'' = M_S(F') ⊗ F'

    def weights(self, maps: Tensor) -> Mapping[str, Tensor]:
        pooled = torch.stack([maps.mean((2, 3), keepdim=True), maps.amax((2, 3), keepdim=True)])
        channels = self.channel_gate(pooled)
        maps = maps * channels
        pooled = torch.cat([maps.mean(1, keepdim=True), maps.amax(1, keepdim=True)], dim=1)
        return {"channels": channels[..., 0, 0], "positions": self.position_gate(pooled)[:, 0]}

    def channel_gate(self, pooled: Tensor) -> Tensor:
        """M_C [B, C, 1, 1] from mean and maximum over the positions [2, B, C, 1, 1].

        Woo et al., eq. 2: σ(W₁ δ(W₀ mean) + W₁ δ(W₀ maximum)), δ the ReLU.
        """
        hidden = self.squeeze(pooled[..., 0, 0]).relu()
        return self.excite(hidden).sum(dim=0).sigmoid()[..., None, None].to(pooled.dtype)

    def position_gate(self, pooled: Tensor) -> Tensor:
        """M_S [B, 1, H, W] from mean and maximum over the channels [B, 2, H, W].

        Woo et al., eq. 3: σ(f([mean; maximum])), f a 7×7 convolution.
        """
        return self.spatial_norm(self.spatial(pooled)).sigmoid().to(pooled.dtype)

    def begin_as_constant(self) -> float:
        nn.init.zeros_(self.excite.weight)
        if self.excite.bias is not None:
            nn.init.zeros_(self.excite.bias)
        nn.init.zeros_(self.spatial.weight)
        return 0.25


def _peaks(maps: Tensor) -> Tensor:
    """The maximum over positions [B, C, 1, 1]."""
    # Exporters know no adaptive maximum, and its gradient chooses one of equal values.
    if torch.is_grad_enabled() or torch.compiler.is_compiling():
        return maps.amax((2, 3), keepdim=True)
    # A reduction goes over channels-last maps against their order in memory, a pooling along it.
    return functional.adaptive_max_pool2d(maps, 1)
