"""Places of matches in ranked lists, and the scores that follow from them, as pure functions.

A query's score depends only on where its matches stand among the others, so no list of images is
made: distances are sorted as plain numbers, and each match is looked up among them; where NumPy
sorts slowly, each is compared with all.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

_MOST_COUNTED = 200  # matches; more are quicker found in a sorted row, however slowly it is sorted

Ties = Literal["stable", "mean", "worst"]
PrecisionRule = Literal["mean", "trapezoid"]


@dataclass(frozen=True, eq=False)
class Places:
    """Where the matches of Q queries stand, query after query and by distance within each.

    counts [Q] matches of each query, at least one. For each of all the matches [T]: nearer, ranked
    images at a smaller distance; level, images at the same distance, itself counted; ranks (from 1)
    with equal distances in gallery order.
    """

    counts: NDArray[np.int64]
    nearer: NDArray[np.int64]
    level: NDArray[np.int64]
    ranks: NDArray[np.int64]

    @classmethod
    def join(cls, parts: Sequence[Places]) -> Places:
        """The places of the queries of all parts, in order."""
        columns = ("counts", "nearer", "level", "ranks")
        return cls(*(np.concatenate([getattr(part, name) for part in parts]) for name in columns))

    @property
    def starts(self) -> NDArray[np.int64]:
        """Row of each query's first match, [Q]."""
        return np.cumsum(self.counts) - self.counts

    @property
    def order(self) -> NDArray[np.int64]:
        """Number of each match within its query, from 0, [T]."""
        return np.arange(len(self.ranks)) - np.repeat(self.starts, self.counts)

    @property
    def groups(self) -> NDArray[np.int64]:
        """Number of the tie (equal distances of one query) of each match, ascending, [T]."""
        new = np.ones(len(self.ranks), bool)
        new[1:] = self.nearer[1:] != self.nearer[:-1]
        new[self.starts] = True
        return np.cumsum(new) - 1

    @property
    def others(self) -> NDArray[np.int64]:
        """Images at the distance of each match that are no matches, [T]."""
        return self.level - np.bincount(self.groups)[self.groups]

    @property
    def tied(self) -> NDArray[np.bool_]:
        """Queries that have a match and another image at one distance: order decides, [Q]."""
        return np.logical_or.reduceat(self.others > 0, self.starts)

    @property
    def best(self) -> Places:
        """The same with the matches of each tie ranked before the others."""
        groups, order = self.groups, self.order
        within = order - order[np.searchsorted(groups, groups)]
        return replace(self, ranks=self.nearer + within + 1)

    @property
    def worst(self) -> Places:
        """The same with the matches of each tie ranked behind the others."""
        return replace(self, ranks=self.best.ranks + self.others)

    def query(self, number: int) -> Places:
        """The places of one query."""
        rows = slice(self.starts[number], self.starts[number] + self.counts[number])
        one = self.counts[number : number + 1]
        return Places(one, self.nearer[rows], self.level[rows], self.ranks[rows])


def places_of_matches(distances: NDArray[np.floating], matches: NDArray[np.integer]) -> Places:
    """Places of one query's matches, of which there must be one at least.

    distances: [G], infinite where a gallery image is ignored; matches: [M] rows of it, ascending.
    Raises ValueError where a distance is NaN, or that of a match infinite.

    >>> places_of_matches(np.array([0.3, 0.1, 0.2, 0.1]), np.array([0, 3])).ranks
    array([2, 4])
    """
    own = np.sort(distances[matches])
    if not own[-1] < np.inf or np.isnan(distances.max()):
        raise ValueError("distances hold NaN, or a match is infinitely far")
    count = _look_up if len(own) > _MOST_COUNTED or _sorts_fast() else _compare
    nearer, level = count(distances, own)
    first_of_group = own.searchsorted(own)
    ranks = nearer + np.arange(1, len(own) + 1) - first_of_group
    if (level > 1).any():
        matching = np.zeros(len(distances), bool)
        matching[matches] = True
        for first in np.unique(first_of_group[level > 1]):
            place = np.flatnonzero(matching[distances == own[first]])
            ranks[first : first + len(place)] = nearer[first] + place + 1
    return Places(np.array([len(own)]), nearer, level, ranks)


def _look_up(distances: NDArray, own: NDArray) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """How many distances [G] are less than each of own [M], and how many equal, by sorting them."""
    ordered = np.sort(distances)
    nearer = ordered.searchsorted(own)
    return nearer, ordered.searchsorted(own, side="right") - nearer


def _compare(distances: NDArray, own: NDArray) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The same by a comparison with each: at any processor's speed, but slow for many matches."""
    nearer = np.array([np.count_nonzero(distances < one) for one in own], np.int64)
    upto = np.array([np.count_nonzero(distances <= one) for one in own], np.int64)
    return nearer, upto - nearer


@functools.cache
def _sorts_fast() -> bool:
    """Whether NumPy sorts float32 by vector instructions here: 2 ns a number, or else some 50."""
    numbers = np.random.default_rng(0).random(16_384, np.float32)
    taken = []
    for _ in range(3):
        start = time.thread_time()
        np.sort(numbers)
        taken.append(time.thread_time() - start)
    return min(taken) < 12e-9 * len(numbers)


@dataclass(frozen=True, eq=False)
class Scores:
    """Scores of Q queries.

    first_ranks [Q] rank of the first match; average_precisions [Q] and
    inverse_negative_penalties [Q] in 0…1; firsts [R] queries whose first match has rank 1, 2, …
    """

    first_ranks: NDArray[np.float64]
    average_precisions: NDArray[np.float64]
    inverse_negative_penalties: NDArray[np.float64]
    firsts: NDArray[np.float64]

    def cmc(self, top: int) -> NDArray[np.float64]:
        """Share of queries whose first match has rank at most k, for k = 1…top."""
        shares = self.firsts.cumsum() / len(self.first_ranks)
        return shares[np.minimum(np.arange(top), len(shares) - 1)]


