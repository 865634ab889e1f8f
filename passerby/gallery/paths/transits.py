"""Transit times: what the time between two passages says of their being of one person.

For each two cameras the signed time from a passage by the one to a passage by the other has a
distribution among pairs of one person, and another among pairs of two; the ratio of both densities
is a likelihood ratio beside that of the appearance, and their product is one where time and
appearance are independent given who it is. Pairs are all pairs of a person, not only those that
follow each other, as those are what linking compares.

Densities are counted in bins of the logarithm of the time. Both are drawn towards their mean, as if
so many more persons and pairs of persons had been seen there (a Dirichlet prior): no ratio says
more than these can show. What is said of a pair was learnt without its own persons, in folds of
persons; two cameras keep their ratios only where, said so, they cost less (Cllr) than saying
nothing, by more than two standard errors.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

FEWEST_PERSONS = 20
"""Of whom both cameras must have seen, that their times are learnt."""

FOLDS = 5
"""Of persons, by their numbers."""

_STEPS = 2.0 ** (np.arange(35) / 2)  # seconds: by a factor of the root of 2 up to a day and a half
EDGES = np.concatenate([[-np.inf], -_STEPS[::-1], [0.0], _STEPS, [np.inf]])
"""Of the bins of signed seconds."""

_BINS = len(EDGES) - 1
_BEFORE, _AFTER = EDGES[1 : len(_STEPS) + 2], EDGES[len(_STEPS) + 1 : -1]  # both with zero
_PRIOR = 8.0  # persons, and pairs of persons, that the mean of both densities counts for
_ERRORS = 2.0  # standard errors by which ratios must cost less than saying nothing


@dataclass(frozen=True, eq=False)
class Times:
    """Of S stays: place [S] as a number; first, last [S] in seconds; person [S]: numbers, equal for
    one person; sure [S]: whether the stays of the person are surely theirs, so that their times
    are those of a person."""

    place: NDArray[np.int64]
    first: NDArray[np.float64]
    last: NDArray[np.float64]
    person: NDArray[np.int64]
    sure: NDArray[np.bool_]

    def of(self, rows: NDArray[np.int64] | NDArray[np.bool_]) -> Times:
        """Some of them."""
        return Times(
            self.place[rows], self.first[rows], self.last[rows], self.person[rows], self.sure[rows]
        )


@dataclass(frozen=True, eq=False)
class Transit:
    """Between two cameras, as "SOURCE/CAMERA", the lesser first.

    llrs [FOLDS + 1, FOLDS + 1, B]: natural log-likelihood ratios by the bins of `EDGES`, learnt
    without the persons of the fold of the one and that of the other; the last of either leaves out
    nobody; persons, pairs: all of it was learnt from; cost: Cllr in bits on persons left out, 1 for
    saying nothing; there, back: seconds that persons took from the first to the second, where they
    were next, and the other way, ascending.
    """

    cameras: tuple[str, str]
    llrs: NDArray[np.float64]
    persons: int
    pairs: int
    cost: float
    there: NDArray[np.float64]
    back: NDArray[np.float64]


def signed_seconds(
    first: NDArray[np.float64],
    last: NDArray[np.float64],
    other_first: NDArray[np.float64],
    other_last: NDArray[np.float64],
) -> NDArray[np.float64]:
    """From the end of a stay to the beginning of another: above zero where the other follows, below
    where it came before, NaN where they overlap or touch, or a time is not known. Broadcast."""
    after, before = other_first - last, other_last - first
    return np.where(after > 0, after, np.where(before < 0, before, np.nan))


def learn_transits(times: Times, names: Mapping[int, str]) -> tuple[Transit, ...]:
    """What the stays of persons teach, of those pairs of cameras where it is worth something.

    names: of the places, as "SOURCE/CAMERA".
    """
    found = []
    places = sorted(names, key=lambda place: names[place])
    for number, one in enumerate(places):
        for other in places[number + 1 :]:
            learnt = _learnt(times, one, other, (names[one], names[other]))
            if learnt is not None:
                found.append(learnt)
    return tuple(found)


def _learnt(times: Times, one: int, other: int, cameras: tuple[str, str]) -> Transit | None:
    counts = _Counts.of(times.of(times.place == one), times.of(times.place == other))
    persons = int(np.sum(counts.same.sum(axis=1) > 0))
    if persons < FEWEST_PERSONS or not counts.strangers.any():
        return None
    llrs = np.stack(
        [[counts.llrs({one, other}) for one in range(FOLDS + 1)] for other in range(FOLDS + 1)]
    )
    cost, error = _cost(counts, llrs)
    if cost + _ERRORS * error >= 1:
        return None
    there, back = _followed(times, one, other), _followed(times, other, one)
    return Transit(cameras, llrs, persons, int(counts.same.sum()), cost, there, back)


@dataclass(frozen=True, eq=False)
class _Counts:
    """Of two cameras, how many pairs are in each bin.

    ones, others: numbers of the persons at either, ascending; same [ones, B]: pairs of each person;
    by_one [ones, FOLDS, B] and by_other [others, FOLDS, B]: with somebody else, by their fold.
    """

    ones: NDArray[np.int64]
    others: NDArray[np.int64]
    same: NDArray[np.float64]
    by_one: NDArray[np.float64]
    by_other: NDArray[np.float64]

    @classmethod
    def of(cls, a: Times, b: Times) -> _Counts:
        ones, row = np.unique(a.person, return_inverse=True)
        others, column = np.unique(b.person, return_inverse=True)
        by_one = np.zeros((len(ones), FOLDS, _BINS))
        by_other = np.zeros((len(others), FOLDS, _BINS))
        for fold in range(FOLDS):
            np.add.at(by_one[:, fold], row, _following(a, b.of(b.person % FOLDS == fold)))
            np.add.at(by_other[:, fold], column, _followed_by(a.of(a.person % FOLDS == fold), b))
        same = np.zeros((len(ones), _BINS))
        one, other = _of_one_person(row, column, ones, others)
        seconds = signed_seconds(a.first[one], a.last[one], b.first[other], b.last[other])
        known = ~np.isnan(seconds)
        one, other, bins = one[known], other[known], bins_of(seconds[known])
        folds = a.person[one] % FOLDS
        sure = a.sure[one]
        np.add.at(same, (row[one][sure], bins[sure]), 1)
        np.add.at(by_one, (row[one], folds, bins), -1)
        np.add.at(by_other, (column[other], folds, bins), -1)
        # At the edge of a bin a pair may have been rounded into the next one.
        return cls(ones, others, same, np.maximum(by_one, 0), np.maximum(by_other, 0))

    @cached_property
    def strangers(self) -> NDArray[np.float64]:
        """Pairs of two persons [FOLDS, FOLDS, B], by the folds of both."""
        found = np.zeros((FOLDS, FOLDS, _BINS))
        np.add.at(found, self.ones % FOLDS, self.by_one)
        return found

    def llrs(self, without: set[int]) -> NDArray[np.float64]:
        """Of each bin [B], without the persons of some folds."""
        left = np.setdiff1d(np.arange(FOLDS), [*without])
        same = self.same[np.isin(self.ones % FOLDS, left)]
        ones, others = (each[np.isin(each % FOLDS, left)] for each in (self.ones, self.others))
        pairs = len(ones) * len(others) - len(np.intersect1d(ones, others))
        strangers = self.strangers[np.ix_(left, left)].sum(axis=(0, 1))
        return log_ratios(same.sum(axis=0), int(np.sum(same.any(axis=1))), strangers, pairs)


def _following(a: Times, b: Times) -> NDArray[np.int64]:
    """For each stay of a how many of b are in each bin [a, B], by sorting instead of by pairs."""
    firsts = np.sort(b.first)
    after = np.searchsorted(firsts, a.last[:, None] + _AFTER)
    after[:, 0] = np.searchsorted(firsts, a.last, side="right")  # without those that touch
    before = np.searchsorted(np.sort(b.last), a.first[:, None] + _BEFORE)
    whole = np.full((len(a.first), 1), len(b.first))
    found = [np.diff(before, axis=1, prepend=0), np.diff(np.hstack([after, whole]), axis=1)]
    return np.hstack(found)


def _followed_by(a: Times, b: Times) -> NDArray[np.int64]:
    """For each stay of b how many of a are in each bin [b, B]."""
    lasts = np.sort(a.last)
    after = np.searchsorted(lasts, b.first[:, None] - _AFTER, side="right")
    after[:, 0] = np.searchsorted(lasts, b.first)  # without those that touch
    before = np.searchsorted(np.sort(a.first), b.last[:, None] - _BEFORE, side="right")
    none = np.zeros((len(b.first), 1), np.int64)
    found = [
        np.diff(len(a.first) - before, axis=1, prepend=0),
        -np.diff(np.hstack([after, none]), axis=1),
    ]
    return np.hstack(found)


def _of_one_person(
    row: NDArray[np.int64],
    column: NDArray[np.int64],
    ones: NDArray[np.int64],
    others: NDArray[np.int64],
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Pairs of a stay here and a stay there of one person, as rows of either."""
    first, second = [np.empty(0, np.int64)], [np.empty(0, np.int64)]
    here, there = (
        np.split(np.argsort(of, kind="stable"), np.cumsum(np.bincount(of))[:-1])
        for of in (row, column)
    )
    common = np.intersect1d(ones, others, return_indices=True)[1:]
    for one, other in zip(*(each.tolist() for each in common), strict=True):
        first.append(np.repeat(here[one], len(there[other])))
        second.append(np.tile(there[other], len(here[one])))
    return np.concatenate(first), np.concatenate(second)


