"""Hubness correction (CSLS): images that are near to everybody are nobody's own neighbour.

Conneau, Lample, Ranzato, Denoyer, Jégou, "Word translation without parallel data", ICLR 2018,
section 2.3: 2 cos(q, x) - r(q) - r(x), r being the mean cosine to the nearest neighbours. Of one
query r(q) is the same for all, so that here each gallery image is moved away by half of its own r.
An order, and no scale: probabilities stay those of the distance as measured.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from passerby.evaluation.ranking.distances import Distances, VectorDistances
from passerby.tables.embeddings import Embeddings
from passerby.tables.unit_length import unit

NEIGHBOURS = 10  # as in the paper; 5 to 20 alike on held-out persons

_ROWS = 1024  # of a block of cosines


def crowding(
    vectors: NDArray[np.float32], among: NDArray[np.float32], neighbours: int = NEIGHBOURS
) -> NDArray[np.float32]:
    """Mean cosine [N] of vectors [N, D] to their nearest of ``among`` [M, D], all of length 1.

    A vector that is among them is no neighbour of its own: of equals (cosine above 1 - 1e-5) one
    is left out. Zero where there is nobody else.
    """
    made = np.zeros(len(vectors), np.float32)
    for start in range(0, len(vectors), _ROWS):
        cosines = vectors[start : start + _ROWS] @ among.T
        own = cosines.argmax(axis=1) if len(among) else np.empty(0, np.int64)
        for row, column in enumerate(own.tolist()):
            if cosines[row, column] > 1 - 1e-5:
                cosines[row, column] = -np.inf
        kept = min(neighbours, len(among))
        nearest = np.partition(cosines, len(among) - kept, axis=1)[:, len(among) - kept :]
        counted = np.isfinite(nearest)
        sums = np.where(counted, nearest, 0).sum(axis=1)
        made[start : start + _ROWS] = sums / np.maximum(counted.sum(axis=1), 1)
    return made


class CorrectedDistances(Distances):
    """Cosine distances [Q, G] with each gallery image moved by half of its crowding."""

    def __init__(
        self, query: Embeddings, gallery: Embeddings, neighbours: int = NEIGHBOURS
    ) -> None:
        shown = unit(gallery.vectors, "gallery vectors")
        self._plain = VectorDistances(query.vectors, gallery.vectors)
        self._moved = crowding(shown, shown, neighbours) / 2
        self.shape = self._plain.shape

    def block(self, rows: slice) -> NDArray[np.float32]:
        block = self._plain.block(rows)
        block += self._moved
        return block
