"""Searching a gallery: from a query and a filter to matches, and who it is or nobody."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from passerby.evaluation.bootstrap import Interval
from passerby.evaluation.decisions.calibration import Calibration
from passerby.gallery.adapted import corrects_hubs
from passerby.gallery.own_distances import OwnDistances, OwnDistancesOf
from passerby.gallery.pair_evidence import (
    NONE,
    NOT_KNOWN,
    OTHER,
    camera_names,
    camera_pairs,
    one_camera,
    pair_interval,
)
from passerby.gallery.search.judging import (
    Found,
    Judged,
    judged_by_calibration,
    judged_by_own_distances,
    not_judged,
    without_own,
)
from passerby.gallery.search.matches import Match, Matches, Shown
from passerby.gallery.search.options import SearchOptions
from passerby.gallery.search.ordering import Order, in_order
from passerby.gallery.search.population import Counted, Populations
from passerby.gallery.search.querying import Query
from passerby.gallery.search.way import TransitsOf, joint_order, with_way
from passerby.gallery.stored_calibrations import Judge, judge_of
from passerby.gallery.text_tables import time_of
from passerby.gallery.tracklets import tracklet_numbers
from passerby.process.spelling import count_of
from passerby.stores import Hits, Store
from passerby.tables.filters import Where
from passerby.tables.looks import MOST_PICTURES, Looks, distances_to_looks
from passerby.tables.sightings import UNKNOWN, Sightings, ends

DEPTH = 200
"""Sightings that are compared for the posterior, and re-ranked, where fewer are asked for."""

_DEEPEST = 10_000  # sightings that are compared to find k passages

_STRIPS = 200  # passages whose pictures are read at once

_OWN = (
    "sighting is the query's own image and was left out",
    "sightings are the query's own image and were left out",
)

_TOGETHER = 64  # queries in one request to the engine


DEFAULTS = SearchOptions()


def search(
    store: Store,
    queries: Sequence[Query],
    options: SearchOptions = DEFAULTS,
    populations: Populations | None = None,
    learnt: OwnDistancesOf | None = None,
    *,
    transits: TransitsOf | None = None,
) -> tuple[Matches, ...]:
    """Search for each of the queries. Raises ValueError for a damaged calibration.

    populations, learnt, transits: of the store, where several searches share what is counted and
    learnt.

    Sightings that are the query's own image are left out: that a picture equals itself is no
    evidence.
    """
    counts = populations or Populations(store)
    numbers = {query.images for query in queries}
    judges = {images: judge_of(store.about, images, counts.cameras) for images in numbers}
    own = None
    if any(judge.calibration is None for judge in judges.values()) and 1 in judges:
        own = (learnt or OwnDistancesOf()).now(store)
    times = (transits or TransitsOf(store)).now() if options.transits else None
    recall = store.recall()
    vectors = own is not None or options.rerank or corrects_hubs(store)
    found = []
    passages: set[str] = set()
    for start in range(0, len(queries), _TOGETHER):
        part = queries[start : start + _TOGETHER]
        hits = _hits(store, part, options, max(options.k, DEPTH), vectors)
        for number, query in enumerate(part):
            near, distances = hits.of(number)
            depth = max(options.k, DEPTH)
            # Where few passages have many sightings each, the others lie further away.
            while len(near) >= depth and depth < _DEEPEST and _passages(near) < options.k:
                depth *= 4
                near, distances = _hits(store, [query], options, depth, vectors).of(0)
            near, distances, reach = _by_mean_distance(near, distances)
            passages.update(near.ids[~np.isnan(near.coherences)].tolist())
            camera = _camera(query, options, near)
            kinds = _kinds(camera, options, near)
            nearest = Found(
                near,
                distances,
                own=np.isin(near.ids, query.hashes),
                camera=camera,
                kinds=kinds,
                pairs=_pairs(store, judges[query.images].calibration, camera, near, kinds),
                exact=hits.exact,
                recall=1.0 if hits.exact or recall is None else recall,
                way=np.zeros(len(near)),
                reach=reach,
            )
            judge = Judge(None, query.doubts) if query.doubts else judges[query.images]
            if times is not None:
                nearest = with_way(store, nearest, options, times, judge.calibration)
            judged = _judged(query, options, nearest, counts, (judge, own))
            counted = counts.under(options.where)
            order = in_order(store, query, options, nearest.of(~nearest.own), counted)
            found.append(_matches(query, options.k, nearest, (judged, order), counted))
    if options.thumbnails:
        found = [_with_thumbnails(store, one) for one in found]
    return tuple(_with_clips(store, one, passages, options.thumbnails) for one in found)


def _hits(
    store: Store,
    queries: Sequence[Query],
    options: SearchOptions,
    depth: int,
    with_vectors: bool,
) -> Hits:
    return store.search(
        np.stack([query.vector for query in queries]),
        depth + max(len(query.hashes) for query in queries),
        options.where,
        exact=options.exact,
        with_vectors=with_vectors,
    )


def _by_mean_distance(
    near: Sightings, distances: NDArray[np.float64]
) -> tuple[Sightings, NDArray[np.float64], float | None]:
    """Sightings by the mean distance to the looks that they were pooled from, which is on the scale
    of single images, as calibrations are; and which distance all others have at least.

    A mean distance is never below that to the pooled vector while this is below 1: what the engine
    left out is beyond the last of what it found.
    """
    if np.isnan(near.coherences).all():
        return near, distances, None
    reach = min(1.0, float(distances[-1]))
    means = distances_to_looks(distances, near.coherences)
    order = np.argsort(means, kind="stable")
    return near[order], means[order], reach


def _passages(near: Sightings) -> int:
    return len(np.unique(tracklet_numbers(near)))


def _camera(query: Query, options: SearchOptions, near: Sightings) -> str:
    """The query's camera: as stated, as known of it, or of its own sighting where it is there."""
    own = near.cameras[np.isin(near.ids, query.hashes)].tolist()
    return options.camera or query.camera or next(iter(own), UNKNOWN)