def log_ratios(
    same: NDArray[np.float64], persons: int, strangers: NDArray[np.float64], pairs: int
) -> NDArray[np.float64]:
    """Natural log-likelihood ratios of bins [B], from how many pairs of either kind they have.

    persons: of whom the pairs of one person are, and pairs of persons: of whom those of two are. No
    ratio is above 2 pairs / 8 + 2 or below the inverse of 2 persons / 8 + 2, so that all lie within
    what a calibration of so many could show (`evaluation.decisions.likelihood.bounds`).
    """
    kernel = np.array([0.25, 0.5, 0.25])
    own, others = (np.convolve(counts, kernel, mode="same") for counts in (same, strangers))
    own, others = (counts / max(1e-9, counts.sum()) for counts in (own, others))
    mean = (own + others) / 2
    numerator = (persons * own + _PRIOR * mean) / (persons + _PRIOR)
    denominator = (pairs * others + _PRIOR * mean) / (pairs + _PRIOR)
    empty = mean == 0
    return np.log(np.where(empty, 1.0, numerator)) - np.log(np.where(empty, 1.0, denominator))


def bins_of(seconds: NDArray[np.float64]) -> NDArray[np.int64]:
    """The bin of `EDGES` of each time, whatever for NaN."""
    return np.minimum(np.searchsorted(EDGES, seconds, side="right") - 1, _BINS - 1)


