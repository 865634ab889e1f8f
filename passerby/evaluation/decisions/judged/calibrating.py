"""A calibration from single pairs that somebody judged, few or many.

With few pairs the line towards the model's own calibration is the best there is; with many, steps
or a warp may fit better. Which, is found by cross-validation over groups of pairs; freer methods
must win by more than a standard error. Of answered questions only the line is fitted: they were
chosen by their distance, and the gallery's own distances do the rest (`line`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from passerby.evaluation.bootstrap import Interval, percentile_interval
from passerby.evaluation.decisions.calibration import Calibration, Judged, PairTotals, Quality
from passerby.evaluation.decisions.calibration_fitting import RATES, histogram
from passerby.evaluation.decisions.judged.line import (
    LINE,
    LineFit,
    PriorLine,
    fit_answered,
    fit_labelled,
)
from passerby.evaluation.decisions.judged.pooled import pooled, unlabelled_of
from passerby.evaluation.decisions.likelihood import (
    Curve,
    Reliability,
    calibration_error,
    cllr,
    fit_bigaussian,
    fit_isotonic,
    minimum_cllr,
    reliability,
)
from passerby.evaluation.decisions.pairs import PairCounts, PairKind
from passerby.evaluation.decisions.unlabelled import UnlabelledDistances
from passerby.evaluation.decisions.verification import (
    det_curve,
    equal_error_rate,
    operating_points,
)

FEWEST = 10
"""Judged pairs below which nothing is said."""

_FOLDS, _SAMPLES, _BINS = 10, 200, 2000


@dataclass(frozen=True)
class Subject:
    """What a calibration is of. model: fingerprint; pooling: of the vectors; kind: of the pairs;
    prior: the model's own calibration, learnt elsewhere, None where there is none; sources: of the
    pairs; sightings: that they are of; notes: what to know; part: it is of a part of what the prior
    was learnt of."""

    model: str
    pooling: str
    kind: PairKind
    prior: Calibration | None = None
    sources: tuple[str, ...] = ()
    sightings: int = 0
    notes: tuple[str, ...] = ()
    part: bool = False

    def line(self, distances: NDArray[np.float64]) -> PriorLine:
        """The prior line, or a rough one from the distances."""
        curve = None if self.prior is None else self.prior.curve
        if curve is None:
            return PriorLine.of_distances(distances)
        line = PriorLine.of(curve)
        return line.of_here if self.part else line

    def limits(self, pairs: int) -> tuple[float, float]:
        """The least and greatest LLR to show: what the prior shows, or so many pairs could."""
        if self.prior is not None and np.ptp(self.prior.curve.llrs) > 0:
            return self.prior.curve.llrs[-1], self.prior.curve.llrs[0]
        bound = float(np.log(pairs + 1))
        return -bound, bound


def calibrate_labelled(
    distances: ArrayLike, same: ArrayLike, groups: ArrayLike, subject: Subject, seed: int = 0
) -> Calibration:
    """From pairs that were chosen whatever their distance.

    distances [n]; same [n]; groups [n]: numbers, equal for pairs that resemble each other, as those
    of one person do. Raises ValueError for fewer than ten pairs, or two of a kind.
    """
    values, is_same = np.asarray(distances, np.float64), np.asarray(same, bool)
    _require_enough(is_same)
    line, most = subject.line(values), float(values.max())
    limits = subject.limits(len(values))
    methods: dict[str, _Method] = {
        LINE: lambda d, s: fit_labelled(d, s, line).curve(most, limits),
        "isotonic": lambda d, s: fit_isotonic(counted(d, s)),
        "bigaussian": lambda d, s: fit_bigaussian(counted(d, s)),
    }
    lost = _held_out(methods, values, is_same, folds_of(np.asarray(groups), seed))
    method = _chosen(lost, is_same)
    fit = fit_labelled(values, is_same, line)
    counts = counted(values, is_same)
    lower, upper = fit.interval(most, limits)
    costs = {name: _balanced(values, is_same) for name, values in lost.items()}
    curve = methods[method](values, is_same)
    totals = PairTotals(subject.sightings, int(is_same.sum()), int((~is_same).sum()))
    evidence = _Evidence(
        counts,
        curve,
        costs,
        costs[method],
        _interval(lost[method], is_same, np.asarray(groups), seed),
        reliability(counts, curve),
        (totals, totals),
        expected_excess(fit, counts),
        "cross-validation",
    )
    return evidence.calibration(subject, method, lower, upper, seed)


def calibrate_answered(
    distances: ArrayLike, same: ArrayLike, population: ArrayLike, subject: Subject, seed: int = 0
) -> Calibration:
    """From answers to questions chosen by their distance, [n] both, and the distances of all pairs
    that could have been asked, [P]. Raises ValueError for fewer than ten answers."""
    values, is_same = np.asarray(distances, np.float64), np.asarray(same, bool)
    _require_enough(is_same)
    all_pairs = np.asarray(population, np.float64)
    line, most = subject.line(all_pairs), float(all_pairs.max())
    fit = fit_answered(values, is_same, line, all_pairs)
    limits = subject.limits(len(all_pairs))
    # Two cameras are compared by their lines alone (`camera_pairs`).
    shown = None if subject.part else unlabelled_of(all_pairs)
    fitted = fit.curve(most, limits)
    curve, lower, upper = (
        pooled(one, fitted, shown, len(values)) for one in (fitted, *fit.interval(most, limits))
    )
    counts = expected_counts(fit, all_pairs)
    cost = cllr(counts, curve)
    answered = PairTotals(len(values), int(is_same.sum()), int((~is_same).sum()))
    judged_by = PairTotals(
        subject.sightings, round(counts.same.sum()), round(counts.different.sum())
    )
    evidence = _Evidence(
        counts,
        curve,
        {LINE: cost},
        cost,
        percentile_interval(_sampled_costs(fit, counts, curve, seed), 0.95),
        _answers_kept_out(values, is_same, all_pairs, line, shown=shown, seed=seed),
        (answered, judged_by),
        expected_excess(fit, counts),
        "answers",
    )
    return evidence.calibration(subject, LINE, lower, upper, seed)


def counted(distances: ArrayLike, same: ArrayLike) -> PairCounts:
    """Single pairs as counts, each distance its own bin."""
    at, rows = np.unique(np.asarray(distances, np.float64), return_inverse=True)
    alike = np.bincount(rows.reshape(-1), np.asarray(same, bool), len(at)).astype(np.int64)
    every = np.bincount(rows.reshape(-1), minlength=len(at))
    return PairCounts(at, np.nextafter(at, np.inf), alike, every - alike)


def expected_counts(fit: LineFit, population: ArrayLike) -> PairCounts:
    """How many pairs of each kind are expected at which distance, of all the pairs [P]."""
    counts, edges = np.histogram(np.asarray(population, np.float64), _BINS)
    held = counts > 0
    lower, upper, counts = edges[:-1][held], edges[1:][held], counts[held]
    chances = fit.probability((lower + upper) / 2)
    return PairCounts(lower, upper, counts * chances, counts * (1 - chances))


def expected_excess(fit: LineFit, counts: PairCounts) -> float:
    """Bits of Cllr that the line is expected to lose, given how little the pairs say of it.

    Half the trace of the cost's curvature times the covariance: what lines drawn from the posterior
    cost less, each on pairs of which it is true, to the second order.
    """
    features = fit.line.features(counts.middle)
    chances = 1 / (1 + np.exp(-np.clip(features @ fit.coefficients, -500, 500)))
    both = counts.same / counts.same.sum() + counts.different / counts.different.sum()
    curvature = (features * (both * chances * (1 - chances) / 2)[:, None]).T @ features
    return float(np.trace(curvature @ fit.covariance) / 2 / np.log(2))


_Method = Callable[[NDArray[np.float64], NDArray[np.bool_]], Curve]


@dataclass(frozen=True, eq=False)
class _Evidence:
    """What a calibration's figures are computed from; totals: of the fit, of the judging."""

    counts: PairCounts
    curve: Curve
    costs: dict[str, float]
    cost: float
    interval: Interval
    parts: tuple[Reliability, ...]
    totals: tuple[PairTotals, PairTotals]
    excess: float
    judged: Judged

    def calibration(
        self, subject: Subject, method: str, lower: Curve, upper: Curve, seed: int
    ) -> Calibration:
        """All of it."""
        counts = self.counts
        rates = [rate for rate in RATES if rate * counts.different.sum() >= 1]
        quality = Quality(
            costs=self.costs,
            cllr=self.cost,
            cllr_interval=self.interval,
            minimum_cllr=minimum_cllr(counts),
            calibration_error=calibration_error(self.parts),
            equal_error_rate=equal_error_rate(counts),
            reliability=self.parts,
            histogram=histogram(counts),
            curve=det_curve(counts),
            fitting=self.totals[0],
            judging=self.totals[1],
            expected_excess=self.excess,
            judged=self.judged,
        )
        return Calibration(
            model=subject.model,
            metric="cosine",
            pooling=subject.pooling,
            method=method,
            curve=self.curve,
            points=operating_points(counts, rates),
            quality=quality,
            false_match_rate=1e-3,
            sources=subject.sources,
            seed=seed,
            level=0.95,
            warnings=subject.notes,
            pairs=subject.kind,
            lower=lower,
            upper=upper,
        )


