"""Which pairs of a gallery to ask about: those whose answers shorten the ratios' intervals most."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from passerby.evaluation.decisions.judged.choosing import telling_distances
from passerby.evaluation.decisions.judged.line import PriorLine, fit_answered
from passerby.evaluation.decisions.pairs import PairKind
from passerby.gallery.link.passages import places_of
from passerby.gallery.reviewed_pairs import ReviewedPairs, reviewed_pairs, sightings_of
from passerby.gallery.stored_calibrations import calibration_of
from passerby.gallery.text_tables import time_of
from passerby.gallery.tracklets import tracklet_numbers
from passerby.stores import Store
from passerby.stores.about import About
from passerby.tables.sightings import UNKNOWN, Sightings, without_thumbnails

MOST_STAYS = 2000
"""Tracklets, each by one sighting, among which pairs are looked for: two million pairs."""

_NEAR = 5  # pairs nearest to a distance, of which one is asked about


@dataclass(frozen=True)
class Picture:
    """A sighting to be looked at; time None, camera and image "" where not known."""

    sighting: str
    camera: str
    time: datetime | None
    image: str

    @classmethod
    def of(cls, sightings: Sightings, row: int) -> Picture:
        """Of a row of some sightings."""
        return cls(
            str(sightings.ids[row]),
            str(sightings.cameras[row]),
            time_of(sightings.times[row]),
            str(sightings.images[row]),
        )


@dataclass(frozen=True)
class Question:
    """Are these of one person? distance: cosine; probability: that they are, as known so far."""

    first: Picture
    second: Picture
    distance: float
    probability: float


@dataclass(frozen=True, eq=False)
class Askable:
    """Pairs that could be asked about: first and second [P], rows of ``sightings``, distances [P].

    kind: by two cameras or by one; "any cameras" in a gallery without cameras. All are of different
    tracklets.
    """

    sightings: Sightings
    first: NDArray[np.int64]
    second: NDArray[np.int64]
    distances: NDArray[np.float64]
    kind: PairKind


def askable(store: Store, *, one_camera: bool = False, seed: int = 0) -> Askable:
    """The pairs of a gallery, of some tracklets drawn by seed where there are many.

    one_camera: pairs by one camera in place of those by two. Raises ValueError where there is none.
    """
    sightings = _of_stays(store, seed)
    known = sightings.cameras != UNKNOWN
    kind: PairKind = "within a camera" if one_camera else "across cameras"
    if not known.any():
        kind = "any cameras"
    first, second = np.triu_indices(len(sightings), 1)
    if kind != "any cameras":
        places = places_of(sightings)
        right = (places[first] == places[second]) == one_camera
        right &= known[first] & known[second]
        first, second = first[right], second[right]
    if len(first) == 0:
        raise ValueError(
            f"the gallery has no two tracklets whose pairs are {kind}: there is nothing to ask"
        )
    cosines = sightings.vectors @ sightings.vectors.T
    distances = np.maximum(1 - cosines[first, second].astype(np.float64), 0)
    return Askable(sightings, first, second, distances, kind)


def questions(store: Store, count: int = 10, *, one_camera: bool = False) -> tuple[Question, ...]:
    """The next questions, no sighting twice among them and no pair that was asked before.

    Pairs of which both persons are known are not asked about. Raises ValueError as `askable`, and
    where all pairs were asked about.
    """
    reviewed = reviewed_pairs(store)
    pairs = askable(store, one_camera=one_camera, seed=len(reviewed))
    prior = prior_line(store.about, pairs.distances)
    distances, same = asked_distances(reviewed, pairs.kind)
    fit = fit_answered(distances, same, prior, pairs.distances)
    random = np.random.default_rng([len(store.about.answers), 15])
    free = _unasked(store.about, pairs)
    chosen: list[int] = []
    for distance in telling_distances(fit, pairs.distances, count, len(store.about.answers)):
        open_ = np.flatnonzero(free)
        if len(open_) == 0:
            break
        near = np.argsort(np.abs(pairs.distances[open_] - distance), kind="stable")[:_NEAR]
        row = int(random.choice(open_[near]))
        chosen.append(row)
        for end in (pairs.first[row], pairs.second[row]):
            free &= (pairs.first != end) & (pairs.second != end)
    if not chosen:
        raise ValueError("all pairs of the gallery that could be asked about were asked about")
    chances = fit.probability(pairs.distances[chosen]).tolist()
    return tuple(
        Question(
            Picture.of(pairs.sightings, int(pairs.first[row])),
            Picture.of(pairs.sightings, int(pairs.second[row])),
            float(pairs.distances[row]),
            chance,
        )
        for row, chance in zip(chosen, chances, strict=True)
    )


def prior_line(about: About, distances: NDArray[np.float64]) -> PriorLine:
    """The line of the calibration that came with the model, or a rough one of the distances."""
    brought = calibration_of(about, "single", brought=True)
    return PriorLine.of_distances(distances) if brought is None else PriorLine.of(brought.curve)


def asked_distances(
    reviewed: ReviewedPairs, kind: PairKind, *, labelled: bool = False
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Distances and answers of the reviewed pairs of a kind that were asked about by distance, or
    labelled whatever it was."""
    rows = of_kind(reviewed, kind) & (reviewed.labelled == labelled)
    cosines = (reviewed.first.vectors[rows] * reviewed.second.vectors[rows]).sum(1)
    return np.maximum(1 - cosines.astype(np.float64), 0), reviewed.same[rows]


def of_kind(reviewed: ReviewedPairs, kind: PairKind) -> NDArray[np.bool_]:
    """Which pairs [P] are by two cameras, or by one; all for "any cameras"."""
    one, other = reviewed.first, reviewed.second
    if kind == "any cameras":
        return np.ones(len(reviewed), bool)
    known = (one.cameras != UNKNOWN) & (other.cameras != UNKNOWN)
    alike = (one.cameras == other.cameras) & (one.sources == other.sources)
    return known & (alike == (kind == "within a camera"))


def _of_stays(store: Store, seed: int) -> Sightings:
    """A sighting of each of some tracklets."""
    parts = [*store.read(with_vectors=False)]
    if not parts:
        raise ValueError("the gallery is empty: there is nothing to ask")
    joined = without_thumbnails(Sightings.joined(parts))
    known = joined[np.argsort(joined.ids, kind="stable")]  # engines return them in any order
    random = np.random.default_rng([seed, 16])
    shuffled = random.permutation(len(known))
    stays = tracklet_numbers(known)[shuffled]
    rows = shuffled[np.sort(np.unique(stays, return_index=True)[1])][:MOST_STAYS]
    return sightings_of(store, known.ids[np.sort(rows)].tolist())


def _unasked(about: About, pairs: Askable) -> NDArray[np.bool_]:
    """Which pairs [P] were not asked about, and have no answer in the names of their persons."""
    ids, persons = pairs.sightings.ids, pairs.sightings.persons
    named = persons != UNKNOWN
    free = ~(named[pairs.first] & named[pairs.second])
    before = {(each.first, each.second) for each in about.answers}
    if before:
        rows = {name: row for row, name in enumerate(ids.tolist())}
        both = [(rows[a], rows[b]) for a, b in before if a in rows and b in rows]
        asked = {tuple(sorted(pair)) for pair in both}
        ends = np.array(sorted(asked), np.int64).reshape(-1, 2)
        key = pairs.first * len(ids) + pairs.second
        free &= ~np.isin(key, ends[:, 0] * len(ids) + ends[:, 1])
    return free