def score(places: Places, ties: Ties = "stable", rule: PrecisionRule = "mean") -> Scores:
    """Scores of queries, with equal distances in gallery order ("stable"), the matches last
    ("worst"), or the expectation over all orders of the tied, each as likely ("mean").
    """
    certain = places.worst if ties == "worst" else places
    first_ranks = certain.ranks[certain.starts].astype(np.float64)
    precisions = average_precisions(certain, rule)
    penalties = inverse_negative_penalties(certain)
    tied = np.flatnonzero(places.tied) if ties == "mean" else np.empty(0, np.int64)
    settled = np.ones(len(first_ranks), bool)
    settled[tied] = False
    firsts = np.bincount(first_ranks[settled].astype(np.int64), minlength=2)[1:].astype(np.float64)
    for number in tied.tolist():
        chances = Expected(places.query(number))
        first_ranks[number] = chances.first_rank
        precisions[number] = chances.average_precision(rule)
        penalties[number] = chances.inverse_negative_penalty
        firsts = _sum(firsts, chances.firsts)
    return Scores(first_ranks, precisions, penalties, firsts)


def average_precisions(places: Places, rule: PrecisionRule = "mean") -> NDArray[np.float64]:
    """Average precision of each query, from the ranks, [Q].

    "mean": the mean over the matches of the precision at their rank, the area without
    interpolation. "trapezoid": as in Market-1501's evaluation code (Zheng et al. 2015), the mean of
    that and the precision one rank earlier, which is taken as 1 at rank 1.

    >>> places = places_of_matches(np.array([0.1, 0.2, 0.3]), np.array([0, 2]))
    >>> average_precisions(places), average_precisions(places, "trapezoid")
    (array([0.83333333]), array([0.79166667]))
    """
    precisions = _precisions(places.order.astype(np.float64), places.ranks, rule)
    return np.add.reduceat(precisions, places.starts) / places.counts


def inverse_negative_penalties(places: Places) -> NDArray[np.float64]:
    """Matches of each query divided by the rank of the last, [Q] (Ye et al. 2021, "Deep learning
    for person re-identification: a survey and outlook", eq. 3); its mean over queries is mINP.

    >>> inverse_negative_penalties(places_of_matches(np.array([1, 2, 3, 4]), np.array([0, 3])))
    array([0.5])
    """
    return places.counts / places.ranks[places.starts + places.counts - 1]


def _precisions(
    before: NDArray[np.float64], ranks: NDArray[np.int64], rule: PrecisionRule
) -> NDArray[np.float64]:
    """Precision at ranks that hold a match, with ``before`` matches before each."""
    at = (before + 1) / ranks
    if rule == "mean":
        return at
    earlier = np.where(ranks > 1, before / np.maximum(ranks - 1, 1), 1)
    return (at + earlier) / 2


class Expected:
    """Expectations of a query's scores over all orders of tied images, each as likely.

    McSherry and Najork 2008, "Computing information retrieval performance measures efficiently in
    the presence of tied scores". A tie of m matches and n other images fills m + n ranks, any
    of which holds a match with the chance m / (m + n).
    """

    def __init__(self, places: Places) -> None:
        self._count = int(places.counts[0])
        starts = np.searchsorted(places.groups, np.arange(places.groups[-1] + 1))
        self._earlier = starts  # matches before each tie
        self._nearer = places.nearer[starts]
        self._others = places.others[starts]
        self._matches = np.diff(np.append(starts, self._count))

    def average_precision(self, rule: PrecisionRule) -> float:
        """Expected average precision: each rank of a tie gives its chance to hold a match times
        the expected precision there if it does.
        """
        total = 0.0
        columns = (self._earlier, self._nearer, self._matches, self._others)
        for earlier, nearer, m, n in zip(*columns, strict=True):
            place = np.arange(m + n)
            before = earlier + place * ((m - 1) / max(1, m + n - 1))
            total += m / (m + n) * _precisions(before, nearer + place + 1, rule).sum()
        return float(total / self._count)

    @property
    def firsts(self) -> NDArray[np.float64]:
        """Chance of the first match at rank 1, 2, …"""
        chances = _chances_of_first(self._matches[0], self._others[0])
        return np.concatenate([np.zeros(self._nearer[0]), chances])

    @property
    def first_rank(self) -> float:
        """Expected rank of the first match."""
        m, n = self._matches[0], self._others[0]
        return float(self._nearer[0] + (m + n + 1) / (m + 1))

    @property
    def inverse_negative_penalty(self) -> float:
        """Expectation of the matches divided by the rank of the last."""
        m, n = self._matches[-1], self._others[-1]
        # Read backwards, the last is the first.
        chances = _chances_of_first(m, n)
        ranks = self._nearer[-1] + m + n - np.arange(len(chances))
        return float((chances / ranks).sum() * self._count)


def _chances_of_first(matches: int, others: int) -> NDArray[np.float64]:
    """Chance that the first of m matches, shuffled with n others, stands at 1…n + 1, [n + 1]."""
    place = np.arange(others)
    none_yet = np.append(1, np.cumprod((others - place) / (matches + others - place)))
    return -np.diff(np.append(none_yet, 0))


def _sum(one: NDArray[np.float64], other: NDArray[np.float64]) -> NDArray[np.float64]:
    """Sum of two arrays, the shorter one followed by zeros."""
    longer, shorter = (one, other) if len(one) >= len(other) else (other, one)
    total = longer.copy()
    total[: len(shorter)] += shorter
    return total