def _require_enough(same: NDArray[np.bool_]) -> None:
    kinds = int(same.sum()), int((~same).sum())
    if sum(kinds) < FEWEST or min(kinds) < 2:
        raise ValueError(
            f"a calibration needs {FEWEST} judged pairs, two of one person and two of two persons "
            f"at least, got {kinds[0]} and {kinds[1]}"
        )


def folds_of(groups: NDArray, seed: int) -> NDArray[np.int64]:
    """The fold [n] of each pair: groups in turn, in an order drawn by seed."""
    _, rows = np.unique(groups, return_inverse=True)
    rows = rows.reshape(-1)
    order = np.random.default_rng([seed, 12]).permutation(int(rows.max()) + 1)
    return order[rows] % _FOLDS


def _held_out(
    methods: dict[str, _Method],
    distances: NDArray[np.float64],
    same: NDArray[np.bool_],
    folds: NDArray[np.int64],
) -> dict[str, NDArray[np.float64]]:
    """By method the bits lost [n] on each pair, fitted without its fold."""
    lost = {name: np.empty(len(distances)) for name in methods}
    for fold in np.unique(folds):
        out = folds == fold
        rest = ~out
        if len(np.unique(same[rest])) < 2:  # one fold has all of a kind
            rest = np.ones(len(out), bool)
        for name, method in methods.items():
            llrs = method(distances[rest], same[rest]).llr(distances[out])
            lost[name][out] = np.logaddexp(0, np.where(same[out], -llrs, llrs)) / np.log(2)
    return lost


