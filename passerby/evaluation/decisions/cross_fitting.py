"""How good a way of fitting is: cross-validation over persons, and intervals of the curve.

A part of the persons is left out, the curve is fitted on the others, and the pairs of the part are
judged by it; then the next part. So the curve that is kept may be fitted on everybody, and every
person has judged once. Judged pairs are counted by the LLR they were given, as these come from
several curves, and not by their distance.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from passerby.evaluation.bootstrap import Interval, percentile_interval, person_counts
from passerby.evaluation.decisions.likelihood import Curve, Reliability, cllr, reliability
from passerby.evaluation.decisions.pairs import (
    PairCounts,
    Pairs,
    PairSample,
    count_pairs,
    sample_pairs,
)

FOLDS = 5
"""Parts of the persons; two where they are fewer than twenty."""

AS_GIVEN = Curve((-60.0, 60.0), (60.0, -60.0))
"""The curve of pairs that are counted by minus their LLR."""

_BINS, _KNOTS, _RESAMPLES = 2000, 60, 100

Fit = Callable[[PairCounts], Curve]


@dataclass(frozen=True, eq=False)
class CrossFitted:
    """What the methods cost on persons that they were not fitted on.

    method: the one to take; costs: Cllr of each, in bits; judged: pairs counted by minus the LLR
    that the method gave them; interval: of its Cllr, over persons.
    """

    method: str
    costs: Mapping[str, float]
    judged: PairCounts
    interval: Interval

    @property
    def reliability(self) -> tuple[Reliability, ...]:
        """Probabilities given, at even prior odds, beside what was observed."""
        return reliability(self.judged, AS_GIVEN)


def cross_fit(
    folds: Sequence[tuple[Pairs, Pairs]],
    methods: Mapping[str, Fit],
    *,
    replicates: int,
    seed: int,
    level: float,
) -> CrossFitted:
    """Fit each method on the first pairs of each fold and judge by the second.

    The first method is taken unless another costs less by more than a standard error over the
    folds, of which there must be five. Folds without a pair of either kind are left out. Raises
    ValueError where none is left.
    """
    fitted = [fold for fold in (_fold(*pairs, methods, seed) for pairs in folds) if fold]
    if not fitted:
        raise ValueError("there is no pair of either kind in any part of the persons")
    costs = {name: np.array([cllr(f.counts, f.curves[name]) for f in fitted]) for name in methods}
    method = _chosen(costs)
    return CrossFitted(
        method,
        {name: float(values.mean()) for name, values in costs.items()},
        _by_llr(fitted, method),
        _cllr_interval(fitted, method, replicates, seed, level),
    )


def curve_interval(
    sample: PairSample, fit: Fit, *, replicates: int, seed: int, level: float
) -> tuple[Curve, Curve] | None:
    """The ends of the interval of the LLR at each distance, over resampled persons.

    sample: of the pairs that the curve was fitted on. None where too few persons were drawn.
    """
    known = sample.distances.astype(np.float64)
    edges = np.unique(np.quantile(known, np.linspace(0, 1, _BINS + 1)))
    if len(edges) < 2:
        return None
    bins = np.clip(np.searchsorted(edges, known, side="right") - 1, 0, len(edges) - 2)
    at = np.linspace(edges[0], edges[-1], _KNOTS)
    drawn = []
    for counts in person_counts(len(sample.persons), min(replicates, _RESAMPLES), seed):
        weights = sample.weighted(counts)
        same, different = (
            np.bincount(bins, np.where(sample.same == kind, weights, 0), len(edges) - 1)
            for kind in (True, False)
        )
        held = same + different > 0
        if same.any() and different.any():
            made = PairCounts(edges[:-1][held], edges[1:][held], same[held], different[held])
            drawn.append(fit(made).llr(at))
    if not drawn:
        return None
    tail = (1 - level) / 2
    ends = np.quantile(np.array(drawn), [tail, 1 - tail], axis=0)
    low, high = (np.minimum.accumulate(end) for end in ends)
    distances = tuple(at.tolist())
    return Curve(distances, tuple(low.tolist())), Curve(distances, tuple(high.tolist()))


@dataclass(frozen=True, eq=False)
class _Fold:
    """Curves fitted on the others, and the pairs of a part of the persons."""

    curves: Mapping[str, Curve]
    counts: PairCounts
    sample: PairSample


def _fold(fitting: Pairs, judging: Pairs, methods: Mapping[str, Fit], seed: int) -> _Fold | None:
    try:
        known, counts = count_pairs(fitting), count_pairs(judging)
    except ValueError:  # a kind of pair is missing
        return None
    curves = {name: fit(known) for name, fit in methods.items()}
    return _Fold(curves, counts, sample_pairs(judging, counts, limit=200_000, seed=seed))


def _chosen(costs: Mapping[str, NDArray[np.float64]]) -> str:
    best = next(iter(costs))
    for name, values in costs.items():
        gain = costs[best] - values
        # The spread of fewer parts is no standard error to trust: the first method stays.
        error = gain.std(ddof=1) / np.sqrt(len(gain)) if len(gain) >= FOLDS else np.inf
        if gain.mean() > error:
            best = name
    return best


def _by_llr(folds: Sequence[_Fold], method: str) -> PairCounts:
    """The judged pairs of all folds by minus the LLR that they were given."""
    given = np.concatenate([-fold.curves[method].llr(fold.counts.middle) for fold in folds])
    at, rows = np.unique(given.astype(np.float64), return_inverse=True)
    kinds = [
        np.bincount(rows.reshape(-1), np.concatenate(column), len(at)).astype(np.int64)
        for column in ([f.counts.same for f in folds], [f.counts.different for f in folds])
    ]
    return PairCounts(at, at, *kinds)


def _cllr_interval(
    folds: Sequence[_Fold], method: str, replicates: int, seed: int, level: float
) -> Interval:
    """Of the mean of the folds' Cllr, over persons resampled within each."""
    lost = []
    for fold in folds:
        sample = fold.sample
        llrs = fold.curves[method].llr(sample.distances)
        lost.append(np.logaddexp(0, np.where(sample.same, -llrs, llrs)) / np.log(2))
    costs = np.full((len(folds), replicates), np.nan)
    for row, (fold, bits) in enumerate(zip(folds, lost, strict=True)):
        sample = fold.sample
        for number, counts in enumerate(person_counts(len(sample.persons), replicates, seed + row)):
            weights = sample.weighted(counts)
            same, different = np.where(sample.same, weights, 0), np.where(sample.same, 0, weights)
            if same.any() and different.any():
                # Sums of products: a threaded dot product waits more than it computes here.
                both = (same * bits).sum() / same.sum() + (different * bits).sum() / different.sum()
                costs[row, number] = both / 2
    known = ~np.isnan(costs).all(axis=0)
    return percentile_interval(np.nanmean(costs[:, known], axis=0), level)
