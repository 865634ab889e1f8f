"""Nearest neighbours: of every image among all, and of single queries in their distances.

Ties are ranked in row order everywhere, as a stable sort would.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from passerby.evaluation.ranking.threads import shared
from passerby.process.reporting import progress

_TILE = 2048


@dataclass(frozen=True, eq=False)
class Neighbours:
    """nearest [N, K]: rows of the K nearest images, each image itself among its own, by ascending
    distance; farthest [N]: squared distance of the image that is farthest away."""

    nearest: NDArray[np.int32]
    farthest: NDArray[np.float32]


class UnitVectors:
    """Parts [n, D] one after another as vectors [N, D] of length one, made as they are asked for.

    A normalised copy of all would double the memory of the embeddings. No vector may be zero.
    """

    def __init__(self, parts: Sequence[NDArray[np.float32]]) -> None:
        self._parts = parts
        self._ends = np.cumsum([len(part) for part in parts])
        lengths = [torch.linalg.vector_norm(torch.from_numpy(part), dim=1) for part in parts]
        self._lengths = torch.cat(lengths)

    def __len__(self) -> int:
        return int(self._ends[-1])

    @property
    def width(self) -> int:
        """D."""
        return int(self._parts[0].shape[1])

    def rows(self, index: NDArray[np.integer]) -> torch.Tensor:
        """The chosen vectors [n, D]."""
        return self._stored(index).div_(self._lengths[index][:, None])

    def squared_distances(
        self, first: NDArray[np.integer], second: NDArray[np.integer]
    ) -> NDArray[np.float32]:
        """Squared Euclidean distances [n] of n pairs of rows, in 0…4."""
        distances = np.empty(len(first), np.float32)
        step = max(1, 2**20 // self.width)

        def measure(start: int) -> None:
            one, other = first[start : start + step], second[start : start + step]
            product = self._stored(one).mul_(self._stored(other)).sum(dim=1)
            cosine = product.div_(self._lengths[one]).div_(self._lengths[other])
            distances[start : start + step] = (2 - 2 * cosine).clamp_(min=0).numpy()

        shared(measure, range(0, len(first), step))
        return distances

    def _stored(self, index: NDArray[np.integer]) -> torch.Tensor:
        stored = np.empty((len(index), self.width), np.float32)
        for part, end in zip(self._parts, self._ends, strict=True):
            inside = (index >= end - len(part)) & (index < end)
            stored[inside] = part[index[inside] - (end - len(part))]
        return torch.from_numpy(stored)


def nearest(distances: NDArray[np.floating], k: int) -> NDArray[np.int64]:
    """Columns [q, k] of the k smallest distances of each row of [q, G], ascending; k ≤ G.

    >>> nearest(np.array([[0.3, 0.1, 0.2, 0.1]]), 3)
    array([[1, 3, 2]])
    """
    last = np.partition(distances, k - 1, axis=1)[:, k - 1 : k]
    rows, columns = np.nonzero(distances <= last)  # more than k where the last one is tied
    order = np.lexsort((distances[rows, columns], rows))
    return columns[order[_first_of_each(rows, len(distances), k)]]


def neighbours(vectors: UnitVectors, k: int, tile: int = _TILE) -> Neighbours:
    """The k nearest of all images for each image, and how far the farthest is.

    All products of two vectors are computed once, in tiles of ``tile`` × ``tile``: what a tile says
    about its rows and columns, its mirror image says about its columns and rows. Equal vectors
    have the same neighbours: a matrix product may round equal columns differently, by their place,
    so each vector is measured once.
    """
    first, original = _distinct(vectors)
    k = min(k, len(vectors))
    lists = _Lists(len(first), min(k, len(first)))
    tiles = [
        np.arange(start, min(start + tile, len(first))) for start in range(0, len(first), tile)
    ]
    done, total = 0, len(tiles) * (len(tiles) + 1) // 2
    # Each row meets its columns in ascending order, which keeps ties in row order.
    with progress("comparing all pairs") as advance:
        for place, rows in enumerate(tiles):
            own = vectors.rows(first[rows])
            for columns in tiles[place:]:
                if columns is rows:
                    cosines = own @ own.T
                    lists.add(rows, columns, _symmetric(cosines))
                else:
                    cosines = own @ vectors.rows(first[columns]).T
                    lists.add(rows, columns, cosines)
                    lists.add(columns, rows, cosines.T)
                done += 1
                advance(done, total)
    farthest = np.maximum(2 - 2 * lists.lowest, 0)
    return Neighbours(_with_copies(lists, original, k), farthest[original])


def _symmetric(cosines: torch.Tensor) -> torch.Tensor:
    """The upper triangle twice: the product of two vectors may be rounded in two ways. A vector is
    nearer to itself than rounding says of any other."""
    mirrored = cosines.triu(1)
    mirrored += mirrored.T.clone()
    return mirrored.fill_diagonal_(torch.inf)


class _Lists:
    """For each of U vectors the k largest cosines seen so far, their columns, and the lowest."""

    def __init__(self, count: int, k: int) -> None:
        self.cosines = np.full((count, k), -np.inf, np.float32)
        self.columns = np.zeros((count, k), np.int32)
        self.lowest = np.ones(count, np.float32)

    def add(
        self, rows: NDArray[np.int64], columns: NDArray[np.int64], cosines: torch.Tensor
    ) -> None:
        """Take in cosines [rows, columns] with columns greater than those seen before."""

        def add(part: slice) -> None:
            self._add(rows[part], columns, cosines[part].contiguous())

        # Many small steps, of which each would wake torch's threads and leave them waiting. In
        # parts, as where all are tied, all entries pass.
        shared(add, [slice(start, start + 256) for start in range(0, len(rows), 256)])

    def _add(
        self, rows: NDArray[np.int64], columns: NDArray[np.int64], cosines: torch.Tensor
    ) -> None:
        k = self.cosines.shape[1]
        self.lowest[rows] = np.minimum(self.lowest[rows], cosines.amin(dim=1).numpy())
        wanted = cosines > torch.from_numpy(self.cosines[rows, -1:])  # not ≥: the first of equals
        if len(columns) > k:
            wanted &= cosines >= torch.topk(cosines, k, sorted=False).values.amin(1, keepdim=True)
        found = np.flatnonzero(wanted.numpy())
        if len(found) == 0:
            return
        row, column = np.divmod(found, len(columns))
        hit, row = np.unique(row, return_inverse=True)
        changed = rows[hit]
        row = np.concatenate([np.repeat(np.arange(len(hit)), k), row])
        value = np.concatenate([self.cosines[changed].ravel(), cosines.numpy().ravel()[found]])
        column = np.concatenate([self.columns[changed].ravel(), columns[column]])
        order = np.lexsort((-value, row))
        order = order[_first_of_each(row[order], len(hit), k)]
        self.cosines[changed], self.columns[changed] = value[order], column[order]


def _first_of_each(rows: NDArray[np.integer], count: int, k: int) -> NDArray[np.int64]:
    """Positions [count, k] of the first k entries of each row in a sorted column of row numbers."""
    return np.searchsorted(rows, np.arange(count))[:, None] + np.arange(k)


def _distinct(vectors: UnitVectors) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Rows [U] at which the different vectors first appear, and for each row [N] which it is."""
    seen: dict[bytes, int] = {}
    first: list[int] = []
    original = np.empty(len(vectors), np.int64)
    for start in range(0, len(vectors), 256):
        block = vectors.rows(np.arange(start, min(start + 256, len(vectors)))).numpy()
        for row, vector in enumerate(block, start):
            digest = hashlib.blake2b(vector.data, digest_size=16).digest()
            original[row] = seen.setdefault(digest, len(first))
            if original[row] == len(first):
                first.append(row)
    return np.array(first, np.int64), original


def _with_copies(lists: _Lists, original: NDArray[np.int64], k: int) -> NDArray[np.int32]:
    """Nearest images [N, k] from the nearest distinct vectors: each stands for all its copies."""
    by_vector = np.argsort(original, kind="stable")
    counts = np.bincount(original)
    starts = counts.cumsum() - counts
    most = min(int(counts.max()), k)
    # copies [U, most]: the first rows that hold a vector; −1 where there are fewer.
    places = starts[:, None] + np.arange(most)
    copies = np.where(
        np.arange(most) < counts[:, None], by_vector[np.minimum(places, len(original) - 1)], -1
    )
    found = np.empty((len(lists.columns), k), np.int32)
    step = max(1, 2**20 // (lists.columns.shape[1] * most))
    for start in range(0, len(found), step):
        images = copies[lists.columns[start : start + step]]  # [block, vectors, most]
        cosines = np.where(images >= 0, lists.cosines[start : start + step, :, None], -np.inf)
        images, cosines = images.reshape(len(images), -1), cosines.reshape(len(images), -1)
        order = np.lexsort((images, -cosines))[:, :k]
        found[start : start + step] = np.take_along_axis(images, order, 1)
    return found[original]