def _chosen(lost: dict[str, NDArray[np.float64]], same: NDArray[np.bool_]) -> str:
    """The line, unless another method is better by more than a standard error."""
    best = LINE
    for name, values in lost.items():
        gain = lost[best] - values
        parts = [gain[same], gain[~same]]
        error = np.sqrt(sum(part.var() / len(part) for part in parts)) / 2
        if sum(part.mean() for part in parts) / 2 > error:
            best = name
    return best


def _balanced(lost: NDArray[np.float64], same: NDArray[np.bool_]) -> float:
    return float((lost[same].mean() + lost[~same].mean()) / 2)


def _interval(
    lost: NDArray[np.float64], same: NDArray[np.bool_], groups: NDArray, seed: int
) -> Interval:
    """Of the Cllr, over resampled groups."""
    names, rows = np.unique(groups, return_inverse=True)
    random, costs = np.random.default_rng([seed, 13]), []
    for _ in range(_SAMPLES):
        drawn = random.integers(0, len(names), len(names))
        weights = np.bincount(drawn, minlength=len(names))[rows.reshape(-1)]
        alike, apart = weights * same, weights * ~same
        if alike.any() and apart.any():
            costs.append((np.average(lost, weights=alike) + np.average(lost, weights=apart)) / 2)
    return percentile_interval(costs, 0.95)


def _sampled_costs(fit: LineFit, counts: PairCounts, curve: Curve, seed: int) -> list[float]:
    """Cllr of a curve where lines drawn from the posterior are true: pairs of one person then lie
    as those of two do, times the line's ratio."""
    different = counts.different / counts.different.sum()
    own, features = curve.llr(counts.middle), fit.line.features(counts.middle)
    random = np.random.default_rng([seed, 14])
    costs = []
    for llrs in random.multivariate_normal(fit.coefficients, fit.covariance, _SAMPLES) @ features.T:
        same = different * np.exp(llrs - llrs.max())
        lost = same / same.sum() @ np.logaddexp(0, -own) + different @ np.logaddexp(0, own)
        costs.append(float(lost / 2 / np.log(2)))
    return costs


def _answers_kept_out(
    distances: NDArray[np.float64],
    same: NDArray[np.bool_],
    population: NDArray[np.float64],
    line: PriorLine,
    *,
    shown: UnlabelledDistances | None,
    seed: int,
) -> tuple[Reliability, ...]:
    """Probabilities given to answers, each by a fit without it, beside what was said."""
    most = float(population.max())
    folds = folds_of(np.arange(len(distances)), seed)
    given = np.empty(len(distances))
    for fold in np.unique(folds):
        out = folds == fold
        fit = fit_answered(distances[~out], same[~out], line, population)
        fitted = fit.curve(most, (-np.inf, np.inf))
        llrs = pooled(fitted, fitted, shown, int((~out).sum())).llr(distances[out])
        given[out] = 1 / (1 + np.exp(-llrs - fit.log_prior_odds))
    number = np.minimum((given * 10).astype(np.int64), 9)
    return tuple(
        Reliability(
            k / 10,
            (k + 1) / 10,
            float(given[number == k].mean()),
            float(same[number == k].mean()),
            float((number == k).mean()),
        )
        for k in np.unique(number).tolist()
    )
