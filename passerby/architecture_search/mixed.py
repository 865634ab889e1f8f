"""The network that is searched in: every operation on every edge at once, weighed by strengths.

Liu et al. 2019 (DARTS), eq. 2: an edge brings Σ_o softmax(α)_o · o(maps), which makes the choice
of an operation a number that has a gradient. Batch norms have no weights of their own, and pooling
has one behind it, so that no operation can outweigh another by scale.
"""

from __future__ import annotations

from functools import reduce

import torch
from torch import Tensor, nn

from passerby.architecture_search.strengths import Strengths, edges
from passerby.models.backbones import Backbone
from passerby.models.backbones.auto_reid import cells_of, stem
from passerby.models.cells.cell import cell_inputs
from passerby.models.cells.operations import NAMES, build_operation


class MixedEdge(nn.Module):
    """Maps [B, C, h, w] and shares of the operations [len(NAMES)] to their weighted sum."""

    def __init__(self, channels: int, stride: int) -> None:
        super().__init__()
        self.operations = nn.ModuleDict(
            {name: _searched(name, channels, stride) for name in NAMES if name != "none"}
        )

    def forward(self, maps: Tensor, shares: Tensor) -> Tensor:
        # "none" would add zeros; its share is what the others lack.
        return reduce(
            torch.add,
            (
                shares[NAMES.index(name)] * operation(maps)
                for name, operation in self.operations.items()
            ),
        )


class MixedCell(nn.Module):
    """A cell with all edges; arguments as those of `models.cells.cell.Cell`."""

    def __init__(
        self, nodes: int, channels: tuple[int, int], width: int, stride: int, last_stride: int
    ) -> None:
        super().__init__()
        self.nodes = nodes
        self.inputs = cell_inputs(channels, width, last_stride, affine=False)
        self.edges = nn.ModuleList(
            MixedEdge(width, stride if source < 2 else 1) for _, source in edges(nodes)
        )

    def forward(self, before: Tensor, last: Tensor, shares: Tensor) -> Tensor:
        states = [self.inputs[0](before), self.inputs[1](last)]
        for node in range(2, self.nodes + 2):
            rows = [row for row, (into, _) in enumerate(edges(self.nodes)) if into == node]
            brought = [
                self.edges[row](states[source], shares[row]) for source, row in enumerate(rows)
            ]
            states.append(reduce(torch.add, brought))
        return torch.cat(states[2:], dim=1)


class MixedBackbone(Backbone):
    """As `models.backbones.auto_reid.AutoReid`, its cells not yet chosen.

    Args:
        strengths: of the operations, which all cells of a kind share.
        width: channels of a node in the first stage.
        stages: how many cells each stage has.
    """

    def __init__(self, strengths: Strengths, width: int, stages: tuple[int, ...]) -> None:
        super().__init__()
        self.strengths = strengths
        self.stem = stem(width)
        self.cells = nn.ModuleList()
        self._strides: list[int] = []
        channels, last_stride = (width, width), 1
        for own, stride in cells_of(width, stages):
            self.cells.append(MixedCell(strengths.nodes, channels, own, stride, last_stride))
            channels, last_stride = (channels[1], own * strengths.nodes), stride
            self._strides.append(stride)
        self.channels = channels[1]

    def forward(self, images: Tensor) -> Tensor:
        normal, reduction = self.strengths.normal, self.strengths.reduction
        shares = {1: normal.softmax(dim=1), 2: reduction.softmax(dim=1)}
        before = last = self.stem(images)
        for cell, stride in zip(self.cells, self._strides, strict=True):
            before, last = last, cell(before, last, shares[stride])
        return last


def _searched(name: str, channels: int, stride: int) -> nn.Module:
    """An operation as it is searched among: without weights of norms."""
    operation = build_operation(name, channels, stride, affine=False)
    if "pool" in name:
        return nn.Sequential(operation, nn.BatchNorm2d(channels, affine=False))
    return operation
