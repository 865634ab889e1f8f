"""What a search concludes of its distances: by a calibration, or by those within the gallery."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from passerby.evaluation.decisions.calibration import Calibration
from passerby.gallery.own_distances import OwnDistances
from passerby.gallery.pair_evidence import (
    NONE,
    OTHER,
    SAME,
    calibrations_for,
    pair_llrs,
    strictest,
)
from passerby.gallery.search.options import SearchOptions
from passerby.gallery.search.population import Population, Populations
from passerby.gallery.search.posterior import (
    Decision,
    Posterior,
    decide,
    decide_unlabelled,
    posterior,
)
from passerby.tables.sightings import Sightings


@dataclass(frozen=True, eq=False)
class Found:
    """Of one query: N sightings by ascending distance, and how they were found.

    own [N]: those of the query's own image; camera: the query's, "" where not known; kinds [N]:
    whether they are by it; pairs [N]: which calibration of two cameras alone holds
    (`pair_evidence.camera_pairs`); reach: what was not compared is no nearer, None: than the last;
    way [N]: natural log-likelihood ratios of the times between (`search.way`), 0 where nothing is
    known; highest_way: the greatest that could be said of another; way_note: what to know of them.
    """

    sightings: Sightings
    distances: NDArray[np.float64]
    own: NDArray[np.bool_]
    camera: str
    kinds: NDArray[np.int64]
    pairs: NDArray[np.int64]
    exact: bool
    recall: float
    way: NDArray[np.float64]
    reach: float | None = None
    highest_way: float = 0.0
    way_note: str = ""

    def of(self, rows: NDArray[np.bool_]) -> Found:
        """Some of them."""
        return replace(
            self,
            sightings=self.sightings[rows],
            distances=self.distances[rows],
            own=self.own[rows],
            kinds=self.kinds[rows],
            pairs=self.pairs[rows],
            way=self.way[rows],
        )


@dataclass(frozen=True, eq=False)
class Judged:
    """What follows for N sightings. llrs [N]: NaN where there is none; rates [N]: false-match rates
    without labels, likewise; notes: what to know; calibration: that the ratios are of."""

    llrs: NDArray[np.float64]
    rates: NDArray[np.float64]
    posterior: Posterior | None
    decision: Decision | None
    notes: tuple[str, ...]
    calibration: Calibration | None = None


def judged_by_calibration(
    found: Found, options: SearchOptions, populations: Populations, calibration: Calibration
) -> Judged:
    """Likelihood ratios of all that are not the query's own image, who it is, and the answer."""
    nearest = found.of(~found.own)
    llrs = pair_llrs(calibration, nearest.distances, nearest.kinds, nearest.pairs)
    unjudged = np.isnan(llrs)
    notes: tuple[str, ...] = ()
    if unjudged.any():
        notes = (_unjudged_note(nearest.kinds[unjudged], options, whole=bool(unjudged.all())),)
    rates = np.full(len(llrs), np.nan)
    if len(llrs) and unjudged.all():
        return Judged(llrs, rates, None, None, notes, calibration)
    # Those by the query's own camera are nobody who can be meant where they have no LR.
    judges_own = calibrations_for(calibration, SAME) or options.elsewhere
    left_out = [] if judges_own or not nearest.camera else [nearest.camera]
    where = replace(options.where, not_cameras=(*options.where.not_cameras, *left_out))
    own = found.sightings[found.own & ~np.isin(found.sightings.cameras, left_out)]
    among = without_own(populations.under(where).population, own)
    believed, decision = _believed(nearest.of(~unjudged), options, among, calibration)
    return Judged(llrs, rates, believed, decision, notes, calibration)


def judged_by_own_distances(
    found: Found,
    vector: NDArray[np.float32],
    options: SearchOptions,
    populations: Populations,
    learnt: OwnDistances,
) -> Judged:
    """False-match rates of all that are not the image of the query [D], and the answer.

    found: with the vectors of its sightings.
    """
    nearest = found.of(~found.own)
    near = nearest.sightings
    rates = learnt.false_match_rates(vector, nearest.camera, near, nearest.kinds)
    among = without_own(populations.under(options.where).population, found.sightings[found.own])
    decision = decide_unlabelled(near, nearest.distances, rates, among, options.fpir)
    return Judged(np.full(len(near), np.nan), rates, None, decision, ())


def not_judged(count: int) -> Judged:
    """Nothing, for so many sightings."""
    nothing = np.full(count, np.nan)
    return Judged(nothing, nothing, None, None, ())


def without_own(among: Population, own: Sightings) -> Population:
    """The population without the query's own images."""
    if len(own) == 0:
        return among
    persons = dict(among.persons)
    for person in own.persons[own.persons != ""].tolist():
        persons[person] = persons.get(person, 1) - 1
    return Population(
        {person: count for person, count in persons.items() if count > 0},
        among.unlabelled - int(np.sum(own.persons == "")),
    )


def _believed(
    judged: Found,
    options: SearchOptions,
    among: Population,
    calibration: Calibration,
) -> tuple[Posterior, Decision]:
    """Who it is, and the answer, on the distances as measured: those of re-ranking are on no scale.

    judged: the sightings of whose pairs the calibration says something.
    """
    believed = posterior(
        judged.sightings,
        judged.distances,
        among,
        calibration,
        kinds=judged.kinds,
        pairs=judged.pairs,
        way=judged.way,
        highest_way=judged.highest_way,
        prior_absent=options.prior_absent,
        recall=judged.recall,
        reach=judged.reach,
    )
    kind, pair = OTHER, NONE
    if believed.candidates:
        nearest = judged.sightings.ids == believed.candidates[0].nearest
        kind, pair = int(judged.kinds[nearest][0]), int(judged.pairs[nearest][0])
    rate = options.fpir / max(1, among.sightings)
    decisive = strictest(calibrations_for(calibration, kind, pair) or (calibration,), rate)
    return believed, decide(believed, among, decisive, options.fpir)


def _unjudged_note(kinds: NDArray[np.int64], options: SearchOptions, *, whole: bool) -> str:
    """What to say where the calibration says nothing of some pairs, or of any."""
    what = "no probability" if whole else f"{len(kinds)} of the nearest have no likelihood ratio"
    if (kinds == SAME).any():
        return (
            f"{what}: they are by the query's own camera, and the calibration is of pairs by two "
            "(pictures by one camera are nearer whoever they show)"
        )
    how = (
        "the sightings do not say which camera they are by"
        if options.camera or options.where.not_cameras
        else "which camera took the query is not said: --query-camera NAME, or --elsewhere where "
        "it is none of the gallery's"
    )
    return f"{what}: the calibration is of pairs by two cameras, and {how}"
