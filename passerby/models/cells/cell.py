"""Cell: what a genotype describes, with weights."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from typing import cast

import torch
from torch import Tensor, nn

from passerby.models.cells.genotype import Node
from passerby.models.cells.operations import ConvNorm, Halve, build_operation


class Cell(nn.Module):
    """The outputs of the last two cells to maps [B, nodes · width, h, w].

    Args:
        nodes: the inner nodes, of a genotype.
        channels: of the outputs of the cell before the last, and of the last.
        width: channels of each node.
        stride: 2 in a reduction cell.
        last_stride: that of the last cell; at 2 the one before it has larger maps.
    """

    def __init__(
        self,
        nodes: Sequence[Node],
        channels: tuple[int, int],
        width: int,
        stride: int,
        last_stride: int,
    ) -> None:
        super().__init__()
        self.inputs = cell_inputs(channels, width, last_stride)
        self._nodes = [[edge.node for edge in node] for node in nodes]
        self.nodes = nn.ModuleList(
            nn.ModuleList(
                build_operation(edge.operation, width, stride if edge.node < 2 else 1)
                for edge in node
            )
            for node in nodes
        )

    def forward(self, before: Tensor, last: Tensor) -> Tensor:
        states = [self.inputs[0](before), self.inputs[1](last)]
        for operations, sources in zip(self.nodes, self._nodes, strict=True):
            edges = zip(cast(nn.ModuleList, operations), sources, strict=True)
            brought = [operation(states[source]) for operation, source in edges]
            states.append(reduce(torch.add, brought))
        return torch.cat(states[2:], dim=1)


def cell_inputs(
    channels: tuple[int, int], width: int, last_stride: int, affine: bool = True
) -> nn.ModuleList:
    """What brings the outputs of the last two cells to one width and one size."""
    before, last = channels
    shrink = Halve if last_stride == 2 else ConvNorm
    return nn.ModuleList([shrink(before, width, affine), ConvNorm(last, width, affine)])
