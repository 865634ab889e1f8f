"""Pairs of images, streamed: who is compared, counted into fine bins of distance, or sampled.

MSMT17 has a billion pairs. They are never held or sorted: distances come a block at a time and are
counted in bins, which are float32 numbers cut to 14 binary digits after the leading one. Such bins
need no range to be known beforehand, cost a shift each, and their edges are exact.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from passerby.evaluation.protocol import Protocol
from passerby.evaluation.ranking.distances import Distances, Metric, VectorDistances
from passerby.tables.embeddings import Embeddings
from passerby.tables.keys import camera_numbers, shared_person_names
from passerby.tables.records import JUNK

PairKind = Literal["across cameras", "within a camera", "any cameras"]
"""Which pairs count: of images by two cameras, by one, or all ("any", also without cameras)."""

BIN_WIDTH = 2.0**-14
"""Width of a bin relative to its distance, at most."""

_SHIFT = 23 - 14  # float32 has 23 binary digits after the leading one
_SMALLEST, _LARGEST = 2.0**-20, 2.0**20  # all below is one bin; nothing may lie above
_FIRST = int(np.float32(_SMALLEST).view(np.int32)) >> _SHIFT
_BINS = (int(np.float32(_LARGEST).view(np.int32)) >> _SHIFT) - _FIRST + 1
_BLOCK = 4_000_000  # pairs at a time, about 100 MB with all that is computed of them


@dataclass(frozen=True, eq=False)
class PairCounts:
    """How many pairs of the same and of different persons have which distance.

    For each bin that holds a pair, ascending: its distances are lower [B] ≤ d < upper [B], with
    same [B] and different [B] pairs in it; no whole numbers where they are expectations.
    """

    lower: NDArray[np.float64]
    upper: NDArray[np.float64]
    same: NDArray[np.int64] | NDArray[np.float64]
    different: NDArray[np.int64] | NDArray[np.float64]

    @property
    def middle(self) -> NDArray[np.float64]:
        """The distance that stands for each bin, [B]."""
        return (self.lower + self.upper) / 2


@dataclass(frozen=True, eq=False)
class PairSample:
    """Single pairs for a bootstrap over persons, by ascending distance.

    distances [n]; same [n]; first and second [n]: the persons of the pair as rows of ``persons``;
    weights [n]: how many pairs of the set each stands for (all pairs of the same person and the
    nearest of different persons stand for themselves, the others were thinned).
    """

    distances: NDArray[np.float32]
    same: NDArray[np.bool_]
    first: NDArray[np.int64]
    second: NDArray[np.int64]
    weights: NDArray[np.float64]
    persons: NDArray[np.str_]

    def weighted(self, counts: NDArray[np.int64]) -> NDArray[np.float64]:
        """Weights [n] in a resample that draws each person ``counts`` [persons] times.

        A pair of two persons comes as often as both are drawn, a pair of one person as often as
        that one is: two copies of a person are not two persons.
        """
        second = np.where(self.same, 1, counts[self.second])
        return self.weights * counts[self.first] * second


@dataclass(frozen=True, eq=False)
class PairBlock:
    """The pairs of some queries, [q, G]: distances, which of them count, which are of one person.

    start: row of the first query.
    """

    start: int
    distances: NDArray[np.float32]
    counted: NDArray[np.bool_]
    same: NDArray[np.bool_]


class Pairs:
    """All pairs that count, of a query and a gallery, or of one part with itself.

    Of a query and a gallery those of the protocol: junk is left out, and with ``camera_rule`` so
    are pairs of one person by one camera. Without a gallery every two images of ``query`` are
    compared once. kind "across cameras" also leaves out pairs of different persons by one camera,
    as a question about two cameras asks; "within a camera" leaves out all others, and so counts
    what the camera rule ignores, save two images of one numbered tracklet. Errors as
    `passerby.evaluate`.
    """

    def __init__(
        self,
        query: Embeddings,
        gallery: Embeddings | None = None,
        metric: Metric = "cosine",
        camera_rule: bool = True,
        *,
        kind: PairKind = "any cameras",
        distances: Distances | None = None,
    ) -> None:
        self._once = gallery is None
        self.query, self.gallery = query, query if gallery is None else gallery
        self._within = kind == "within a camera"
        self._protocol = Protocol(self.query, self.gallery, camera_rule and not self._within)
        if kind != "any cameras" and (self.query.cameras is None or self.gallery.cameras is None):
            raise ValueError(f"pairs {kind} need camera numbers in both parts")
        self._places = None if kind == "any cameras" else camera_numbers(self.query, self.gallery)
        self._distances = distances or VectorDistances(
            self.query.vectors, self.gallery.vectors, metric
        )
        self.shape = (len(self.query), len(self.gallery))
        if self._distances.shape != self.shape:
            raise ValueError(
                f"distances are {self._distances.shape} for {self.shape[0]} and {self.shape[1]} "
                "images"
            )

    def blocks(self) -> Iterator[PairBlock]:
        """All pairs, some queries at a time.

        Raises ValueError for distances below 0, above 2^20, or NaN.
        """
        for start, distances in self._lines():
            counted = np.ones(distances.shape, bool)
            same = np.zeros(distances.shape, bool)
            counted[:, self._protocol.junk] = False
            for line, row in enumerate(range(start, start + len(distances))):
                self._mark(row, counted[line], same[line])
            _require_bounded(distances)
            yield PairBlock(start, distances, counted, same)

    def _lines(self) -> Iterator[tuple[int, NDArray[np.float32]]]:
        """First row and distances of some queries: parts of the blocks that are best asked for."""
        rows, whole = max(1, _BLOCK // self.shape[1]), self._distances.block_rows
        for first in range(0, self.shape[0], whole):
            block = self._distances.block(slice(first, first + whole))
            for start in range(0, len(block), rows):
                yield first + start, block[start : start + rows]

    def _mark(self, row: int, counted: NDArray[np.bool_], same: NDArray[np.bool_]) -> None:
        if self.query.persons[row] == JUNK:
            counted[:] = False
            return
        matches, ignored = self._protocol.of_query(row)
        same[matches] = True
        counted[ignored] = False
        if self._places is not None:
            one_camera = self._places[1] == self._places[0][row]
            counted &= one_camera if self._within else ~one_camera
        if self._within and self.query.tracklets is not None and self.gallery.tracklets is not None:
            number = self.query.tracklets[row]
            counted &= ~(same & (self.gallery.tracklets == number)) | (number < 0)
        if self._once:
            counted[: row + 1] = False
        same &= counted


def count_pairs(pairs: Pairs) -> PairCounts:
    """The distances of all pairs, counted in bins; memory does not grow with their number.

    Raises ValueError when there is no pair of the same person or none of different persons.
    """
    same, counted = np.zeros(_BINS, np.int64), np.zeros(_BINS, np.int64)
    for block in pairs.blocks():
        bins = _bins(block.distances)
        counted += np.bincount(bins[block.counted], minlength=_BINS)
        same += np.bincount(bins[block.same], minlength=_BINS)
    if not same.any() or not (counted - same).any():
        kind = "different persons" if same.any() else "the same person"
        raise ValueError(f"there is no pair of {kind} that counts: nothing to verify")
    held = np.flatnonzero(counted)
    edges = (np.arange(_FIRST - 1, _FIRST + _BINS, dtype=np.int32) << _SHIFT).view(np.float32)
    edges[0] = 0.0
    return PairCounts(
        lower=edges[held].astype(np.float64),
        upper=edges[held + 1].astype(np.float64),
        same=same[held],
        different=(counted - same)[held],
    )


def sample_pairs(
    pairs: Pairs, counts: PairCounts, limit: int = 2_000_000, seed: int = 0
) -> PairSample:
    """All pairs of the same person and at most about ``limit`` of different persons.

    Half of these are the nearest ones, where false matches are; the others are drawn at random
    and weigh more. counts: of the same pairs (`count_pairs`).
    """
    cumulated = counts.different.cumsum()
    total = int(cumulated[-1])
    whole = np.searchsorted(cumulated, limit if total <= limit else limit // 2, side="right")
    cut = np.inf if whole == len(cumulated) else counts.lower[whole]
    beyond = total - (int(cumulated[whole - 1]) if whole else 0)
    rate = 1.0 if beyond == 0 else min(1.0, (limit - limit // 2) / beyond)
    random = np.random.default_rng([seed, 4])
    names, of_query, of_gallery = person_rows(pairs.query, pairs.gallery)
    columns = []
    for block in pairs.blocks():
        near = block.distances < cut
        chosen = block.counted & (near | block.same)
        far = np.flatnonzero(block.counted & ~chosen)
        chosen.ravel()[far[random.random(len(far)) < rate]] = True
        rows, images = np.nonzero(chosen)
        same = block.same[rows, images]
        weights = np.where(near[rows, images] | same, 1.0, 1 / rate)
        distances = block.distances[rows, images]
        columns.append((distances, same, of_query[block.start + rows], of_gallery[images], weights))
    distances, same, first, second, weights = map(np.concatenate, zip(*columns, strict=True))
    # Persons without a pair that counts (junk is one) must not be drawn in place of others.
    used = np.unique(np.concatenate([first, second]))
    order = np.argsort(distances, kind="stable")
    return PairSample(
        distances[order],
        same[order],
        used.searchsorted(first[order]),
        used.searchsorted(second[order]),
        weights[order],
        names[used],
    )


def person_rows(
    query: Embeddings, gallery: Embeddings
) -> tuple[NDArray[np.str_], NDArray[np.int64], NDArray[np.int64]]:
    """Names of all persons, ascending, and the row of the person of each query and gallery image.

    As in the protocol, sources tell persons apart where both parts have them.
    """
    of_query, of_gallery = shared_person_names(query, gallery)
    names, rows = np.unique(np.concatenate([of_query, of_gallery]), return_inverse=True)
    rows = rows.reshape(-1)
    return names, rows[: len(of_query)], rows[len(of_query) :]


def _bins(distances: NDArray[np.float32]) -> NDArray[np.int32]:
    """The bin of each distance: positive floats are ordered as their bits are."""
    bits = np.ascontiguousarray(distances).view(np.int32) >> _SHIFT
    return np.clip(bits - (_FIRST - 1), 0, _BINS - 1, out=bits)


def _require_bounded(distances: NDArray[np.float32]) -> None:
    low, high = float(distances.min()), float(distances.max())
    if not (low >= 0 and high < _LARGEST):
        raise ValueError(
            f"distances must lie from 0 to below {_LARGEST:g}, got {low:g} to {high:g}"
        )
