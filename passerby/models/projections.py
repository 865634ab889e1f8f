"""Projections: pooled vectors [B, C] to vectors [B, width], by one or two layers."""

from __future__ import annotations

from torch import Tensor, nn

from passerby.registry import PROJECTIONS


@PROJECTIONS.register
class LinearNormRelu(nn.Module):
    """Linear layer, batch norm, ReLU: the "fc" of OSNet and of torchreid's resnet50_fc512."""

    def __init__(self, channels: int, width: int = 512) -> None:
        super().__init__()
        self.width = width
        self.linear = nn.Linear(channels, width)
        self.norm = nn.BatchNorm1d(width)
        nn.init.normal_(self.linear.weight, std=0.01)
        nn.init.zeros_(self.linear.bias)

    def forward(self, vectors: Tensor) -> Tensor:
        return self.norm(self.linear(vectors)).relu()


@PROJECTIONS.register
class Linear(nn.Module):
    """Linear layer alone; a neck with batch norm may follow (FastReID)."""

    def __init__(self, channels: int, width: int = 512, bias: bool = True) -> None:
        super().__init__()
        self.width = width
        self.linear = nn.Linear(channels, width, bias=bias)
        nn.init.kaiming_normal_(self.linear.weight, mode="fan_out")
        if bias:
            nn.init.zeros_(self.linear.bias)

    def forward(self, vectors: Tensor) -> Tensor:
        return self.linear(vectors)


@PROJECTIONS.register
class Mlp(nn.Module):
    """Linear layer, batch norm, ReLU and a second linear layer: a head for frozen backbones."""

    def __init__(self, channels: int, width: int = 512, hidden: int = 1024) -> None:
        super().__init__()
        self.width = width
        self.first, self.norm = nn.Linear(channels, hidden), nn.BatchNorm1d(hidden)
        self.second = nn.Linear(hidden, width)
        for layer in (self.first, self.second):
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
            nn.init.zeros_(layer.bias)

    def forward(self, vectors: Tensor) -> Tensor:
        return self.second(self.norm(self.first(vectors)).relu())