def _cost(counts: _Counts, llrs: NDArray[np.float64]) -> tuple[float, float]:
    """Cllr in bits on persons left out, and its standard error over persons."""
    folds = np.arange(FOLDS)
    missed = np.logaddexp(0, -llrs[folds, folds])[counts.ones % FOLDS]  # [ones, B]
    pairs = counts.same.sum(axis=1)
    of_same, error = _mean((counts.same * missed).sum(axis=1), pairs)
    alarms = np.logaddexp(0, llrs[:FOLDS, :FOLDS])
    errors = [error]
    for by, persons in ((counts.by_one, counts.ones), (counts.by_other, counts.others)):
        lost = (by * alarms[persons % FOLDS]).sum(axis=(1, 2))
        against, error = _mean(lost, by.sum(axis=(1, 2)))
        errors.append(error)
    return (of_same + against) / 2 / math.log(2), math.hypot(*errors) / 2 / math.log(2)


def _mean(sums: NDArray[np.float64], counts: NDArray[np.float64]) -> tuple[float, float]:
    """Of what persons sum up over so many pairs each, and its standard error over persons."""
    total = float(counts.sum())
    mean = float(sums.sum()) / total
    return mean, math.sqrt(float(((sums - mean * counts) ** 2).sum())) / total


def _followed(times: Times, one: int, other: int) -> NDArray[np.float64]:
    """Seconds from stays at one place to the next stay of the same person, where it is at another,
    ascending."""
    order = np.lexsort((times.first, times.person))
    before, after = order[:-1], order[1:]
    follows = (
        (times.person[before] == times.person[after])
        & (times.place[before] == one)
        & (times.place[after] == other)
    )
    seconds = times.first[after] - times.last[before]
    return np.sort(seconds[follows & (seconds >= 0)])
