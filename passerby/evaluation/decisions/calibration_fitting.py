"""Fitting a calibration: on all persons, by the method that cross-validation finds best."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from passerby.evaluation.bootstrap import FEWEST_PERSONS
from passerby.evaluation.decisions.calibration import (
    Calibration,
    Histogram,
    PairTotals,
    Quality,
    pooled_key,
)
from passerby.evaluation.decisions.conditions import conditions_of
from passerby.evaluation.decisions.cross_fitting import (
    FOLDS,
    CrossFitted,
    Fit,
    cross_fit,
    curve_interval,
)
from passerby.evaluation.decisions.judged.line import LINE, PriorLine, fit_counts
from passerby.evaluation.decisions.likelihood import (
    FITS,
    Curve,
    bounds,
    calibration_error,
    minimum_cllr,
)
from passerby.evaluation.decisions.pairs import (
    PairCounts,
    PairKind,
    Pairs,
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
_RETURNING = 2 * FEWEST_PERSONS
_NEEDED = (
    "a calibration needs persons seen by several cameras, at least two to fit on and two others to "
    "judge with"
)


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
    prior: Curve | None = None,
) -> Calibration:
    """Fit on all persons, by the method that costs least on persons left out of its fit.

    The method is chosen, and all figures of quality are found, by cross-validation over persons
    (`cross_fitting`): in five parts, in two where the persons are fewer than twenty. A straight
    line is kept unless a freer method is better by more than a standard error; always of so few.
    Thresholds are of all pairs.

    embeddings: of persons that the model was not trained on, without distractors. Pairs across
    cameras count; without camera numbers all do, with a warning. Pairs within one camera have a
    calibration of their own (`Calibration.within`) where thirty persons of each half were seen
    twice by one, in two tracklets where these are numbered. images: above 1, pooled queries
    of 2 to so many images of one person by one camera are compared with single images, as their
    distances are others than those of two images. false_match_rate: the rate that decisions will
    be asked at, for the warning where the data are too few. prior: the curve of a calibration of
    this model elsewhere; a line regularised towards it (`judged.line`) is then the one that freer
    methods must beat. Raises ValueError where every
    part lacks a kind of pair, or for vectors as `passerby.evaluate` does.
    """
    known = embeddings[embeddings.persons != JUNK]
    fit = _Fit(
        known,
        _folds(known, seed),
        metric,
        pooling=pooling if images == 1 else pooled_key(pooling, images),
        false_match_rate=false_match_rate,
        replicates=replicates,
        images=images,
        seed=seed,
        level=level,
        prior=prior,
    )
    conditions = conditions_of(known)
    if known.cameras is None:
        return replace(fit.of("any cameras", _warnings_of_data(known)), conditions=conditions)
    across = replace(fit.of("across cameras", _warnings_of_data(known)), conditions=conditions)
    if images > 1:
        return across
    returning = len(_seen_again(known))
    if returning < _RETURNING:
        return replace(across, warnings=(*across.warnings, _no_within(returning)))
    return replace(across, within=fit.of("within a camera", _warnings_within(known)))


@dataclass(frozen=True, eq=False)
class _Fit:
    """The persons, which of them are left out in each fold [F, N], and how it is fitted."""

    known: Embeddings
    folds: NDArray[np.bool_]
    metric: Metric
    pooling: str
    false_match_rate: float
    replicates: int
    images: int
    seed: int
    level: float
    prior: Curve | None

    def of(self, kind: PairKind, warnings: Sequence[str]) -> Calibration:
        """The calibration of one kind of pair."""
        seed, level, replicates = self.seed, self.level, self.replicates
        pairs = self._pairs(self.known, kind)
        counts, totals = _counted(pairs)
        crossed = self._cross_fitted(kind)
        fit = self._methods[crossed.method]
        curve = fit(counts)
        sample = sample_pairs(pairs, counts, limit=1_000_000, seed=seed)
        points = operating_points(counts, [r for r in RATES if r * totals.different >= 1])
        points = with_intervals(points, sample, replicates=replicates, seed=seed, level=level)
        ends = curve_interval(sample, fit, replicates=replicates, seed=seed, level=level)
        parts = crossed.reliability
        quality = Quality(
            costs=crossed.costs,
            cllr=crossed.costs[crossed.method],
            cllr_interval=crossed.interval,
            minimum_cllr=minimum_cllr(counts),
            calibration_error=calibration_error(parts),
            equal_error_rate=equal_error_rate(counts),
            reliability=parts,
            histogram=histogram(counts),
            curve=det_curve(counts),
            fitting=totals,
            judging=totals,
            judged="cross-validation",
        )
        sources = self.known.sources
        return Calibration(
            model=self.known.model,
            metric=self.metric,
            pooling=self.pooling,
            method=crossed.method,
            curve=curve,
            points=points,
            quality=quality,
            false_match_rate=self.false_match_rate,
            sources=() if sources is None else tuple(np.unique(sources).tolist()),
            seed=seed,
            level=level,
            warnings=(
                *warnings,
                *_warnings_of_persons(totals),
                *_warnings_of_distances(counts, self.metric),
            ),
            pairs=kind,
            lower=ends and ends[0],
            upper=ends and ends[1],
        )

    @property
    def _methods(self) -> dict[str, Fit]:
        """The ways of fitting, the one to be kept in doubt first."""
        if self.prior is None:
            return FITS
        line = PriorLine.of(self.prior)
        persons = len(np.unique(person_names(self.known)))

        def towards_prior(counts: PairCounts) -> Curve:
            made = fit_counts(counts, line, persons)
            return made.curve(float(counts.upper[-1]), bounds(counts))

        return {LINE: towards_prior, **FITS}

    def _cross_fitted(self, kind: PairKind) -> CrossFitted:
        folds: list[tuple[Pairs, Pairs]] = []
        for left_out in self.folds:
            fitting, judging = self.known[~left_out], self.known[left_out]
            with suppress(ValueError):  # nobody in the part has images to pool
                folds.append((self._pairs(fitting, kind), self._pairs(judging, kind)))
        try:
            return cross_fit(
                folds, self._methods, replicates=self.replicates, seed=self.seed, level=self.level
            )
        except ValueError as error:
            raise ValueError(f"{error}; {_NEEDED}") from None

    def _pairs(self, part: Embeddings, kind: PairKind) -> Pairs:
        """The pairs of a part, each once; of pooled queries and images where these are asked."""
        if self.images == 1:
            return Pairs(part, None, self.metric, camera_rule=kind == "across cameras", kind=kind)
        queries = _pooled_queries(part, self.images, self.seed)
        return Pairs(queries, part, self.metric, camera_rule=True, kind="across cameras")


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


def _folds(embeddings: Embeddings, seed: int) -> NDArray[np.bool_]:
    """Which images [F, N] are left out in each fold: of every F-th person, in an order drawn by
    seed that spreads those seen by several cameras evenly."""
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
    # Those with pairs first, so that taking every F-th one spreads them as well.
    order = np.concatenate([order[several[order]], order[~several[order]]])
    count = FOLDS if several.sum() >= 4 * FOLDS else 2
    return np.stack([np.isin(rows, order[fold::count]) for fold in range(count)])


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


def _counted(pairs: Pairs) -> tuple[PairCounts, PairTotals]:
    try:
        counts = count_pairs(pairs)
    except ValueError as error:
        raise ValueError(f"{error}; {_NEEDED}") from None
    persons = len(np.unique(person_names(pairs.query)))
    return counts, PairTotals(persons, int(counts.same.sum()), int(counts.different.sum()))


def _warnings_of_data(known: Embeddings) -> list[str]:
    if known.cameras is not None:
        return []
    return ["no camera numbers: images of one passage count as pairs, which flatters the figures"]


def _no_within(persons: int) -> str:
    return (
        f"no calibration for pairs of one camera: only {persons} persons were seen twice by one "
        f"camera, and {_RETURNING} are needed"
    )


def _warnings_within(known: Embeddings) -> list[str]:
    if known.tracklets is not None and (known.tracklets >= 0).all():
        return []
    return [
        "tracklets are not numbered: images of one passage count as pairs within a camera, so that "
        "its figures hold for these and flatter those who come back"
    ]


def _warnings_of_persons(totals: PairTotals) -> list[str]:
    if totals.persons >= 2 * FEWEST_PERSONS:
        return []
    return [
        f"only {totals.persons} persons: below {2 * FEWEST_PERSONS} neither the fit nor its "
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
