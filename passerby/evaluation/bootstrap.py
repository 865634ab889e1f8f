"""Confidence intervals by resampling persons.

The images of a person resemble each other: an interval that takes them as independent is too
narrow. Persons are drawn with replacement, with all their images (Efron and Tibshirani 1993,
"An introduction to the bootstrap"; a cluster bootstrap), and the figure is computed again.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from passerby.evaluation.json_text import json_text
from passerby.evaluation.report import Report

FEWEST_PERSONS = 30
"""Below this many persons the percentiles of a bootstrap are too narrow to be trusted."""


@dataclass(frozen=True)
class Interval:
    """From low to high, both included."""

    low: float
    high: float


@dataclass(frozen=True)
class Estimate:
    """A figure with its interval."""

    value: float
    interval: Interval

    def __str__(self) -> str:
        return f"{self.value:.2f} ({self.interval.low:.2f} to {self.interval.high:.2f})"


@dataclass(frozen=True)
class Scores:
    """Rank-1 and mAP of a report in percent, with intervals over its ``persons`` persons."""

    rank1: Estimate
    mean_average_precision: Estimate
    persons: int
    level: float

    def __str__(self) -> str:
        text = (
            f"rank-1 {self.rank1}, mAP {self.mean_average_precision}: {100 * self.level:g} % "
            f"intervals over {self.persons} persons"
        )
        if self.persons < FEWEST_PERSONS:
            text += f", too narrow: fewer than {FEWEST_PERSONS}"
        return text


@dataclass(frozen=True)
class Difference:
    """Second less first, in percentage points; second_better: share of resamples above zero.

    first, second: the scores themselves, in percent.
    """

    first: float
    second: float
    difference: Estimate
    second_better: float

    @property
    def decided(self) -> bool:
        """Whether the interval leaves out zero."""
        return not self.difference.interval.low <= 0 <= self.difference.interval.high


@dataclass(frozen=True)
class ReportComparison:
    """Two reports on the same queries; the intervals hold at ``level``.

    left_out: queries that only some of the reports scored; runs: reports of each system.
    """

    rank1: Difference
    mean_average_precision: Difference
    queries: int
    left_out: int
    persons: int
    replicates: int
    seed: int
    level: float
    runs: tuple[int, int] = (1, 1)

    def to_json(self, path: str | os.PathLike[str] | None = None) -> str:
        """All of it as JSON text, also written to ``path`` when given."""
        return json_text(self, path)

    def __str__(self) -> str:
        lines = [
            f"{self.queries} queries of {self.persons} persons"
            + (f" ({self.left_out} scored by one report only, left out)" if self.left_out else "")
        ]
        for name, part in (("rank-1", self.rank1), ("mAP", self.mean_average_precision)):
            verdict = "" if part.decided else ", could be chance"
            lines.append(
                f"{name}: {part.first:.2f} and {part.second:.2f}, difference {part.difference} "
                f"at {100 * self.level:g} %{verdict}"
            )
        if self.persons < FEWEST_PERSONS:
            lines.append(f"fewer than {FEWEST_PERSONS} persons: the intervals are too narrow")
        return "\n".join(lines)


def person_counts(persons: int, replicates: int, seed: int) -> NDArray[np.int64]:
    """How often each person is drawn in each resample, [replicates, persons]; rows sum to persons.

    Raises ValueError without persons or replicates.
    """
    if persons < 1 or replicates < 1:
        raise ValueError(
            f"a bootstrap needs persons and replicates, got {persons} and {replicates}"
        )
    random = np.random.default_rng([seed, 3])
    return random.multinomial(persons, np.full(persons, 1 / persons), size=replicates)


def percentile_interval(values: ArrayLike, level: float = 0.95) -> Interval:
    """The middle ``level`` of the values of the resamples.

    >>> percentile_interval(range(5), 0.5)
    Interval(low=1.0, high=3.0)
    """
    if not 0 < level < 1:
        raise ValueError(f"level must be between 0 and 1, got {level}")
    tail = (1 - level) / 2
    low, high = np.quantile(np.asarray(values, np.float64), [tail, 1 - tail])
    return Interval(float(low), float(high))


def bootstrap_report(
    report: Report, *, replicates: int = 2000, seed: int = 0, level: float = 0.95
) -> Scores:
    """Intervals of a report's rank-1 and mAP over its persons.

    Raises ValueError for a report that does not know the persons of its queries.
    """
    persons, rows = _persons(report, "the report")
    weights = person_counts(len(persons), replicates, seed)
    hits, precisions = 100.0 * (report.first_ranks == 1), 100 * report.average_precisions
    estimates = [
        Estimate(float(values.mean()), percentile_interval(_means(values, rows, weights), level))
        for values in (hits, precisions)
    ]
    return Scores(estimates[0], estimates[1], len(persons), level)


def compare_reports(
    first: Report,
    second: Report,
    *,
    replicates: int = 2000,
    seed: int = 0,
    level: float = 0.95,
) -> ReportComparison:
    """Paired bootstrap over persons of rank-1 and mAP: both reports on the same resamples.

    Pairing takes out what makes a person easy or hard for both, so that smaller differences show
    than two separate intervals would. Raises ValueError when the reports are not of the same
    queries, gallery and protocol, or do not know their persons.
    """
    return compare_repeated([first], [second], replicates=replicates, seed=seed, level=level)


def compare_repeated(
    first: Sequence[Report],
    second: Sequence[Report],
    *,
    replicates: int = 2000,
    seed: int = 0,
    level: float = 0.95,
) -> ReportComparison:
    """Two systems, each trained once or with several seeds: means over the runs are compared.

    Each resample draws persons, the same for all runs, and of each system as many of its runs as
    it has, with replacement: the interval then holds what another seed would change. One run
    says nothing of that; the interval is over persons alone. Raises ValueError as
    `compare_reports`, and without a report of either.
    """
    if not first or not second:
        raise ValueError("a comparison needs a report of each system")
    for report, name in (
        *((one, "the first report") for one in first),
        *((one, "the second report") for one in second),
    ):
        _persons(report, name)
    reports = [*first, *second]
    for other in reports[1:]:
        _require_same_test(first[0], other)
    rows = first[0].query_rows
    for other in reports[1:]:
        rows = np.intersect1d(rows, other.query_rows)
    places = [np.intersect1d(r.query_rows, rows, return_indices=True)[1] for r in reports]
    names = first[0].query_persons[places[0]]
    same = all(
        np.array_equal(names, report.query_persons[place])
        for report, place in zip(reports, places, strict=True)
    )
    if len(rows) == 0 or not same:
        raise ValueError(
            "the reports are not of the same queries: compare two systems on one query part"
        )
    persons, groups = np.unique(names, return_inverse=True)
    weights = person_counts(len(persons), replicates, seed)
    runs = [
        _run_counts(len(part), replicates, [seed, 5, n]) for n, part in enumerate((first, second))
    ]

    def difference(values: list[NDArray[np.float64]]) -> Difference:
        matrices = np.stack(values[: len(first)]), np.stack(values[len(first) :])  # [runs, Q]
        means = [
            # [replicates, runs], each run as often as it was drawn
            np.sum(np.stack([_means(run, groups, weights) for run in matrix], 1) * drawn, 1)
            / len(matrix)
            for matrix, drawn in zip(matrices, runs, strict=True)
        ]
        resampled = means[1] - means[0]
        scores = [float(matrix.mean()) for matrix in matrices]
        middle = Estimate(scores[1] - scores[0], percentile_interval(resampled, level))
        # A resample without any difference speaks for neither.
        better = float(np.mean(resampled > 0) + np.mean(resampled == 0) / 2)
        return Difference(scores[0], scores[1], middle, better)

    found = list(zip(reports, places, strict=True))
    return ReportComparison(
        rank1=difference([100.0 * (report.first_ranks[place] == 1) for report, place in found]),
        mean_average_precision=difference(
            [100 * report.average_precisions[place] for report, place in found]
        ),
        queries=len(rows),
        left_out=len(set().union(*(report.query_rows.tolist() for report in reports))) - len(rows),
        persons=len(persons),
        replicates=replicates,
        seed=seed,
        level=level,
        runs=(len(first), len(second)),
    )


def _run_counts(runs: int, replicates: int, seed: Sequence[int]) -> NDArray[np.int64]:
    """How often each of a system's runs is drawn in each resample, [replicates, runs]."""
    random = np.random.default_rng(seed)
    return random.multinomial(runs, np.full(runs, 1 / runs), size=replicates)


