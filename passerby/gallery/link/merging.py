"""Merging: groups of passages joined two by two, the likeliest first."""

from __future__ import annotations

import heapq
import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from passerby.evaluation.ranking.neighbours import UnitVectors, neighbours
from passerby.gallery.known_names import nearest
from passerby.gallery.link.passages import (
    REPRESENTATIVES,
    Passages,
    Stays,
    in_two_places,
    places_of,
    stays_of,
)
from passerby.gallery.link.rules import Rules
from passerby.gallery.link.worth import Worth
from passerby.gallery.pair_evidence import NONE, NOT_KNOWN, OTHER, SAME, camera_names
from passerby.gallery.paths.gallery_transits import Transits
from passerby.tables.sightings import UNKNOWN, Sightings, by_look

_MOST = 32  # sightings of a group that are compared with those of another


class Merging:
    """Groups, joined two by two; a new group takes a new number.

    apart_by_time, apart_by_name, apart_by_review: joins that were refused, as nobody is in two
    places, of two names, or against what a person said of a pair.
    """

    def __init__(
        self,
        sightings: Sightings,
        passages: Passages,
        worth: Worth,
        rules: Rules,
        *,
        least: float,
        transits: Transits | None = None,
    ) -> None:
        self.apart_by_time = self.apart_by_name = self.apart_by_review = 0
        self._count = len(passages)
        self._worth, self._rules, self._least = worth, rules, least
        # A passage that is one sighting is compared by its looks, as sightings of a tracklet are.
        shown, rows = by_look(sightings[passages.representatives], REPRESENTATIVES)
        self._owners = owners = passages.shown[rows]
        self._vectors = worth.vectors(shown)
        self._places = np.where(shown.cameras == UNKNOWN, -1, places_of(shown))
        self._pairs = place_pairs(shown, self._places, worth)
        self._transits = transits
        self._moments = None if transits is None else transits.moments(shown.ids)
        count = self._count
        self._parent = list(range(count))
        self._weakest = [math.nan] * count
        self._ends = [(math.nan, math.nan)] * count  # of the weakest's interval
        self._names = passages.names.tolist()
        order = np.argsort(owners, kind="stable")
        cuts = np.searchsorted(owners[order], np.arange(1, count))
        self._rows: list[NDArray[np.int64]] = np.split(order, cuts) if count else []
        self._stays: list[Stays] = stays_of(sightings, passages)
        self._joined = seeing_the_same(sightings, rules)
        self._mirrored = _mirrored(sightings, rules)
        self._foes: list[set[int]] = [set() for _ in range(count)]  # passages, of each group
        self._sides: list[set[tuple[int, int]]] = [set() for _ in range(count)]
        self._seen: set[tuple[int, int]] = set()

    def obey(self, must: NDArray[np.int64], cannot: NDArray[np.int64]) -> int:
        """Join pairs of passages that are of one person [M, 2], whatever else speaks against it,
        and keep pairs of two persons [C, 2] apart; returns how many of these are one already."""
        for a, b in must.tolist():
            one, other = self._root(a), self._root(b)
            if one != other:
                self._unite(one, other, math.nan)
        against = 0
        for a, b in cannot.tolist():
            one, other = self._root(a), self._root(b)
            against += one == other
            self._foes[one].add(b)
            self._foes[other].add(a)
        return against

    def keep_apart(self, sides: Sequence[tuple[NDArray[np.int64], NDArray[np.int64]]]) -> int:
        """Keep all passages of one side from those of the other; returns of how many pairs of
        sides some are one already. Each passage bears its side, and no pair is written down."""
        against = 0
        for number, pair in enumerate(sides):
            roots = [{self._root(passage) for passage in side.tolist()} for side in pair]
            against += bool(roots[0] & roots[1])
            for side, groups in enumerate(roots):
                for group in groups:
                    self._sides[group].add((number, side))
        return against

    def run(self) -> None:
        """Join the two groups of the greatest mean LLR until none is above the least."""
        # A mean over joined groups is never above the greater of those of its parts, so that what
        # was computed before a join may wait in the queue as a bound until it comes first.
        queue = [(-llr, a, b, False) for llr, a, b in self._near()]
        heapq.heapify(queue)
        while queue:
            bound, a, b, exact = heapq.heappop(queue)
            one, other = sorted((self._root(a), self._root(b)))
            if one == other:
                continue
            if exact and (one, other) == (a, b):
                self._join(one, other, -bound)
            elif (one, other) not in self._seen:
                self._seen.add((one, other))
                llr = self._mean(one, other)
                if llr > self._least:
                    heapq.heappush(queue, (-llr, one, other, True))

    def groups(self) -> NDArray[np.int64]:
        """The group [P] of each passage."""
        return np.array([self._root(passage) for passage in range(self._count)], np.int64)

    @property
    def weakest(self) -> NDArray[np.float64]:
        """The least mean LLR of the joins that made each group, by its number; NaN without one."""
        return np.array(self._weakest, np.float64)

    @property
    def weakest_ends(self) -> NDArray[np.float64]:
        """The ends [2, N] of the intervals of `weakest`, NaN where not known."""
        return np.array(self._ends, np.float64).reshape(-1, 2).T

    def _near(self) -> list[tuple[float, int, int]]:
        """Pairs of passages with near sightings: the greatest LLR among these, and the two."""
        if len(self._vectors) < 2:
            return []
        vectors = UnitVectors([self._vectors])
        # Where pairs by one camera say nothing, many of the nearest are of no use.
        widened = 1 if self._worth.one_camera else 3
        near = neighbours(vectors, widened * self._rules.neighbours + 1).nearest
        one = np.repeat(np.arange(len(near)), near.shape[1])
        other = near.ravel().astype(np.int64)
        a, b = self._owners[one], self._owners[other]
        apart = a != b
        one, other = one[apart], other[apart]
        pairs = np.sort(np.stack([a[apart], b[apart]]), axis=0)
        # |a − b|² = 2 (1 − cosine) for vectors of length one.
        kinds = place_kinds(self._places[one], self._places[other])
        between = self._pairs[self._places[one], self._places[other]]
        llrs = self._worth.llrs(vectors.squared_distances(one, other) / 2, kinds, between)
        llrs += self._way(one, other)
        kept = llrs > self._least
        llrs, pairs = llrs[kept], pairs[:, kept]
        order = np.lexsort((-llrs, pairs[1], pairs[0]))
        llrs, pairs = llrs[order], pairs[:, order]
        first = np.append(True, (np.diff(pairs) != 0).any(axis=0))[: len(llrs)]
        return list(
            zip(
                llrs[first].tolist(),
                pairs[0, first].tolist(),
                pairs[1, first].tolist(),
                strict=True,
            )
        )

    def _mean(self, one: int, other: int) -> float:
        """Mean LLR of the pairs of two groups, of some sightings of each where there are many.

        Pairs of which the calibration says nothing do not count; −inf where none does.
        """
        a, b = (_spread(self._rows[group]) for group in (one, other))
        llrs = self._worth.llrs(*self._compared(a, b)) + self._way(a[:, None], b)
        return float(np.nanmean(llrs)) if not np.isnan(llrs).all() else -math.inf

    def _way(self, one: NDArray[np.int64], other: NDArray[np.int64]) -> NDArray[np.float64]:
        """LLRs of the times between sightings, broadcast; 0 where nothing is known of them."""
        if self._transits is None or self._moments is None:
            return np.zeros(1)
        return self._transits.llrs(self._moments[one], self._moments[other])

    def _compared(
        self, a: NDArray[np.int64], b: NDArray[np.int64]
    ) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.int64]]:
        """Distances, kinds and pairs of cameras [a, b] of some sightings."""
        places = self._places[a][:, None], self._places[b]
        distances = np.maximum(1 - self._vectors[a] @ self._vectors[b].T, 0)
        return distances, place_kinds(*places), self._pairs[places]

    def _mean_ends(self, one: int, other: int) -> tuple[float, float]:
        """The interval of `_mean`: what is not known of the ratios of looks is alike for all
        pairs, and what is not known of those of times is left out."""
        a, b = (_spread(self._rows[group]) for group in (one, other))
        ends = (self._worth.ends(*self._compared(a, b)) + self._way(a[:, None], b)).reshape(2, -1)
        ends = ends[:, ~np.isnan(ends[0])]
        low, high = ends.mean(axis=1).tolist() if ends.size else (math.nan, math.nan)
        return low, high

    def _join(self, one: int, other: int, llr: float) -> None:
        names = {self._names[one], self._names[other]} - {UNKNOWN}
        if len(names) > 1:
            self.apart_by_name += 1
            return
        if self._told_apart(one, other):
            self.apart_by_review += 1
            return
        stays = self._stays[one], self._stays[other]
        if in_two_places(*stays, self._rules.tolerance, self._joined, self._mirrored):
            self.apart_by_time += 1
            return
        self._unite(one, other, llr)

    def _told_apart(self, one: int, other: int) -> bool:
        fewer, more = sorted((self._sides[one], self._sides[other]), key=len)
        return any(self._root(foe) == other for foe in self._foes[one]) or any(
            (number, 1 - side) in more for number, side in fewer
        )

    def _unite(self, one: int, other: int, llr: float) -> None:
        new = len(self._parent)
        self._parent[one] = self._parent[other] = new
        self._parent.append(new)
        parts = [(self._weakest[part], self._ends[part]) for part in (one, other)]
        joins = [part for part in parts if not math.isnan(part[0])]
        if not math.isnan(llr):
            joins.append((llr, self._mean_ends(one, other)))
        weakest, ends = min(joins, default=(math.nan, (math.nan, math.nan)), key=lambda j: j[0])
        self._weakest.append(weakest)
        self._ends.append(ends)
        self._names.append(self._names[one] or self._names[other])
        self._foes.append(self._foes[one] | self._foes[other])
        self._sides.append(self._sides[one] | self._sides[other])
        self._rows.append(np.concatenate([self._rows[one], self._rows[other]]))
        self._stays.append(self._stays[one].joined_with(self._stays[other]))
        # Their parts are not looked at again.
        for part in (one, other):
            self._rows[part] = self._rows[part][:0]

    def _root(self, group: int) -> int:
        while self._parent[group] != group:
            self._parent[group] = self._parent[self._parent[group]]
            group = self._parent[group]
        return group


