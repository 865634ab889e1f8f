"""Searching a gallery: from a query and a filter to matches, and who it is or nobody."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from passerby.evaluation.bootstrap import Interval
from passerby.evaluation.decisions.calibration import Calibration
from passerby.evaluation.ranking.rerank import rerank
from passerby.gallery.pair_evidence import (
    NOT_KNOWN,
    OTHER,
    SAME,
    calibrations_for,
    one_camera,
    pair_interval,
    pair_llrs,
    strictest,
)
from passerby.gallery.search.matches import Match, Matches
from passerby.gallery.search.population import Population, Populations
from passerby.gallery.search.posterior import Decision, Posterior, decide, posterior
from passerby.gallery.search.querying import Query
from passerby.gallery.stored_calibrations import Judge, judge_of
from passerby.gallery.text_tables import time_of
from passerby.gallery.tracklets import tracklet_numbers
from passerby.stores import Hits, Store
from passerby.tables.embeddings import Embeddings
from passerby.tables.filters import EVERYTHING, Where
from passerby.tables.sightings import UNKNOWN, Sightings

DEPTH = 200
"""Sightings that are compared for the posterior, and re-ranked, where fewer are asked for."""

_DEEPEST = 10_000  # sightings that are compared to find k passages

FEWEST_TO_RERANK = 3.0
"""Sightings of a known person, on average, below which re-ranking is not done."""

_TOGETHER = 64  # queries in one request to the engine


@dataclass(frozen=True)
class SearchOptions:
    """How a search is done.

    k: passages shown of each query, each by its nearest sighting; where: among which sightings;
    exact: compare all of them; rerank: order the nearest 200 by k-reciprocal encoding within these
    200; prior_absent: the
    probability, before the search, that the query shows nobody of them; fpir: share of the searches
    for such that may be answered with somebody; thumbnails: bring the stored ones; camera: that
    took the query, "" where not known; elsewhere: no camera of the gallery did. Both decide which
    calibration holds, that of pairs by one camera or that of pairs by two.
    """

    k: int = 10
    where: Where = EVERYTHING
    exact: bool = False
    rerank: bool = False
    prior_absent: float = 0.5
    fpir: float = 0.01
    thumbnails: bool = False
    camera: str = UNKNOWN
    elsewhere: bool = False

    def __post_init__(self) -> None:
        if self.k < 1:
            raise ValueError(f"k must be at least 1, got {self.k}")
        for name in ("prior_absent", "fpir"):
            if not 0 < getattr(self, name) < 1:
                raise ValueError(f"{name} must be between 0 and 1, got {getattr(self, name)}")
        if self.camera and self.elsewhere:
            raise ValueError("give the camera of the query, or that it is of elsewhere, not both")


DEFAULTS = SearchOptions()


def search(
    store: Store,
    queries: Sequence[Query],
    options: SearchOptions = DEFAULTS,
    populations: Populations | None = None,
) -> tuple[Matches, ...]:
    """Search for each of the queries. Raises ValueError for a damaged calibration.

    populations: of the store, where several searches share what is counted.

    Sightings that are the query's own image are left out: that a picture equals itself is no
    evidence.
    """
    counts = populations or Populations(store)
    numbers = {query.images for query in queries}
    judges = {images: judge_of(store.about, images, counts.cameras) for images in numbers}
    recall = store.index_state().recall
    found = []
    for start in range(0, len(queries), _TOGETHER):
        part = queries[start : start + _TOGETHER]
        hits = _hits(store, part, options, max(options.k, DEPTH))
        for number, query in enumerate(part):
            near, distances = hits.of(number)
            depth = max(options.k, DEPTH)
            # Where few passages have many sightings each, the others lie further away.
            while len(near) >= depth and depth < _DEEPEST and _passages(near) < options.k:
                depth *= 4
                near, distances = _hits(store, [query], options, depth).of(0)
            camera = _camera(query, options, near)
            nearest = _Nearest(
                near,
                distances,
                own=np.isin(near.ids, query.hashes),
                camera=camera,
                kinds=_kinds(camera, options, near),
                exact=hits.exact,
                recall=1.0 if hits.exact or recall is None else recall,
            )
            judge = Judge(None, query.doubts) if query.doubts else judges[query.images]
            found.append(_matches(query, options, nearest, counts, judge))
    if options.thumbnails:
        found = [_with_thumbnails(store, one) for one in found]
    return tuple(found)


def _hits(store: Store, queries: Sequence[Query], options: SearchOptions, depth: int) -> Hits:
    return store.search(
        np.stack([query.vector for query in queries]),
        depth + max(len(query.hashes) for query in queries),
        options.where,
        exact=options.exact,
        with_vectors=options.rerank,
    )


def _passages(near: Sightings) -> int:
    return len(np.unique(tracklet_numbers(near)))


@dataclass(frozen=True, eq=False)
class _Nearest:
    """Of one query: N sightings by ascending distance, and how they were found.

    own [N]: those of the query's own image; camera: the query's, "" where not known; kinds [N]:
    whether they are by it.
    """

    sightings: Sightings
    distances: NDArray[np.float64]
    own: NDArray[np.bool_]
    camera: str
    kinds: NDArray[np.int64]
    exact: bool
    recall: float

    def of(self, rows: NDArray[np.bool_]) -> _Nearest:
        """Some of them."""
        return replace(
            self,
            sightings=self.sightings[rows],
            distances=self.distances[rows],
            own=self.own[rows],
            kinds=self.kinds[rows],
        )


def _camera(query: Query, options: SearchOptions, near: Sightings) -> str:
    """The query's camera: as stated, as known of it, or of its own sighting where it is there."""
    own = near.cameras[np.isin(near.ids, query.hashes)].tolist()
    return options.camera or query.camera or next(iter(own), UNKNOWN)