def _kinds(camera: str, options: SearchOptions, near: Sightings) -> NDArray[np.int64]:
    """Whether each sighting is by the query's camera, as far as that is known."""
    if not camera and options.where.not_cameras:  # the cameras left out are those of the query
        return np.where(near.cameras == UNKNOWN, NOT_KNOWN, OTHER)
    return one_camera(camera, near.cameras, elsewhere=options.elsewhere)


def _pairs(
    store: Store,
    calibration: Calibration | None,
    camera: str,
    near: Sightings,
    kinds: NDArray[np.int64],
) -> NDArray[np.int64]:
    """Which calibration of two cameras alone holds for each sighting, as far as it is known by
    which camera the query is: not where two sources have one of the name."""
    judges = () if calibration is None else (calibration, calibration.within)
    if not camera or calibration is None or not any(one and one.between for one in judges):
        return np.full(len(near), NONE)
    sources = [*store.groups("source", Where(cameras=(camera,)))]
    if len(sources) != 1:
        return np.full(len(near), NONE)
    return camera_pairs(calibration, f"{sources[0]}/{camera}", camera_names(near), kinds)


def _judged(
    query: Query,
    options: SearchOptions,
    found: Found,
    populations: Populations,
    by: tuple[Judge, OwnDistances | None],
) -> Judged:
    """By the calibration, else by what was learnt of the gallery, else by nothing."""
    judge, learnt = by
    if judge.calibration is not None:
        judged = judged_by_calibration(found, options, populations, judge.calibration)
    elif learnt is not None and query.images == 1 and not query.doubts:
        judged = judged_by_own_distances(found, query.vector, options, populations, learnt)
    else:
        judged = not_judged(int(np.sum(~found.own)))
    return replace(judged, notes=(*judge.notes, *judged.notes))


