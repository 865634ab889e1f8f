"""Pooling: feature maps [B, C, H, W] to vectors [B, C]."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from passerby.registry import POOLINGS


@POOLINGS.register
class Average(nn.Module):
    """Mean over the positions."""

    def forward(self, maps: Tensor) -> Tensor:
        return maps.mean(dim=(2, 3))


@POOLINGS.register
class Max(nn.Module):
    """Largest value over the positions."""

    def forward(self, maps: Tensor) -> Tensor:
        return maps.amax(dim=(2, 3))


@POOLINGS.register
class Gem(nn.Module):
    """Generalised mean with a learned power (Radenović et al. 2018, eq. 3): (mean xᵖ)^(1/p)."""

    def __init__(self, power: float = 3.0) -> None:
        super().__init__()
        self.power = nn.Parameter(torch.tensor([power]))

    def forward(self, maps: Tensor) -> Tensor:
        return maps.clamp(min=1e-6).pow(self.power).mean(dim=(2, 3)).pow(1 / self.power)
