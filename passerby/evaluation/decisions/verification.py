"""Verification: are two images of one person? ROC, DET, true matches at a false-match rate, EER.

A pair is accepted when its distance is below the threshold. False-match rate (FMR, also FPR): share
of the pairs of different persons that are accepted; false-non-match rate (FNMR, 1 − TPR): share of
the pairs of the same person that are not. Terms after ISO/IEC 19795-1.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from passerby.evaluation.bootstrap import Interval, percentile_interval, person_counts
from passerby.evaluation.decisions.pairs import (
    BIN_WIDTH,
    PairCounts,
    PairKind,
    Pairs,
    PairSample,
    count_pairs,
    person_rows,
    sample_pairs,
)
from passerby.evaluation.json_text import json_text
from passerby.evaluation.ranking.distances import Distances, Metric
from passerby.tables.embeddings import Embeddings
from passerby.tables.records import JUNK

RATES = (1e-4, 1e-3, 1e-2, 1e-1)


@dataclass(frozen=True)
class OperatingPoint:
    """The threshold for a false-match rate, and what it lets through.

    false_match_rate: the rate that was asked for; measured: the rate of this threshold, not above
    it, from ``false_matches`` accepted pairs; true_match_rate: share of the pairs of the same
    person that it accepts, exactly; true_match_rate_bound: more than this no threshold within the
    rate accepts, so that the answer without bins lies between the two. The intervals are over
    persons, None where no bootstrap was asked for.
    """

    false_match_rate: float
    threshold: float
    measured: float
    false_matches: int
    true_match_rate: float
    true_match_rate_bound: float
    threshold_interval: Interval | None = None
    true_match_rate_interval: Interval | None = None


@dataclass(frozen=True)
class DetCurve:
    """Error rates by ascending threshold, [K] each; K is at most some hundred."""

    thresholds: tuple[float, ...]
    false_match_rates: tuple[float, ...]
    false_non_match_rates: tuple[float, ...]

    def __post_init__(self) -> None:
        count = len(self.thresholds)
        if not 0 < count == len(self.false_match_rates) == len(self.false_non_match_rates):
            raise ValueError("a DET curve has both rates of each threshold, one at least")
        if (np.diff(self.thresholds) < 0).any():
            raise ValueError("a DET curve's thresholds must ascend")


@dataclass(frozen=True)
class Verification:
    """Outcome of a verification; rates are shares, 0 to 1.

    same and different: pairs counted; equal_error_rate: where both error rates are equal, as the
    bounds that the bins leave; bin_width: of a bin, relative to its distance; points: one for each
    rate asked; level: of the intervals.
    """

    same: int
    different: int
    persons: int
    metric: str
    points: tuple[OperatingPoint, ...]
    equal_error_rate: Interval
    curve: DetCurve
    bin_width: float = BIN_WIDTH
    level: float = 0.95

    def to_json(self, path: str | os.PathLike[str] | None = None) -> str:
        """All of it as JSON text, also written to ``path`` when given."""
        return json_text(self, path)

    def __str__(self) -> str:
        lines = [
            f"{self.same:,} pairs of the same person, {self.different:,} of different ones "
            f"({self.persons:,} persons, {self.metric})"
        ]
        for point in self.points:
            low_high = point.true_match_rate_interval
            spread = f" ({100 * low_high.low:.2f} to {100 * low_high.high:.2f})" if low_high else ""
            few = " (few false matches: rough)" if point.false_matches < 30 else ""
            lines.append(
                f"TPR {100 * point.true_match_rate:.2f} %{spread} at FPR "
                f"{point.false_match_rate:g}, distance below {point.threshold:.4f}{few}"
            )
        middle = (self.equal_error_rate.low + self.equal_error_rate.high) / 2
        lines.append(f"equal error rate {100 * middle:.2f} %")
        return "\n".join(lines)


def verify(
    query: Embeddings,
    gallery: Embeddings | None = None,
    metric: Metric = "cosine",
    camera_rule: bool = True,
    *,
    rates: Sequence[float] = RATES,
    cross_camera: bool = False,
    distances: Distances | None = None,
    replicates: int = 0,
    seed: int = 0,
    level: float = 0.95,
) -> Verification:
    """Error rates over all pairs that count (`Pairs`); without a gallery all pairs of ``query``.

    Pairs are streamed in bounded memory. With ``replicates`` (200 is a good number) a bootstrap
    over persons adds intervals; it reads all distances once more. Images of distractors, who are
    many persons under one number, must be taken out of ``query`` when there is no gallery.
    Errors as `passerby.evaluate`, and ValueError without pairs of either kind.
    """
    kind: PairKind = "across cameras" if cross_camera else "any cameras"
    pairs = Pairs(query, gallery, metric, camera_rule, kind=kind, distances=distances)
    counts = count_pairs(pairs)
    points = operating_points(counts, rates)
    if replicates:
        sample = sample_pairs(pairs, counts, seed=seed)
        points = with_intervals(points, sample, replicates=replicates, seed=seed, level=level)
    return Verification(
        same=int(counts.same.sum()),
        different=int(counts.different.sum()),
        persons=_persons(pairs),
        metric=metric if distances is None else type(distances).__name__,
        points=points,
        equal_error_rate=equal_error_rate(counts),
        curve=det_curve(counts),
        level=level,
    )


def operating_points(counts: PairCounts, rates: Sequence[float]) -> tuple[OperatingPoint, ...]:
    """For each false-match rate the highest threshold (an edge of a bin) that keeps it.

    Raises ValueError for a rate that is not between 0 and 1.
    """
    thresholds, false, true = _rates(counts)
    total = int(counts.different.sum())
    points = []
    for rate in rates:
        if not 0 < rate < 1:
            raise ValueError(f"a false-match rate must be between 0 and 1, got {rate}")
        edge = int(np.searchsorted(false, rate, side="right")) - 1
        following = min(edge + 1, len(true) - 1)
        points.append(
            OperatingPoint(
                false_match_rate=rate,
                threshold=float(thresholds[edge]),
                measured=float(false[edge]),
                false_matches=round(false[edge] * total),
                true_match_rate=float(true[edge]),
                true_match_rate_bound=float(true[following]),
            )
        )
    return tuple(points)


def with_intervals(
    points: Sequence[OperatingPoint],
    sample: PairSample,
    *,
    replicates: int = 200,
    seed: int = 0,
    level: float = 0.95,
) -> tuple[OperatingPoint, ...]:
    """The points with intervals of threshold and true-match rate over resampled persons."""
    rates = np.array([point.false_match_rate for point in points])
    same = sample.same
    thresholds, shares = [], []
    for counts in person_counts(len(sample.persons), replicates, seed):
        weights = sample.weighted(counts)
        true = np.concatenate([[0.0], np.where(same, weights, 0.0).cumsum()])
        false = np.where(same, 0.0, weights).cumsum()
        if true[-1] == 0 or false[-1] == 0:  # one person alone was drawn
            continue
        first_over = np.searchsorted(false, rates * false[-1], side="right")
        first_over = np.minimum(first_over, len(false) - 1)
        limits = sample.distances[first_over]
        thresholds.append(limits)
        shares.append(true[np.searchsorted(sample.distances, limits, side="left")] / true[-1])
    if not thresholds:
        return tuple(points)
    return tuple(
        replace(
            point,
            threshold_interval=percentile_interval(np.array(thresholds)[:, k], level),
            true_match_rate_interval=percentile_interval(np.array(shares)[:, k], level),
        )
        for k, point in enumerate(points)
    )


def equal_error_rate(counts: PairCounts) -> Interval:
    """Bounds of the rate at which false matches and false non-matches are equally frequent."""
    _, false, true = _rates(counts)
    missed = 1 - true
    before = int(np.flatnonzero(false <= missed)[-1])
    after = min(before + 1, len(false) - 1)
    return Interval(
        float(max(false[before], missed[after])), float(min(false[after], missed[before]))
    )


def det_curve(counts: PairCounts, points: int = 200) -> DetCurve:
    """The curve at up to twice ``points`` thresholds, evenly spread over the logs of both rates."""
    thresholds, false, true = _rates(counts)
    missed = 1 - true
    fewest = 1 / max(counts.different.sum(), 2)
    by_false = np.searchsorted(false, np.geomspace(fewest, 1, points), side="right") - 1
    fewest = 1 / max(counts.same.sum(), 2)
    by_missed = np.searchsorted(-missed, -np.geomspace(fewest, 1, points), side="left")
    chosen = np.unique(np.clip(np.concatenate([by_false, by_missed]), 0, len(false) - 1))
    return DetCurve(
        tuple(thresholds[chosen].tolist()),
        tuple(false[chosen].tolist()),
        tuple(missed[chosen].tolist()),
    )


def _persons(pairs: Pairs) -> int:
    """How many persons there are in both parts, junk left out."""
    _, *rows = person_rows(pairs.query, pairs.gallery)
    parts = zip(rows, (pairs.query, pairs.gallery), strict=True)
    return len(np.unique(np.concatenate([of[part.persons != JUNK] for of, part in parts])))


def _rates(
    counts: PairCounts,
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Thresholds, and the false-match and true-match rates below each of them, [B + 1]."""
    # Between two bins that hold pairs every threshold accepts the same: the highest one stands.
    thresholds = np.concatenate([counts.lower, counts.upper[-1:]])
    false = np.concatenate([[0], counts.different.cumsum()]) / counts.different.sum()
    true = np.concatenate([[0], counts.same.cumsum()]) / counts.same.sum()
    return thresholds, false, true