def _matches(
    query: Query, k: int, found: Found, by: tuple[Judged, Order], counted: Counted
) -> Matches:
    judged, in_order = by
    nearest = found.of(~found.own)
    near, distances, reranked = nearest.sightings, nearest.distances, in_order.reranked
    order = np.arange(len(near))
    if reranked is not None:
        order = np.argsort(reranked, kind="stable")
    elif nearest.way.any():
        order = joint_order(judged.llrs, nearest.way, distances)
    notes = [*judged.notes, *in_order.notes, *filter(None, [found.way_note])]
    if found.own.any():
        notes.append(count_of(int(found.own.sum()), *_OWN))
    if counted.timeless:
        notes.append(
            f"{count_of(counted.timeless, 'sighting has', 'sightings have')} no time, and the "
            "filter on time passed over them"
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
                llr=_known(judged.llrs[rows[0]]),
                llr_interval=None
                if judged.calibration is None
                else pair_interval(
                    judged.calibration,
                    float(distances[rows[0]]),
                    int(nearest.kinds[rows[0]]),
                    int(nearest.pairs[rows[0]]),
                ),
                transit_llr=_known(nearest.way[rows[0]] or math.nan),
                false_match_rate=_known(judged.rates[rows[0]]),
            )
            for rank, rows in enumerate(_by_passage(near, order)[:k], 1)
        ),
        searched=without_own(counted.population, found.sightings[found.own]).sightings,
        timeless=counted.timeless,
        exact=nearest.exact,
        posterior=judged.posterior,
        decision=judged.decision,
        notes=tuple(notes),
        hashes=query.hashes,
    )


def _by_passage(near: Sightings, order: NDArray[np.int64]) -> list[list[int]]:
    """The rows of each passage in an order, passages in the order of their first ones."""
    rows: dict[int, list[int]] = {}
    numbers = tracklet_numbers(near).tolist()
    for row in order.tolist():
        rows.setdefault(numbers[row], []).append(row)
    return [*rows.values()]


def _known(value: float) -> float | None:
    return None if np.isnan(value) else float(value)


def _match(
    passage: Sightings,
    rank: int,
    *,
    distance: float,
    reranked: float | None,
    llr: float | None,
    llr_interval: Interval | None,
    transit_llr: float | None,
    false_match_rate: float | None,
) -> Match:
    """Of the sightings of a passage, the nearest first."""
    quality = float(passage.qualities[0])
    times = passage.times[~np.isnat(passage.times)]
    last = ends(passage)[~np.isnat(passage.times)]
    return Match(
        rank=rank,
        sighting=str(passage.ids[0]),
        distance=distance,
        reranked=reranked,
        llr=llr,
        llr_interval=llr_interval,
        transit_llr=transit_llr,
        false_match_rate=false_match_rate,
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
        last=time_of(last.max()) if len(last) else None,
    )


def _with_thumbnails(store: Store, found: Matches) -> Matches:
    kept = thumbnails_of(store, [match.sighting for match in found])
    matches = tuple(replace(match, thumbnail=kept.get(match.sighting, b"")) for match in found)
    return replace(found, matches=matches)


def _with_clips(store: Store, found: Matches, passages: set[str], pictures: bool) -> Matches:
    """With the seconds of the video and the pictures of passages; read only where there are any."""
    kept = strips_of(store, [m.sighting for m in found if m.sighting in passages], pictures)
    matches = [
        replace(match, seconds=kept[match.sighting][0], pictures=kept[match.sighting][1])
        if match.sighting in kept
        else match
        for match in found
    ]
    return replace(found, matches=tuple(matches))


def strips_of(
    store: Store, ids: Sequence[str], pictures: bool = True
) -> dict[str, tuple[tuple[float, float], tuple[Shown, ...]]]:
    """Of sightings that are whole passages, by id: the seconds of their video, and their pictures;
    without ``pictures`` only where these were."""
    kept = {}
    for start in range(0, len(ids), _STRIPS):
        where = Where(ids=tuple(ids[start : start + _STRIPS]))
        for part in store.read(where, with_vectors=not pictures, with_thumbnails=pictures):
            for name, looks, jpegs in zip(
                part.ids.tolist(), part.looks, part.pictures, strict=True
            ):
                if looks is not None:
                    kept[name] = looks.span, shown_of(looks, jpegs)
    return kept


def shown_of(looks: Looks, jpegs: Sequence[bytes]) -> tuple[Shown, ...]:
    """The pictures of a passage, and where in the video each is; without JPEGs only where."""
    some = looks.pictured(len(jpegs) or MOST_PICTURES)
    kept = jpegs or [b""] * len(some)
    return tuple(
        Shown(second, frame, time_of(time), (left, top, right, bottom), jpeg)
        for second, frame, time, (left, top, right, bottom), jpeg in zip(
            some.seconds.tolist(), some.frames.tolist(), some.times, some.boxes.tolist(), kept,
            strict=True,
        )
    )  # fmt: skip


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
