"""Distances between queries and gallery, a block of queries at a time.

The whole [Q, G] matrix is never held: at MSMT17's size it has 958 million entries.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray

Metric = Literal["cosine", "euclidean"]


class Distances(ABC):
    """Distances from queries to a gallery; ``shape`` is (queries, gallery)."""

    shape: tuple[int, int]

    @abstractmethod
    def block(self, rows: slice) -> NDArray[np.float32]:
        """The distances [q, G] of some queries. The caller may overwrite the result."""


class VectorDistances(Distances):
    """Cosine distance (1 − cosine, in 0…2) or Euclidean distance between two sets of vectors.

    query [Q, D] and gallery [G, D] float32; equal gallery vectors get exactly equal distances.
    Raises ValueError on different widths, vectors that are not finite, and with the cosine on
    vectors of length zero, which have no direction.
    """

    def __init__(
        self, query: NDArray[np.float32], gallery: NDArray[np.float32], metric: Metric = "cosine"
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
        self._query, self._gallery = torch.from_numpy(query), torch.from_numpy(gallery)
        self._query_norms = _norms(self._query, "query", metric)
        self._gallery_norms = _norms(self._gallery, "gallery", metric)
        # A matrix product may round equal columns differently, by their place in its tiles, and
        # ties would not be ranked in gallery order: each vector is measured once.
        first, self._copies = _distinct(gallery)
        if len(first) < len(gallery):
            self._gallery, self._gallery_norms = self._gallery[first], self._gallery_norms[first]

    def block(self, rows: slice) -> NDArray[np.float32]:
        product = self._query[rows] @ self._gallery.T  # [q, G]
        norms = self._query_norms[rows, None]
        if self._metric == "cosine":
            product.div_(norms).div_(self._gallery_norms)
            measured = product.neg_().add_(1).clamp_(min=0)
        else:
            squared = product.mul_(-2).add_(norms.square()).add_(self._gallery_norms.square())
            measured = squared.clamp_(min=0).sqrt_()
        if len(self._gallery) < self.shape[1]:
            measured = measured[:, self._copies]
        return measured.numpy()


def _distinct(vectors: NDArray[np.float32]) -> tuple[torch.Tensor, torch.Tensor]:
    """Rows that hold the different vectors, and for each row which of them is equal to it."""
    if vectors.size == 0:
        return torch.arange(len(vectors)), torch.arange(len(vectors))
    width = vectors.shape[1] * vectors.itemsize
    rows = np.ascontiguousarray(vectors).view(f"V{width}").reshape(-1)
    _, first, copies = np.unique(rows, return_index=True, return_inverse=True)
    return torch.from_numpy(first), torch.from_numpy(copies.reshape(-1))


def _norms(vectors: torch.Tensor, part: str, metric: Metric) -> torch.Tensor:
    norms = torch.linalg.vector_norm(vectors, dim=1)
    bad = (~torch.isfinite(norms)).nonzero().flatten()
    if len(bad):
        raise ValueError(
            f"{len(bad)} {part} vectors hold NaN or infinite values, the first in row {int(bad[0])}"
        )
    if metric == "cosine" and bool((norms == 0).any()):
        row = int((norms == 0).nonzero()[0])
        raise ValueError(f"{part} row {row} is a zero vector: it has no cosine to anything")
    return norms
