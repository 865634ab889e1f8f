"""Fitting a calibration: on half of the persons, judged on the others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from passerby.evaluation.bootstrap import (
    FEWEST_PERSONS,
    Interval,
    percentile_interval,
    person_counts,
)
from passerby.evaluation.decisions.calibration import (
    Calibration,
    Histogram,
    PairTotals,
    Quality,
    pooled_key,
)
from passerby.evaluation.decisions.conditions import conditions_of
from passerby.evaluation.decisions.likelihood import (
    FITS,
    Curve,
    calibration_error,
    cllr,
    minimum_cllr,
    reliability,
)
from passerby.evaluation.decisions.pairs import (
    PairCounts,
    PairKind,
    Pairs,
    PairSample,
    count_pairs,
    sample_pairs,
)
from passerby.evaluation.decisions.verification import (
    det_curve,
    equal_error_rate,
    operating_points,
    with_intervals,
)
from passerby.evaluation.ranking.distances import Metric
from passerby.evaluation.ranking.vector_pooling import pool_tracklets
from passerby.tables.embeddings import Embeddings
from passerby.tables.keys import numbered, person_names, person_numbers, view_numbers
from passerby.tables.records import JUNK

RATES = (1e-5, 2e-5, 5e-5, 1e-4, 2e-4, 5e-4, 1e-3, 2e-3, 5e-3, 1e-2, 2e-2, 5e-2, 1e-1)
"""The false-match rates for which thresholds are kept."""

_BARS = 60


def calibrate(
    embeddings: Embeddings,
    metric: Metric = "cosine",
    *,
    pooling: str = "plain",
    false_match_rate: float = 1e-3,
    replicates: int = 200,
    images: int = 1,
    seed: int = 0,
    level: float = 0.95,
) -> Calibration:
    """Fit on half of the persons, judge on the others, keep the method that costs least there.

    embeddings: of persons that the model was not trained on, without distractors. Pairs across
    cameras count; without camera numbers all do, with a warning. Pairs within one camera have a
    calibration of their own (`Calibration.within`) where thirty persons of each half were seen
    twice by one, in two tracklets where these are numbered. images: above 1, pooled queries
    of 2 to so many images of one person by one camera are compared with single images, as their
    distances are others than those of two images. false_match_rate: the rate that decisions will
    be asked at, for the warning where the data are too few. Raises ValueError where a half has no
    pair of either kind, or for vectors as `passerby.evaluate` does.
    """
    known = embeddings[embeddings.persons != JUNK]
    fit = _Fit(
        *_halves(known, seed),
        metric,
        pooling=pooling if images == 1 else pooled_key(pooling, images),
        false_match_rate=false_match_rate,
        replicates=replicates,
        images=images,
        seed=seed,
        level=level,
    )
    conditions = conditions_of(known)
    if known.cameras is None:
        return replace(fit.of("any cameras", _warnings_of_data(known)), conditions=conditions)
    across = replace(fit.of("across cameras", _warnings_of_data(known)), conditions=conditions)
    if images > 1:
        return across
    returning = min(len(_seen_again(half)) for half in (fit.fitting, fit.judging))
    if returning < FEWEST_PERSONS:
        return replace(across, warnings=(*across.warnings, _no_within(returning)))
    return replace(across, within=fit.of("within a camera", _warnings_within(known)))


@dataclass(frozen=True, eq=False)
class _Fit:
    """Both halves of the persons and how calibrations are fitted on them; see `calibrate`."""

    fitting: Embeddings
    judging: Embeddings
    metric: Metric
    pooling: str
    false_match_rate: float
    replicates: int
    images: int
    seed: int
    level: float

    def of(self, kind: PairKind, warnings: Sequence[str]) -> Calibration:
        """The calibration of one kind of pair."""
        seed, level = self.seed, self.level
        fit_counts, fit_totals = _counted(self._pairs(self.fitting, kind), "fit on")
        pairs = self._pairs(self.judging, kind)
        counts, totals = _counted(pairs, "judge with")
        curves = {name: fit(fit_counts) for name, fit in FITS.items()}
        costs = {name: cllr(counts, curve) for name, curve in curves.items()}
        method = min(costs, key=lambda name: costs[name])
        curve = curves[method]
        sample = sample_pairs(pairs, counts, limit=1_000_000, seed=seed)
        points = operating_points(counts, [r for r in RATES if r * totals.different >= 1])
        points = with_intervals(points, sample, replicates=self.replicates, seed=seed, level=level)
        parts = reliability(counts, curve)
        quality = Quality(
            costs=costs,
            cllr=costs[method],
            cllr_interval=_cllr_interval(sample, curve, self.replicates, seed, level),
            minimum_cllr=minimum_cllr(counts),
            calibration_error=calibration_error(parts),
            equal_error_rate=equal_error_rate(counts),
            reliability=parts,
            histogram=histogram(counts),
            curve=det_curve(counts),
            fitting=fit_totals,
            judging=totals,
        )
        named = [half.sources for half in (self.fitting, self.judging) if half.sources is not None]
        return Calibration(
            model=self.fitting.model,
            metric=self.metric,
            pooling=self.pooling,
            method=method,
            curve=curve,
            points=points,
            quality=quality,
            false_match_rate=self.false_match_rate,
            sources=tuple(np.unique(np.concatenate(named)).tolist()) if named else (),
            seed=seed,
            level=level,
            warnings=(
                *warnings,
                *_warnings_of_persons(fit_totals, totals),
                *_warnings_of_distances(counts, self.metric),
            ),
            pairs=kind,
        )

    def _pairs(self, half: Embeddings, kind: PairKind) -> Pairs:
        """The pairs of a half, each once; of pooled queries and images where these are asked."""
        if self.images == 1:
            return Pairs(half, None, self.metric, camera_rule=kind == "across cameras", kind=kind)
        queries = _pooled_queries(half, self.images, self.seed)
        return Pairs(queries, half, self.metric, camera_rule=True, kind="across cameras")


def _seen_again(part: Embeddings) -> NDArray[np.int64]:
    """Numbers of the persons with two images by one camera, of two tracklets where numbered."""
    (persons,), (views,) = person_numbers(part), view_numbers(part)
    tracklets = np.full(len(part), -1) if part.tracklets is None else part.tracklets
    stays = np.where(tracklets < 0, -1 - np.arange(len(part)), tracklets)
    of_stay = np.unique(np.stack([persons, views, stays]), axis=1)[:2]
    seen, counts = np.unique(of_stay, axis=1, return_counts=True)
    return np.unique(seen[0, counts > 1])


def histogram(counts: PairCounts, bars: int = _BARS) -> Histogram:
    """The distances of both kinds of pairs in bars of equal width."""
    low, high = float(counts.lower[0]), float(counts.upper[-1])
    edges = np.linspace(low, high, bars + 1)
    same, different = (
        np.histogram(counts.middle, edges, weights=kind)[0] / kind.sum()
        for kind in (counts.same, counts.different)
    )
    return Histogram(tuple(edges.tolist()), tuple(same.tolist()), tuple(different.tolist()))


def _halves(embeddings: Embeddings, seed: int) -> tuple[Embeddings, Embeddings]:
    """Two halves of the persons, drawn so that both have persons seen by several cameras."""
    names, rows = np.unique(person_names(embeddings), return_inverse=True)
    if len(names) < 4:
        raise ValueError(
            f"a calibration needs at least two persons to fit on and two others to judge with, "
            f"got {len(names)}"
        )
    rows = rows.reshape(-1)
    views = np.arange(len(embeddings)) if embeddings.cameras is None else embeddings.cameras
    seen = np.unique(np.stack([rows, views]), axis=1)[0]
    several = np.bincount(seen, minlength=len(names)) > 1
    random = np.random.default_rng([seed, 6])
    order = random.permutation(len(names))
    # Those with pairs first, so that taking every other one halves them as well.
    order = np.concatenate([order[several[order]], order[~several[order]]])
    fitted = np.isin(rows, order[::2])
    return embeddings[fitted], embeddings[~fitted]


def _pooled_queries(part: Embeddings, images: int, seed: int) -> Embeddings:
    """Pooled queries: the images of a person by a camera in random groups of 2 to ``images``."""
    if images < 2:
        raise ValueError(f"a pooled query is of two images or more, got {images}")
    if part.cameras is None:
        raise ValueError(
            "a calibration of pooled queries needs camera numbers: a query would be compared with "
            "its own images"
        )
    random = np.random.default_rng([seed, 8])
    owners = numbered(person_names(part), part.cameras)
    groups = np.full(len(part), -1)
    count = 0
    for owner in range(int(owners.max(initial=-1)) + 1):
        rows = random.permutation(np.flatnonzero(owners == owner))
        while len(rows) > 1:
            size = int(random.integers(2, images, endpoint=True))
            groups[rows[:size]] = count
            rows, count = rows[size:], count + 1
    if count == 0:
        raise ValueError("no person has two images by one camera: there is nothing to pool")
    grouped = Embeddings(
        part.vectors, part.persons, part.cameras, tracklets=groups, sources=part.sources
    )
    return pool_tracklets(grouped[groups >= 0])


def _counted(pairs: Pairs, purpose: str) -> tuple[PairCounts, PairTotals]:
    try:
        counts = count_pairs(pairs)
    except ValueError as error:
        raise ValueError(
            f"{error}; a calibration needs persons seen by several cameras, at least two to fit "
            f"on and two others to judge with (here: to {purpose})"
        ) from None
    persons = len(np.unique(person_names(pairs.query)))
    return counts, PairTotals(persons, int(counts.same.sum()), int(counts.different.sum()))


def _cllr_interval(
    sample: PairSample, curve: Curve, replicates: int, seed: int, level: float
) -> Interval:
    llrs = curve.llr(sample.distances)
    lost = np.logaddexp(0, np.where(sample.same, -llrs, llrs)) / np.log(2)
    costs = []
    for counts in person_counts(len(sample.persons), replicates, seed):
        weights = sample.weighted(counts)
        same, different = np.where(sample.same, weights, 0), np.where(sample.same, 0, weights)
        if same.any() and different.any():
            # Sums of products: a threaded dot product waits more than it computes here.
            cost = (same * lost).sum() / same.sum() + (different * lost).sum() / different.sum()
            costs.append(cost / 2)
    return percentile_interval(costs, level)


def _warnings_of_data(known: Embeddings) -> list[str]:
    if known.cameras is not None:
        return []
    return ["no camera numbers: images of one passage count as pairs, which flatters the figures"]


def _no_within(persons: int) -> str:
    return (
        f"no calibration for pairs of one camera: only {persons} persons of a half were seen twice "
        f"by one camera, and {FEWEST_PERSONS} are needed"
    )


def _warnings_within(known: Embeddings) -> list[str]:
    if known.tracklets is not None and (known.tracklets >= 0).all():
        return []
    return [
        "tracklets are not numbered: images of one passage count as pairs within a camera, so that "
        "its figures hold for these and flatter those who come back"
    ]


def _warnings_of_persons(fitting: PairTotals, judging: PairTotals) -> list[str]:
    fewest = min(fitting.persons, judging.persons)
    if fewest >= FEWEST_PERSONS:
        return []
    return [
        f"only {fewest} persons in a half: below {FEWEST_PERSONS} neither the fit nor its "
        "intervals can be trusted"
    ]


def _warnings_of_distances(counts: PairCounts, metric: Metric) -> list[str]:
    warnings = []
    middle_different = _median(counts.different, counts)
    if metric == "cosine" and middle_different < 0.3:
        warnings.append(
            "different persons crowd near the top: half of their cosine similarities are above "
            f"{1 - middle_different:.2f} (a wrong preprocessing or a collapsed network does this)"
        )
    nearer = counts.middle < _median(counts.same, counts)
    share = float(counts.different[nearer].sum() / counts.different.sum())
    if share > 0.1:
        warnings.append(
            f"{100 * share:.0f} % of the pairs of different persons are nearer than half of the "
            "pairs of the same person: the model hardly tells them apart"
        )
    return warnings


def _median(kind: NDArray, counts: PairCounts) -> float:
    return float(counts.middle[np.searchsorted(kind.cumsum(), kind.sum() / 2)])
