"""Re-ranking with k-reciprocal encoding: images are near when they have the same near images.

Zhong, Zheng, Cao & Li 2017, "Re-ranking person re-identification with k-reciprocal encoding"
(arXiv 1701.08398). Where paper and the authors' code differ, the code is followed, because it gave
the published figures: `around(k1 / 2)` and one more in the expansion, and each row of squared
distances divided by its maximum over all N images. Nothing of size [N, N] is held.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from passerby.evaluation.ranking.distances import Distances, VectorDistances
from passerby.evaluation.ranking.neighbours import Neighbours, UnitVectors, neighbours
from passerby.process.sizes import parse_size, size_text
from passerby.tables.embeddings import Embeddings, require_one_model

_BLOCK = 256

PairDistances = Callable[[NDArray[np.int64], NDArray[np.int64]], NDArray[np.floating]]


def rerank(
    query: Embeddings,
    gallery: Embeddings,
    k1: int = 20,
    k2: int = 6,
    weight: float = 0.3,
    *,
    memory: int | str = "2GB",
) -> Reranked:
    """Distances by k-reciprocal encoding, for `passerby.evaluate(..., distances=)`.

    Labels are not looked at: junk and images of the query's camera take part in the encoding, as in
    the authors' code, and only the protocol of the evaluation ignores them. The usual constants are
    for galleries with many images a person; with one or two they cost rank-1.

    Args:
        query: vectors and what is known of them; all queries take part in each one's distances.
        gallery: the same of what is ranked.
        k1: neighbours that must be mutual; cut to the number of images, as k2.
        k2: neighbours whose encodings are averaged (1: none).
        weight: share of the original distance (1: nothing but it).
        memory: what may be used beside the embeddings, in bytes or as "500MB", "2GB"; the most it
            can take follows from the sizes and is compared before anything is computed.

    Returns:
        Distances that are computed when they are asked for, block by block.

    Raises:
        ValueError: for a budget that is too small, empty parts, other widths or models, vectors
            that are zero or not finite, and values out of range.

    Examples:
        >>> query = Embeddings([[1, 0], [0, 1]], persons=[7, 8])
        >>> gallery = Embeddings([[1, 0.1], [0.5, 1], [0.2, 1]], [7, 7, 8])
        >>> distances = rerank(query, gallery, k1=2, k2=1)
        >>> distances.dense().argmin(axis=1).tolist()
        [0, 2]
    """
    _check(k1, k2, weight)
    if len(query) == 0 or len(gallery) == 0:
        raise ValueError(
            f"re-ranking needs queries and a gallery, got {len(query)} and {len(gallery)} images"
        )
    require_one_model(query, gallery)
    original = VectorDistances(query.vectors, gallery.vectors, "cosine")
    budget = parse_size(memory, "memory")
    needed = memory_needed(len(query), len(gallery), query.vectors.shape[1], k1, k2)
    if needed > budget:
        raise ValueError(
            f"re-ranking {len(query)} queries and {len(gallery)} images with k1={k1} and k2={k2} "
            f"can take {size_text(needed, up=True)}, more than memory={memory!r}: "
            f'give memory="{size_text(needed, up=True)}" or more, or smaller k1 and k2'
        )
    vectors = UnitVectors([query.vectors, gallery.vectors])
    found = neighbours(vectors, max(k1 + 1, k2))
    encodings = encode(found, vectors.squared_distances, k1, k2, len(query))
    return Reranked(original, found.farthest[: len(query)], encodings, weight, budget - needed)


def _check(k1: int, k2: int, weight: float) -> None:
    if k1 < 1 or k2 < 1:
        raise ValueError(f"k1 and k2 must be at least 1, got {k1} and {k2}")
    if not 0 <= weight <= 1:
        raise ValueError(f"weight must be between 0 and 1, got {weight}")


class Reranked(Distances):
    """Re-ranked distances [Q, G] in 0…1: (1 − weight) · Jaccard + weight · original.

    Original distances are squared Euclidean ones of normalised vectors, divided by the largest of
    the query over all queries and gallery images. Made by `rerank`.
    """

    def __init__(
        self,
        original: Distances,
        farthest: NDArray[np.floating],
        encodings: Encodings,
        weight: float,
        free: int,
    ) -> None:
        """original: cosine distances [Q, G]; farthest [Q] squared; free: bytes left for `dense`."""
        self.shape = original.shape
        self._original, self._encodings = original, encodings
        # Where all vectors are equal, all distances are zero: divided by one they stay so.
        self._farthest = np.where(farthest > 0, farthest, 1).astype(np.float32)
        self._weight, self._free = weight, free

    @property
    def block_rows(self) -> int:
        """As of the original distances, so that no tile of them is computed twice."""
        return self._original.block_rows

    def block(self, rows: slice) -> NDArray[np.float32]:
        """The re-ranked distances [q, G] of some queries."""
        chosen = np.arange(self.shape[0])[rows]
        if self._weight == 0:
            return self._encodings.jaccard_distances(chosen)
        # |a − b|² = 2 (1 − cosine) for vectors of length one.
        block = self._original.block(rows)
        block *= (2 * self._weight / self._farthest[rows])[:, None]
        if self._weight < 1:
            jaccard = self._encodings.jaccard_distances(chosen)
            jaccard *= 1 - self._weight
            block += jaccard
        return block

    def dense(self) -> NDArray[np.float32]:
        """All distances [Q, G] at once. Raises ValueError where that exceeds the memory given."""
        needed = 4 * self.shape[0] * self.shape[1]
        if needed > self._free:
            raise ValueError(
                f"{self.shape[0]} × {self.shape[1]} distances take {size_text(needed, up=True)} "
                f"and {size_text(max(0, self._free))} are left of the memory given: "
                "give more, or use block() for some queries at a time"
            )
        table = np.empty(self.shape, np.float32)
        for start in range(0, self.shape[0], self.block_rows):
            rows = slice(start, start + self.block_rows)
            table[rows] = self.block(rows)
        return table


@dataclass(frozen=True, eq=False)
class Sparse:
    """A matrix by rows: row r has values[starts[r]:starts[r + 1]] in these columns, else zeros."""

    starts: NDArray[np.int64]
    columns: NDArray[np.int32]
    values: NDArray[np.float32]

    def entries(
        self, rows: NDArray[np.integer]
    ) -> tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.float32]]:
        """Of the rows, one after another: position in ``rows``, column and value of each entry."""
        counts = self.starts[rows + 1] - self.starts[rows]
        owners = np.repeat(np.arange(len(rows)), counts)
        begins = np.repeat(self.starts[rows] - (counts.cumsum() - counts), counts)
        places = begins + np.arange(len(owners))
        return owners, self.columns[places], self.values[places]


@dataclass(frozen=True, eq=False)
class Encodings:
    """What the Jaccard distance needs: encodings of the queries by row, [Q, N], and those of the
    gallery by column, [N, G] (for each image of N the gallery images that it is a neighbour of)."""

    queries: Sparse
    inverted: Sparse
    gallery: int

    def jaccard_distances(self, rows: NDArray[np.int64]) -> NDArray[np.float32]:
        """1 − Σ min / Σ max [q, G] of the encodings of some queries and all of the gallery.

        Encodings sum to one, so that Σ max = 2 − Σ min; where one is zero, Σ min is as well.
        """
        distances = np.empty((len(rows), self.gallery), np.float32)
        for line, row in zip(distances, rows, strict=True):
            common = self._common(row)
            line[:] = 1 - common / (2 - common)
        return distances

    def _common(self, row: int) -> NDArray[np.float64]:
        """Σ min [G] of one query's encoding and each of the gallery's."""
        _, columns, values = self.queries.entries(np.array([row]))
        common = np.zeros(self.gallery)
        counts = self.inverted.starts[columns + 1] - self.inverted.starts[columns]
        # In parts: an image that is a neighbour of very many must not take memory without bound.
        cuts = np.flatnonzero(np.diff(counts.cumsum() // 2**20)) + 1
        for part in np.split(np.arange(len(columns)), cuts):
            owners, images, theirs = self.inverted.entries(columns[part])
            smaller = np.minimum(values[part][owners], theirs)
            common += np.bincount(images, smaller, self.gallery)
        return common


def encode(
    found: Neighbours, pair_distances: PairDistances, k1: int, k2: int, queries: int
) -> Encodings:
    """Encodings of N images, the queries first, from their neighbours.

    ``pair_distances`` gives the squared distances of pairs of rows.
    """
    single = _single_encodings(found, pair_distances, k1)
    everyone = len(found.nearest)
    gallery = everyone - queries

    def blocks(start: int, stop: int) -> Iterator[tuple[NDArray, NDArray, NDArray]]:
        for begin in range(start, stop, _BLOCK):
            rows = np.arange(begin, min(begin + _BLOCK, stop))
            owners, columns, values = _expanded(single, found.nearest[rows, :k2], rows)
            yield owners + (begin - start), columns, values

    # Two passes, so that the large arrays are made once and at their right size.
    counts = np.zeros(everyone, np.int64)
    for _, columns, _ in blocks(queries, everyone):
        counts += np.bincount(columns, minlength=everyone)
    starts = np.concatenate([[0], counts.cumsum()])
    images, weights = np.empty(starts[-1], np.int32), np.empty(starts[-1], np.float32)
    filled = starts[:-1].copy()
    for owners, columns, values in blocks(queries, everyone):
        order = np.argsort(columns, kind="stable")
        counts = np.bincount(columns, minlength=everyone)
        shift = filled - (counts.cumsum() - counts)
        places = shift[columns[order]] + np.arange(len(order))
        images[places], weights[places] = owners[order], values[order]
        filled += counts
    return Encodings(
        _by_row(list(blocks(0, queries)), queries), Sparse(starts, images, weights), gallery
    )


def _by_row(blocks: list[tuple[NDArray, NDArray, NDArray]], count: int) -> Sparse:
    """A matrix of ``count`` rows from its entries (row, column, value) in the order of rows."""
    rows, columns, values = (np.concatenate(parts) for parts in zip(*blocks, strict=True))
    starts = np.concatenate([[0], np.bincount(rows, minlength=count).cumsum()])
    return Sparse(starts, columns.astype(np.int32), values.astype(np.float32))


def _single_encodings(found: Neighbours, pair_distances: PairDistances, k1: int) -> Sparse:
    """Gaussian weights [N, N] of each image's k-reciprocal neighbours, summing to one."""
    everyone = len(found.nearest)
    wide, narrow = found.nearest[:, : k1 + 1], found.nearest[:, : _half(k1) + 1]
    mutual_wide, mutual_narrow = _mutual(wide), _mutual(narrow)
    farthest = np.where(found.farthest > 0, found.farthest, 1)
    # A table of bytes [block, N] and candidates [block, k1, k1 / 2] stay within some megabytes.
    step = max(1, min(2**24 // everyone, 2**21 // (wide.shape[1] * narrow.shape[1])))
    blocks = []
    for start in range(0, everyone, step):
        rows = np.arange(start, min(start + step, everyone))
        keys = _reciprocal(rows, wide, narrow, mutual_wide, mutual_narrow)
        owners, columns = np.divmod(keys, everyone)
        distances = pair_distances(rows[owners], columns) / farthest[rows[owners]]
        weights = np.exp(-distances)
        sums = np.bincount(owners, weights, len(rows))
        blocks.append((rows[owners], columns.astype(np.int32), weights / sums[owners]))
    return _by_row(blocks, everyone)


def _half(k1: int) -> int:
    """k1 / 2, rounded to the even number when in the middle, as numpy's around does."""
    return round(k1 / 2)


def _mutual(nearest: NDArray[np.int32]) -> NDArray[np.bool_]:
    """Whether an image is among the K nearest of each of its own K nearest: [N, K]."""
    mutual = np.empty(nearest.shape, bool)
    step = max(1, 2**21 // nearest.shape[1] ** 2)
    for start in range(0, len(nearest), step):
        own = nearest[start : start + step]
        rows = np.arange(start, start + len(own))[:, None, None]
        mutual[start : start + step] = (nearest[own] == rows).any(axis=2)
    return mutual


def _reciprocal(
    rows: NDArray[np.int64],
    wide: NDArray[np.int32],
    narrow: NDArray[np.int32],
    mutual_wide: NDArray[np.bool_],
    mutual_narrow: NDArray[np.bool_],
) -> NDArray[np.int64]:
    """Expanded k-reciprocal neighbours of some rows, as sorted keys: place in ``rows`` · N + image.

    To an image's mutual neighbours are added those of each of them (within half of k1) that shares
    strictly more than two thirds of its own with the image.
    """
    owner, place = np.nonzero(mutual_wide[rows])
    member = wide[rows[owner], place]
    is_member = np.zeros((len(rows), len(wide)), bool)
    is_member[owner, member] = True
    candidates, valid = narrow[member], mutual_narrow[member]  # [members, k1 / 2]
    shared = is_member[owner[:, None], candidates] & valid
    taken = valid & (3 * shared.sum(axis=1) > 2 * valid.sum(axis=1))[:, None]
    added, place = np.nonzero(taken)
    keys = np.concatenate([owner, owner[added]]) * len(wide)
    return np.unique(keys + np.concatenate([member, candidates[added, place]]))


def _expanded(
    single: Sparse, lists: NDArray[np.int32], rows: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    """Local query expansion: the mean of the encodings of the images in each list [q, k2].

    Returns place in ``rows``, column and value of each entry.
    """
    everyone, k2 = len(single.starts) - 1, lists.shape[1]
    if k2 == 1:  # the authors' code then leaves the encoding alone, also where a copy is nearer
        return single.entries(rows)  # type: ignore[return-value]
    owners, columns, values = single.entries(lists.ravel())
    keys, places = np.unique(owners // k2 * everyone + columns, return_inverse=True)
    owners, merged = np.divmod(keys, everyone)
    return owners, merged, np.bincount(places, values, len(keys)) / k2


def memory_needed(queries: int, gallery: int, width: int, k1: int = 20, k2: int = 6) -> int:
    """The most bytes that `rerank` can take beside the embeddings, with blocks of 256 queries or of
    64 MiB; vectors usually have a third of the neighbours that this counts on."""
    everyone = queries + gallery
    wide, narrow = min(everyone, k1 + 1), min(everyone, _half(k1) + 1)
    # A mutual neighbour may add its own if more than two thirds of them are known already.
    single = min(everyone, wide * -(-narrow // 3))
    expanded = min(everyone, single * min(k2, everyone))
    tile = min(everyone, 2048)
    lists = everyone * (12 * max(wide, min(k2, everyone)) + wide + narrow + 250)
    encoded = 8 * everyone * (2 * single + expanded) + 40 * _BLOCK * expanded
    working = 12 * tile * width + 16 * tile * tile + 100 * 2**20
    block = min(4 * queries * gallery, max(2**26, 4 * _BLOCK * gallery))
    return lists + encoded + working + 3 * block
