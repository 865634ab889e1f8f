"""Strengths: what a search learns of each operation on each edge, and the cells that follow."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from passerby.models.cells.genotype import Edge, Genotype, Node
from passerby.models.cells.operations import NAMES

_KEPT = 2  # edges into a node


class Strengths(nn.Module):
    """A number for each operation on each edge of both cells; all cells of a kind share theirs.

    Edges of a cell come by their node, then by the one that they come from: 0 → 2, 1 → 2, 0 → 3 …
    normal, reduction [edges, operations]: their softmax is what a mixed edge weighs by. They begin
    within a thousandth of equal, by torch's seed (DARTS).

    Args:
        nodes: inner nodes of a cell.
    """

    def __init__(self, nodes: int) -> None:
        super().__init__()
        self.nodes = nodes
        edges = sum(range(2, nodes + 2))
        self.normal = nn.Parameter(1e-3 * torch.randn(edges, len(NAMES)))
        self.reduction = nn.Parameter(1e-3 * torch.randn(edges, len(NAMES)))

    def genotype(self) -> Genotype:
        """The strongest operations of each node's two strongest edges, the stronger edge first.

        An edge is as strong as the strongest of its operations other than "none" (DARTS, sec. 2.4).
        """
        return Genotype(*(self._cell(own) for own in (self.normal, self.reduction)))

    def shares(self) -> dict[str, list[dict[str, float | int]]]:
        """The softmax of each edge, for people: by cell, a row an edge."""
        return {
            cell: [
                {"node": node, "from": source, **dict(zip(NAMES, _rounded(row), strict=True))}
                for (node, source), row in zip(edges(self.nodes), own.softmax(dim=1), strict=True)
            ]
            for cell, own in (("normal", self.normal), ("reduction", self.reduction))
        }

    def _cell(self, strengths: Tensor) -> tuple[Node, ...]:
        shares = strengths.detach().softmax(dim=1)
        shares[:, NAMES.index("none")] = -1
        best, operations = shares.max(dim=1)
        cell = []
        for node in range(2, self.nodes + 2):
            rows = [row for row, (into, _) in enumerate(edges(self.nodes)) if into == node]
            kept = sorted(rows, key=lambda row: -float(best[row]))[:_KEPT]
            sources = [edges(self.nodes)[row][1] for row in kept]
            cell.append(
                tuple(
                    Edge(NAMES[int(operations[row])], source)
                    for row, source in zip(kept, sources, strict=True)
                )
            )
        return tuple(cell)


def edges(nodes: int) -> list[tuple[int, int]]:
    """(node, the one that it takes maps of) for every edge of a cell with so many inner nodes.

    >>> edges(2)
    [(2, 0), (2, 1), (3, 0), (3, 1), (3, 2)]
    """
    return [(node, source) for node in range(2, nodes + 2) for source in range(node)]


def changes(before: Genotype, after: Genotype) -> int:
    """How many edges of the second the first does not have."""
    return sum(
        len(set(second) - set(first))
        for old, new in ((before.normal, after.normal), (before.reduction, after.reduction))
        for first, second in zip(old, new, strict=True)
    )


def _rounded(row: Tensor) -> Sequence[float]:
    return [round(share, 4) for share in row.tolist()]