def _kinds(camera: str, options: SearchOptions, near: Sightings) -> NDArray[np.int64]:
    """Whether each sighting is by the query's camera, as far as that is known."""
    if not camera and options.where.not_cameras:  # the cameras left out are those of the query
        return np.where(near.cameras == UNKNOWN, NOT_KNOWN, OTHER)
    return one_camera(camera, near.cameras, elsewhere=options.elsewhere)


def _without_own(among: Population, own: Sightings) -> Population:
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
    judged: _Nearest,
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
        prior_absent=options.prior_absent,
        recall=judged.recall,
    )
    kind = OTHER
    if believed.candidates:
        nearest = judged.sightings.ids == believed.candidates[0].nearest
        kind = int(judged.kinds[nearest][0])
    rate = options.fpir / max(1, among.sightings)
    decisive = strictest(calibrations_for(calibration, kind) or (calibration,), rate)
    return believed, decide(believed, among, decisive, options.fpir)


def _matches(
    query: Query,
    options: SearchOptions,
    found: _Nearest,
    populations: Populations,
    judge: Judge,
) -> Matches:
    calibration = judge.calibration
    nearest = found.of(~found.own)
    near, distances = nearest.sightings, nearest.distances
    refused = _no_reranking(populations.under(options.where).population) if options.rerank else ""
    reranked = None
    if options.rerank and not refused and len(near) > 1:
        reranked = _reranked(query, near)
    order = np.arange(len(near)) if reranked is None else np.argsort(reranked, kind="stable")
    counted = populations.under(options.where)
    llrs = np.full(len(near), np.nan)
    believed, decision = None, None
    notes = [*judge.notes]
    if calibration is not None:
        llrs = pair_llrs(calibration, distances, nearest.kinds)
        unjudged = np.isnan(llrs)
        if unjudged.any():
            notes.append(
                _unjudged_note(nearest.kinds[unjudged], options, whole=bool(unjudged.all()))
            )
        if not len(near) or not unjudged.all():
            # Those by the query's own camera are nobody who can be meant where they have no LR.
            judges_own = calibrations_for(calibration, SAME) or options.elsewhere
            left_out = [] if judges_own or not nearest.camera else [nearest.camera]
            where = replace(options.where, not_cameras=(*options.where.not_cameras, *left_out))
            own = found.sightings[found.own & ~np.isin(found.sightings.cameras, left_out)]
            among = _without_own(populations.under(where).population, own)
            believed, decision = _believed(nearest.of(~unjudged), options, among, calibration)
    if refused:
        notes.append(refused)
    if found.own.any():
        notes.append(f"{found.own.sum()} sightings are the query's own image and were left out")
    if reranked is not None:
        notes.append(
            f"the order is that of re-ranking within the {len(near)} nearest; probabilities are of "
            "the distances as measured"
        )
    if counted.timeless:
        notes.append(
            f"{counted.timeless:,} sightings without a time were passed over by the filter on time"
        )
    return Matches(
        query=query.name,
        images=query.images,
        files=query.files,
        matches=tuple(
            _match(
                near[rows],
                rank,
                distance=float(distances[rows[0]]),
                reranked=None if reranked is None else float(reranked[rows[0]]),
                llr=None if np.isnan(llrs[rows[0]]) else float(llrs[rows[0]]),
                llr_interval=None
                if calibration is None
                else pair_interval(
                    calibration, float(distances[rows[0]]), int(nearest.kinds[rows[0]])
                ),
            )
            for rank, rows in enumerate(_by_passage(near, order)[: options.k], 1)
        ),
        searched=_without_own(counted.population, found.sightings[found.own]).sightings,
        timeless=counted.timeless,
        exact=nearest.exact,
        posterior=believed,
        decision=decision,
        notes=tuple(notes),
        hashes=query.hashes,
    )


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