def place_kinds(one: NDArray[np.int64], other: NDArray[np.int64]) -> NDArray[np.int64]:
    """Whether places, −1 where not known, are equal; both are broadcast against each other."""
    kinds = np.where(one == other, SAME, OTHER)
    return np.where((one < 0) | (other < 0), NOT_KNOWN, kinds)


def place_pairs(shown: Sightings, places: NDArray[np.int64], worth: Worth) -> NDArray[np.int64]:
    """Which calibration of two cameras alone holds for two places [places + 1, places + 1]; the
    last, which -1 means, is where no camera is known."""
    count = int(places.max(initial=-1)) + 1
    made = np.full((count + 1, count + 1), NONE)
    firsts = np.unique(places, return_index=True)[1]
    firsts = firsts[places[firsts] >= 0]
    names = camera_names(shown[firsts])
    for row, name in zip(places[firsts].tolist(), names.tolist(), strict=True):
        made[row, places[firsts]] = worth.pairs(name, names)
    return made


def _spread(rows: NDArray[np.int64]) -> NDArray[np.int64]:
    if len(rows) <= _MOST:
        return rows
    return rows[np.linspace(0, len(rows) - 1, _MOST).round().astype(np.int64)]


def seeing_the_same(sightings: Sightings, rules: Rules) -> NDArray[np.bool_]:
    """Which places [places, places] one person may be seen at in one moment: equal ones, and those
    of overlapping cameras. Raises ValueError for a camera that nothing was seen by."""
    places = places_of(sightings)
    count = int(places.max(initial=-1)) + 1
    joined = np.eye(count, dtype=bool)
    for pair in rules.overlapping:
        seen = [np.unique(places[sightings.cameras == camera]) for camera in pair]
        for camera, there in zip(pair, seen, strict=True):
            if len(there) == 0:
                raise ValueError(
                    f"no sighting is by the camera {camera!r} that is to overlap"
                    + nearest(camera, set(sightings.cameras.tolist()) - {UNKNOWN})
                )
        joined[np.ix_(seen[0], seen[1])] = joined[np.ix_(seen[1], seen[0])] = True
    return joined


def _mirrored(sightings: Sightings, rules: Rules) -> NDArray[np.bool_]:
    """Places [places] in whose picture one person may be twice: cameras that overlap with
    themselves."""
    places = places_of(sightings)
    mirrors = [one for one, other in rules.overlapping if one == other]
    found = np.zeros(int(places.max(initial=-1)) + 1, bool)
    found[places[np.isin(sightings.cameras, mirrors)]] = True
    return found