def _require_same_test(first: Report, second: Report) -> None:
    for name in ("gallery", "camera_rule", "average_precision"):
        one, other = getattr(first, name), getattr(second, name)
        if one != other:
            raise ValueError(
                f"the reports are not of one test: {name} is {one} in the first and {other} in the "
                "second"
            )


def _persons(report: Report, name: str) -> tuple[NDArray[np.str_], NDArray[np.int64]]:
    """The persons of a report's queries, and for each query the row of its person."""
    if report.ties == "mean":
        raise ValueError(
            f"{name} was made with ties='mean', where a query has no rank of its own: evaluate "
            "with ties='stable' or 'worst'"
        )
    if len(report.query_persons) != len(report.query_rows):
        raise ValueError(
            f"{name} does not say whose its queries are: write it again with "
            "`passerby evaluate ... --json`"
        )
    persons, rows = np.unique(report.query_persons, return_inverse=True)
    return persons, rows.reshape(-1)


def _means(
    values: NDArray[np.float64], groups: NDArray[np.int64], weights: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Mean over the queries in each resample, [replicates]; groups [Q]: each query's person."""
    persons = weights.shape[1]
    sums = np.bincount(groups, values, persons)
    return (weights @ sums) / (weights @ np.bincount(groups, minlength=persons))
