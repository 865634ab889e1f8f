"""Distances between queries and gallery, a block of queries at a time.

The whole [Q, G] matrix is never held: at MSMT17's size it has 958 million entries.
"""

from __future__ import annotations

import warnings
from abc import ABC, abstractmethod
from itertools import product
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray

from passerby.evaluation.ranking.copies import find_copies
from passerby.evaluation.ranking.threads import shared
from passerby.process.devices import find_device
from passerby.tables.unit_length import SHORTEST

Metric = Literal["cosine", "euclidean"]

_TILE_COLUMNS = 1024
_BLOCK_BYTES = 2**26


class Distances(ABC):
    """Distances from queries to a gallery; ``shape`` is (queries, gallery)."""

    shape: tuple[int, int]

    @abstractmethod
    def block(self, rows: slice) -> NDArray[np.float32]:
        """The distances [q, G] of some queries. The caller may overwrite the result."""

    @property
    def block_rows(self) -> int:
        """Queries whose distances fill 64 MiB: as many as are best asked for at once."""
        return max(1, min(_BLOCK_BYTES // (4 * max(1, self.shape[1])), self.shape[0]))


class VectorDistances(Distances):
    """Cosine distance (1 − cosine, in 0…2) or Euclidean distance between two sets of vectors.

    query [Q, D] and gallery [G, D] float32, neither copied on a CPU; bitwise equal gallery vectors
    get exactly equal distances, and an entry does not depend on the block in which it is asked for
    or on the number of threads. device: where the products are computed, the CPU by default; both
    sets of vectors are moved there. Raises ValueError on different widths, vectors that are not
    finite, and with the cosine on vectors of length zero, which have no direction.
    """

    def __init__(
        self,
        query: NDArray[np.float32],
        gallery: NDArray[np.float32],
        metric: Metric = "cosine",
        device: str | torch.device | None = None,
    ) -> None:
        if metric not in ("cosine", "euclidean"):
            raise ValueError(f"metric must be 'cosine' or 'euclidean', got {metric!r}")
        if query.shape[1] != gallery.shape[1]:
            raise ValueError(
                f"query vectors have {query.shape[1]} dimensions and gallery vectors "
                f"{gallery.shape[1]}: embed both with the same model"
            )
        self.shape = (len(query), len(gallery))
        self._metric = metric
        self._query, self._gallery = (
            _tensor(part).to(find_device(device or "cpu")) for part in (query, gallery)
        )
        self._query_norms = _norms(self._query, "query", metric)
        self._gallery_norms = _norms(self._gallery, "gallery", metric)
        # A matrix product may round equal columns differently, by their place in its tiles, and
        # ties would not be ranked in gallery order: copies take the distance of their original.
        self._copies = find_copies(gallery)
        # Results must not depend on how many rows are asked for, and a matrix product chooses its
        # way of adding by its shape: the tiles are the same whatever is asked. One tile row holds
        # 64 MiB at most, down to the 16 rows below which a product is slow.
        fitting = _BLOCK_BYTES // (4 * max(1, len(gallery)))
        self._tile_rows = next((r for r in (128, 64, 32) if r <= fitting), 16)
        self._last: tuple[int, NDArray[np.float32]] | None = None

    @property
    def block_rows(self) -> int:
        """As for all distances, in whole tiles."""
        return max(1, super().block_rows // self._tile_rows) * self._tile_rows

    def block(self, rows: slice) -> NDArray[np.float32]:
        start, stop, step = rows.indices(self.shape[0])
        assert step == 1
        stop = max(start, stop)
        block = np.empty((stop - start, self.shape[1]), np.float32)
        height = self._tile_rows
        first = -(-start // height) * height  # of the whole tiles that are asked for
        last = stop if stop == self.shape[0] else stop // height * height
        if first < last:
            self._measure(first, block[first - start : last - start])
        else:
            first = last = stop
        for low, high in ((start, first), (last, stop)):
            for row in range(low // height * height, high, height):
                wanted = slice(max(low, row), min(high, row + height))
                tiles = self._kept(row)[wanted.start - row : wanted.stop - row]
                block[wanted.start - start : wanted.stop - start] = tiles
        return block

    def _kept(self, row: int) -> NDArray[np.float32]:
        """The row of tiles that begins at this query; kept, as its other queries are asked next."""
        if self._last is None or self._last[0] != row:
            self._last = None  # one at a time in memory
            count = min(self._tile_rows, self.shape[0] - row)
            tiles = np.empty((count, self.shape[1]), np.float32)
            self._measure(row, tiles)
            self._last = (row, tiles)
        return self._last[1]

    def _measure(self, first: int, into: NDArray[np.float32]) -> None:
        """Fill ``into`` [q, G] with the distances of whole tiles, from query ``first`` on."""
        rows = slice(first, first + len(into))
        query, norms = self._query[rows], self._query_norms[rows, None]
        if self._metric == "cosine":
            query = query / norms
        target, one = torch.from_numpy(into), query.new_ones(())

        def measure(corner: tuple[int, int]) -> None:
            part = slice(corner[0], corner[0] + self._tile_rows)
            columns = slice(corner[1], corner[1] + _TILE_COLUMNS)
            gallery_norms = self._gallery_norms[columns]
            tile = query[part] @ self._gallery[columns].T
            if self._metric == "cosine":
                torch.addcdiv(one, tile, gallery_norms, value=-1, out=tile).clamp_(min=0)
            else:
                torch.add(gallery_norms.square(), tile, alpha=-2, out=tile)
                tile.add_(norms[part].square()).clamp_(min=0).sqrt_()
            target[part, columns] = tile  # from its device

        tops, lefts = range(0, len(into), self._tile_rows), range(0, self.shape[1], _TILE_COLUMNS)
        shared(measure, list(product(tops, lefts)))
        for top in tops if len(self._copies.rows) else ():
            tiles = into[top : top + self._tile_rows]  # a part at a time, as indexing copies
            tiles[:, self._copies.rows] = tiles[:, self._copies.originals]


def _tensor(vectors: NDArray[np.float32]) -> torch.Tensor:
    with warnings.catch_warnings():
        # A memory-mapped file may be read-only; nothing is written here.
        warnings.filterwarnings("ignore", "The given NumPy array is not writable")
        return torch.from_numpy(vectors)


def _norms(vectors: torch.Tensor, part: str, metric: Metric) -> torch.Tensor:
    norms = torch.linalg.vector_norm(vectors, dim=1)
    bad = (~torch.isfinite(norms)).nonzero().flatten()
    if len(bad):
        raise ValueError(
            f"{len(bad)} {part} vectors hold NaN or infinite values, the first in row {int(bad[0])}"
        )
    short = norms <= SHORTEST
    if metric == "cosine" and bool(short.any()):
        row = int(short.nonzero()[0])
        raise ValueError(
            f"{part} row {row} is a zero vector, or shorter than {SHORTEST:g}: it has no cosine to "
            "anything"
        )
    return norms
