"""Transit times: what the time between two passages says of their being of one person.

For each two cameras the signed time from a passage by the one to a passage by the other has a
distribution among pairs of one person, and another among pairs of two; the ratio of both densities
is a likelihood ratio beside that of the appearance, and their product is one where time and
appearance are independent given who it is. Pairs are all pairs of a person, not only those that
follow each other, as those are what linking compares.

Densities are counted in bins of the logarithm of the time. Those of one person are drawn towards
those of two (a Dirichlet prior), so that few pairs say little. Two cameras keep their ratio only
where it costs less (Cllr) than saying nothing, by more than a standard error, on persons left out.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FEWEST_PERSONS = 20
"""Of whom both cameras must have seen, that their times are learnt."""

_STEPS = np.geomspace(1, 2**17, 35)  # seconds: by a factor of the root of 2 up to a day and a half
EDGES = np.concatenate([[-np.inf], -_STEPS[::-1], [0.0], _STEPS, [np.inf]])
"""Of the bins of signed seconds."""

_PRIOR = 8.0  # pairs that the densities of two persons count for
_FOLDS = 5


@dataclass(frozen=True, eq=False)
class Times:
    """Of S stays: place [S] as a number; first, last [S] in seconds; person [S]: numbers, equal for
    one person."""

    place: NDArray[np.int64]
    first: NDArray[np.float64]
    last: NDArray[np.float64]
    person: NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Transit:
    """Between two cameras, as "SOURCE/CAMERA", the lesser first.

    llrs [B]: natural log-likelihood ratios by the bins of `EDGES`; persons, pairs: it was learnt
    from; cost: Cllr in bits on persons left out, 1 for saying nothing; there, back: seconds that
    persons took from the first to the second, where they were next, and the other way, ascending.
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
    where it came before, NaN where they overlap or a time is not known. Broadcast."""
    after, before = other_first - last, other_last - first
    return np.where(after >= 0, after, np.where(before <= 0, before, np.nan))


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
    a, b = np.flatnonzero(times.place == one), np.flatnonzero(times.place == other)
    seconds = signed_seconds(
        times.first[a, None], times.last[a, None], times.first[b], times.last[b]
    )
    same = times.person[a, None] == times.person[b]
    known = ~np.isnan(seconds)
    owners = np.broadcast_to(times.person[a, None], seconds.shape)
    persons = np.unique(owners[same & known])
    if len(persons) < FEWEST_PERSONS or not (known & ~same).any():
        return None
    bins = np.searchsorted(EDGES, seconds, side="right") - 1
    strangers = _counted(bins[known & ~same])
    own, whose = bins[same & known], np.searchsorted(persons, owners[same & known])
    by_person = np.zeros((len(persons), len(EDGES) - 1))
    np.add.at(by_person, (whose, own), 1)
    cost, error = _cost_left_out(by_person, strangers)
    if cost + error >= 1:
        return None
    there, back = _followed(times, one, other), _followed(times, other, one)
    llrs = _llrs(by_person.sum(axis=0), strangers)
    return Transit(cameras, llrs, len(persons), len(own), cost, there, back)


def _counted(bins: NDArray[np.int64]) -> NDArray[np.float64]:
    return np.bincount(bins, minlength=len(EDGES) - 1).astype(np.float64)


def _llrs(same: NDArray[np.float64], strangers: NDArray[np.float64]) -> NDArray[np.float64]:
    """Of each bin [B], from how many pairs of either kind it has."""
    kernel = np.array([0.25, 0.5, 0.25])
    smooth, base = (np.convolve(counts, kernel, mode="same") for counts in (same, strangers))
    base = (base + 1 / len(base)) / (base.sum() + 1)
    share = (smooth + _PRIOR * base) / (smooth.sum() + _PRIOR)
    ratios: NDArray[np.float64] = np.log(share / base)
    return ratios


def _cost_left_out(
    by_person: NDArray[np.float64], strangers: NDArray[np.float64]
) -> tuple[float, float]:
    """Cllr in bits on persons left out, and its standard error over persons."""
    folds = np.arange(len(by_person)) % _FOLDS
    lost, pairs, against = np.zeros(len(by_person)), by_person.sum(axis=1), []
    for fold in range(_FOLDS):
        llrs = _llrs(by_person[folds != fold].sum(axis=0), strangers)
        lost[folds == fold] = by_person[folds == fold] @ np.logaddexp(0, -llrs)
        against.append(np.average(np.logaddexp(0, llrs), weights=strangers))
    of_same = lost.sum() / pairs.sum()
    error = math.sqrt(float(((lost - of_same * pairs) ** 2).sum())) / pairs.sum()
    cost = (of_same + float(np.mean(against))) / 2
    return cost / math.log(2), error / 2 / math.log(2)


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
