"""Calibrations of two cameras alone, where judged pairs show that these differ from the others.

Two cameras of one light and angle tell persons apart better than two of different ones. Few pairs
are of any two cameras: so their line is regularised towards that of all (`PriorLine.of_here`), and
kept only where, on pairs left out of both fits, it costs less by more than a standard error. As
regularised lines are flatter than the truth, and a second fit is bolder, the common line is fitted
a second time for that comparison, too: what is gained must come from the cameras.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from passerby.evaluation.decisions.calibration import Calibration
from passerby.evaluation.decisions.conditions import places_of
from passerby.evaluation.decisions.judged.calibrating import (
    FEWEST,
    Subject,
    calibrate_answered,
    calibrate_labelled,
    folds_of,
)
from passerby.evaluation.decisions.judged.line import (
    LineFit,
    PriorLine,
    fit_answered,
    fit_labelled,
)
from passerby.evaluation.decisions.likelihood import Curve
from passerby.tables.embeddings import Embeddings
from passerby.tables.keys import person_names
from passerby.tables.unit_length import unit

ALL, OWN = "all cameras", "these alone"
"""What was tried, in `Quality.costs`."""

_STRANGERS = 3  # pairs of two persons for each of one
_POPULATION = 200  # pairs by two cameras whose distances stand for all of them
_LIMITS = (-20.0, 20.0)

Cameras = tuple[str, str]


@dataclass(frozen=True, eq=False)
class JudgedPairs:
    """Judged pairs of one kind. distances, same [n]; groups [n]: numbers, equal for pairs that
    resemble each other; cameras [n, 2]: as "SOURCE/CAMERA", the lesser first.

    population: the distances of all pairs that could have been asked about, of two cameras or
    (for None) of all; None where the pairs were chosen whatever their distance.
    """

    distances: NDArray[np.float64]
    same: NDArray[np.bool_]
    groups: NDArray
    cameras: NDArray[np.str_]
    population: Callable[[Cameras | None], NDArray[np.float64]] | None = None

    def fit(
        self, rows: NDArray[np.bool_], line: PriorLine, cameras: Cameras | None = None
    ) -> LineFit:
        """The line of some of the pairs, of two cameras or of all."""
        distances, same = self.distances[rows], self.same[rows]
        if self.population is None:
            return fit_labelled(distances, same, line)
        return fit_answered(distances, same, line, self.population(cameras))


def between_cameras(
    judged: JudgedPairs, common: Calibration, subject: Subject, seed: int = 0
) -> tuple[Calibration, ...]:
    """A calibration of each two cameras that are better judged by one of their own.

    common: of all cameras, fitted on the same pairs; subject: of it. Two cameras are looked at
    where ten pairs by them were judged, two of each kind at least.
    """
    folds = folds_of(judged.groups, seed)
    numbers = np.unique(folds).tolist()
    line = subject.line(judged.distances if judged.population is None else judged.population(None))
    without: dict[int, tuple[Curve, Curve]] = {}
    found = []
    for cameras, rows in _enough(judged):
        if not without:
            without = {n: _twice(judged, _rest(judged, folds, n), line) for n in numbers}
        costs = _costs(judged, cameras, rows, folds, without)
        if costs is None:
            continue
        part = replace(subject, prior=common, part=True, notes=())
        distances, same = judged.distances[rows], judged.same[rows]
        if judged.population is None:
            made = calibrate_labelled(distances, same, judged.groups[rows], part, seed)
        else:
            made = calibrate_answered(distances, same, judged.population(cameras), part, seed)
        quality = replace(made.quality, costs={**made.quality.costs, **costs})
        found.append(replace(made, cameras=cameras, quality=quality))
    return tuple(found)


def drawn_pairs(known: Embeddings, seed: int = 0) -> JudgedPairs:
    """Pairs by each two cameras of labelled images: of each person whom both saw one pair, and so
    many of two persons as `_STRANGERS` says. One image each, as those of one person are alike."""
    random = np.random.default_rng([seed, 21])
    names, persons = places_of(known), np.unique(person_names(known), return_inverse=True)[1]
    persons = persons.reshape(-1)
    columns = [(np.empty(0, np.int64),) * 2 + (np.empty((0, 2), np.str_),)]
    for cameras in combinations(sorted({*names.tolist()} - {""}), 2):
        seen = []
        for camera in cameras:
            rows = random.permutation(np.flatnonzero(names == camera))
            numbers, first = np.unique(persons[rows], return_index=True)
            seen.append(dict(zip(numbers.tolist(), rows[first].tolist(), strict=True)))
        both = random.permutation(sorted(seen[0].keys() & seen[1].keys()))
        shifts = range(min(1 + _STRANGERS, len(both)))  # none: the person's own; else another's
        one = np.tile(np.array([seen[0][p] for p in both.tolist()], np.int64), len(shifts))
        turned = [np.roll(both, shift).tolist() for shift in shifts]
        other = np.array([seen[1][p] for part in turned for p in part], np.int64)
        columns.append((one, other, np.tile(np.array([cameras]), (len(one), 1))))
    one, other, pairs = (np.concatenate(column) for column in zip(*columns, strict=True))
    units = unit(known.vectors)
    cosines = (units[one] * units[other]).sum(axis=1).astype(np.float64)
    same = persons[one] == persons[other]
    return JudgedPairs(np.maximum(1 - cosines, 0), same, persons[one], pairs)


def _enough(judged: JudgedPairs) -> Iterator[tuple[Cameras, NDArray[np.bool_]]]:
    """Two cameras each, and which pairs [n] are by them, where these are enough."""
    pairs = sorted({*map(tuple, judged.cameras.tolist())})
    for one, other in pairs if len(pairs) > 1 else []:
        rows = (judged.cameras == [one, other]).all(axis=1)
        kinds = Counter(judged.same[rows].tolist())
        known = judged.population is None or len(judged.population((one, other))) >= _POPULATION
        if known and rows.sum() >= FEWEST and min(kinds[True], kinds[False]) >= 2:
            yield (one, other), rows


def _rest(judged: JudgedPairs, folds: NDArray[np.int64], number: int) -> NDArray[np.bool_]:
    """Which pairs to fit on: all but a fold, all where it has all of a kind."""
    rest = folds != number
    return rest if len(np.unique(judged.same[rest])) == 2 else np.ones(len(rest), bool)


def _twice(judged: JudgedPairs, rows: NDArray[np.bool_], line: PriorLine) -> tuple[Curve, Curve]:
    """The common line of some pairs, and fitted on them once more towards itself."""
    most = float(judged.distances.max())
    first = judged.fit(rows, line).curve(most, _LIMITS)
    return first, judged.fit(rows, PriorLine.of(first).of_here).curve(most, _LIMITS)


def _costs(
    judged: JudgedPairs,
    cameras: Cameras,
    rows: NDArray[np.bool_],
    folds: NDArray[np.int64],
    without: dict[int, tuple[Curve, Curve]],
) -> dict[str, float] | None:
    """Bits lost on the pairs by two cameras, by what was fitted without them; None where their own
    line is not better by more than a standard error over groups."""
    most = float(judged.distances.max())
    lost = {ALL: np.zeros(len(folds)), OWN: np.zeros(len(folds))}
    for number in np.unique(folds[rows]).tolist():
        out, rest = rows & (folds == number), rows & (folds != number)
        if len(np.unique(judged.same[rest])) < 2:
            return None
        first, common = without[number]
        own = judged.fit(rest, PriorLine.of(first).of_here, cameras).curve(most, _LIMITS)
        for name, curve in ((ALL, common), (OWN, own)):
            lost[name][out] = _bits(judged, curve, out, rest)
    same = judged.same[rows]
    weights = np.ones(len(same))
    if judged.population is None:  # what is asked of an LLR, whatever the share of either kind
        weights = np.where(same, 1 / same.sum(), 1 / (~same).sum())
    weights = weights / weights.sum()
    gain = weights * (lost[ALL] - lost[OWN])[rows]
    about = gain - weights * gain.sum()
    _, group = np.unique(judged.groups[rows], return_inverse=True)
    error = float(np.sqrt((np.bincount(group.reshape(-1), about) ** 2).sum()))
    if gain.sum() <= error:
        return None
    return {name: float(weights @ values[rows]) for name, values in lost.items()}


def _bits(
    judged: JudgedPairs, curve: Curve, out: NDArray[np.bool_], rest: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """Lost on pairs left out; where they were asked about by their distance, at the log-odds of one
    person that fit the others by these cameras best: any LLR is as good as any with an offset."""
    llrs = curve.llr(judged.distances[out])
    if judged.population is not None:
        llrs = llrs + _log_odds(curve.llr(judged.distances[rest]), judged.same[rest])
    return np.logaddexp(0, np.where(judged.same[out], -llrs, llrs)) / np.log(2)


def _log_odds(llrs: NDArray[np.float64], same: NDArray[np.bool_]) -> float:
    """The log prior odds that fit answers best, by bisection of the falling gradient."""
    low, high = -40.0, 40.0
    for _ in range(60):
        middle = (low + high) / 2
        chances = np.exp(-np.logaddexp(0, -(llrs + middle)))
        if (same - chances).sum() > 0:
            low = middle
        else:
            high = middle
    return (low + high) / 2