def _by_passage(near: Sightings, order: NDArray[np.int64]) -> list[list[int]]:
    """The rows of each passage in an order, passages in the order of their first ones."""
    rows: dict[int, list[int]] = {}
    numbers = tracklet_numbers(near).tolist()
    for row in order.tolist():
        rows.setdefault(numbers[row], []).append(row)
    return [*rows.values()]


def _match(
    passage: Sightings,
    rank: int,
    *,
    distance: float,
    reranked: float | None,
    llr: float | None,
    llr_interval: Interval | None,
) -> Match:
    """Of the sightings of a passage, the nearest first."""
    quality = float(passage.qualities[0])
    times = passage.times[~np.isnat(passage.times)]
    return Match(
        rank=rank,
        sighting=str(passage.ids[0]),
        distance=distance,
        reranked=reranked,
        llr=llr,
        llr_interval=llr_interval,
        person=str(passage.persons[0]),
        camera=str(passage.cameras[0]),
        source=str(passage.sources[0]),
        time=time_of(passage.times[0]),
        frame=int(passage.frames[0]),
        tracklet=int(passage.tracklets[0]),
        quality=None if np.isnan(quality) else quality,
        image=str(passage.images[0]),
        sightings=len(passage),
        first=time_of(times.min()) if len(times) else None,
        last=time_of(times.max()) if len(times) else None,
    )


def _no_reranking(among: Population) -> str:
    """Why the nearest are not re-ranked; "" where they may be, or persons are not known."""
    images = sum(among.persons.values()) / max(len(among.persons), 1)
    if not among.persons or images >= FEWEST_TO_RERANK:
        return ""
    return (
        f"not re-ranked: known persons have {images:.1f} sightings on average, and with fewer than "
        f"{FEWEST_TO_RERANK:g} it costs 4 to 15 points of rank-1 (its constants are for more)"
    )


def _reranked(query: Query, near: Sightings) -> NDArray[np.float32]:
    """Distances [N] by k-reciprocal encoding among the query and its N nearest alone.

    Neighbours beyond them take no part, which is what makes it affordable.
    """
    nobody = np.zeros(len(near), np.int64)
    asked = Embeddings(query.vector[None], [0])
    return rerank(asked, Embeddings(near.vectors, nobody)).block(slice(0, 1))[0]


def _with_thumbnails(store: Store, found: Matches) -> Matches:
    kept = thumbnails_of(store, [match.sighting for match in found])
    matches = tuple(replace(match, thumbnail=kept.get(match.sighting, b"")) for match in found)
    return replace(found, matches=matches)


def thumbnails_of(store: Store, ids: Sequence[str]) -> dict[str, bytes]:
    """The thumbnails that a store keeps of sightings, by id."""
    kept: dict[str, bytes] = {}
    for start in range(0, len(ids), 1000):
        where = Where(ids=tuple(ids[start : start + 1000]))
        for part in store.read(where, with_vectors=False, with_thumbnails=True):
            kept |= {
                i: jpeg for i, jpeg in zip(part.ids.tolist(), part.thumbnails, strict=True) if jpeg
            }
    return kept
