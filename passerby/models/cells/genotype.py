"""Genotype: which operations between which nodes make the two cells that a network repeats."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from passerby.models.cells.operations import NAMES
from passerby.process.spelling import suggest


class Edge(NamedTuple):
    """operation: by its name; node: whose maps it takes."""

    operation: str
    node: int


Node = tuple[Edge, ...]


@dataclass(frozen=True)
class Genotype:
    """Two cells, each by its inner nodes: the sum of what the edges of a node bring.

    Nodes 0 and 1 are the outputs of the cell before the last and of the last; inner nodes count
    from 2, and a cell's output is theirs side by side. In a reduction cell operations on nodes 0
    and 1 have stride 2.

    Examples:
        >>> text = "skip_connect 0 + sep_conv_3x3 1; max_pool_3x3 0 + part_aware 1"
        >>> Genotype.parse(text).reduction
        ((Edge(operation='max_pool_3x3', node=0), Edge(operation='part_aware', node=1)),)
        >>> str(Genotype.parse(text)) == text
        True
    """

    normal: tuple[Node, ...]
    reduction: tuple[Node, ...]

    @classmethod
    def parse(cls, text: str) -> Genotype:
        """Read ``operation node + operation node, ... ; ...``: the normal cell; the other.

        Raises:
            ValueError: for text of another form, operations that there are not, and nodes that
                do not stand before their own.
        """
        cells = text.split(";")
        if len(cells) != 2:
            raise ValueError(
                "cells are written 'sep_conv_3x3 0 + skip_connect 1, ...; ...': nodes with commas "
                f"between them, the normal cell, ';', the reduction cell, got {text!r}"
            )
        normal, reduction = (
            tuple(_node(node, number) for number, node in enumerate(cell.split(","), 2))
            for cell in cells
        )
        if len(normal) != len(reduction):
            raise ValueError(
                "the normal and the reduction cell need as many nodes as each other, got "
                f"{len(normal)} and {len(reduction)}"
            )
        return cls(normal, reduction)

    def __str__(self) -> str:
        return "; ".join(map(_written, (self.normal, self.reduction)))


def _written(cell: Sequence[Node]) -> str:
    return ", ".join(" + ".join(f"{edge.operation} {edge.node}" for edge in node) for node in cell)


def _node(text: str, number: int) -> Node:
    """An inner node, the ``number``-th of its cell."""
    edges = []
    for written in text.split("+"):
        operation, _, node = written.strip().rpartition(" ")
        if operation not in NAMES:
            raise ValueError(
                f"node {number} of a cell: no operation is named {operation!r}"
                f"{suggest(operation, NAMES)} (known: {', '.join(NAMES)})"
            )
        if not node.isdecimal() or int(node) >= number:
            raise ValueError(
                f"node {number} of a cell takes maps of nodes 0 to {number - 1}, got {node!r} "
                f"in {written.strip()!r}"
            )
        edges.append(Edge(operation, int(node)))
    return tuple(edges)
