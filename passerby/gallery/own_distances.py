"""What the distances within a gallery show of it, without a label: false-match rates.

A sample of its sightings is compared with itself, after each camera's mean is taken away, pairs by
one camera and by two apart, and each camera and each two for themselves where there are enough.
Sightings of one tracklet and of one known person do not count. Nothing is written: what was learnt
lives as long as the process, and is learnt anew when the gallery has changed by a tenth.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from passerby.adaptation.camera_means import CameraMeans, camera_means
from passerby.evaluation.decisions.unlabelled import (
    FEWEST_PAIRS,
    UnlabelledDistances,
    unlabelled_distances,
)
from passerby.gallery.pair_evidence import NOT_KNOWN, OTHER, SAME
from passerby.gallery.tracklets import tracklet_numbers
from passerby.process.spelling import count_of
from passerby.stores import Store
from passerby.tables.keys import numbered
from passerby.tables.sightings import UNKNOWN, Sightings, by_look, by_middle_look
from passerby.tables.unit_length import unit

SAMPLE = 2_000
"""Sightings that are compared with each other: two million pairs."""

_OF_TWO_CAMERAS = 20_000  # pairs, to look at two cameras by themselves
_CHANGED = 0.1  # of the sightings, from which on it is learnt anew

Place = tuple[str, str]
"""Source and camera."""


@dataclass(frozen=True, eq=False)
class OwnDistances:
    """What was learnt of a gallery. means: of its cameras, taken away before distances are
    measured; across, within: of pairs by two cameras and by one, None where there were too few;
    between: of two cameras alone (the lesser first; twice the one for pairs within it), where there
    were enough."""

    means: CameraMeans
    across: UnlabelledDistances | None
    within: UnlabelledDistances | None
    between: Mapping[tuple[Place, Place], UnlabelledDistances]

    def false_match_rates(
        self, query: NDArray[np.float32], camera: str, near: Sightings, kinds: NDArray[np.int64]
    ) -> NDArray[np.float64]:
        """The share of pairs of two persons that are as near, for a query [D] by a camera ("" where
        not known) and N sightings with vectors; NaN where it cannot be said.

        kinds [N]: whether they are by its camera (`pair_evidence`); where that is not known, the
        greater of both rates counts.
        """
        place = self._place_of(camera)
        asked = unit(query[None]) - self.means.of(*_texts([place]))
        looks, of = by_look(near)  # to a passage the mean distance
        shown = self.means.removed(looks.vectors, looks.sources, looks.cameras)
        each = np.maximum(1 - unit(shown) @ unit(asked)[0], 0).astype(np.float64)
        distances = np.bincount(of, each, len(near)) / np.maximum(np.bincount(of), 1)
        rates = np.full(len(near), np.nan)
        groups = numbered(kinds, near.sources, near.cameras)
        for first in np.unique(groups, return_index=True)[1].tolist():
            other = (str(near.sources[first]), str(near.cameras[first]))
            known = self._of_pair(int(kinds[first]), place, other)
            if known:
                rows = groups == groups[first]
                both = [one.false_match_rates(distances[rows]) for one in known]
                rates[rows] = np.max(both, axis=0)
        return rates

    def __str__(self) -> str:
        kinds = (("two cameras", self.across), ("one camera", self.within))
        of = " and ".join(f"by {name}" for name, learnt in kinds if learnt is not None)
        alone = sum(one != other for one, other in self.between)
        return (
            f"of pairs {of}; {count_of(alone, 'pair')} of cameras and "
            f"{count_of(len(self.between) - alone, 'camera')} have rates of their own"
        )

    def _of_pair(self, kind: int, one: Place, other: Place) -> list[UnlabelledDistances]:
        """What holds for pairs of a kind by two places; nothing where something lacks."""
        low, high = sorted((one, other))
        of_kind = self.within if kind == SAME else self.across
        alone = self.between.get((low, high), of_kind)
        wanted = {SAME: [alone], OTHER: [alone], NOT_KNOWN: [self.across, self.within]}
        found = [learnt for learnt in wanted[kind] if learnt is not None]
        return found if len(found) == len(wanted[kind]) else []

    def _place_of(self, camera: str) -> Place:
        """The place of a camera; of no known source where several have one of the name."""
        named = [place for place in self.means.cameras if place[1] == camera]
        return named[0] if len(named) == 1 else ("", UNKNOWN)


class OwnDistancesOf:
    """What is learnt of one gallery, kept until it has changed by a tenth, or is seen otherwise
    than before (`gallery.adapted`). Threads that have it open for themselves may share one."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._seen = ("", False)  # pooling, adaptation included; whether some are no persons
        self._count = -1
        self._learnt: OwnDistances | None = None

    def now(self, store: Store) -> OwnDistances | None:
        """What was learnt; None where there are too few sightings. store: the caller's own."""
        with self._lock:  # the others need what is being learnt
            seen = store.about.pooling, bool(store.about.not_persons)
            count = store.count()
            if seen != self._seen or abs(count - self._count) > _CHANGED * self._count:
                self._learnt = own_distances(sample_of(store))
                self._seen, self._count = seen, count
            return self._learnt


def sample_of(store: Store, most: int = SAMPLE, seed: int = 0) -> Sightings:
    """Up to so many sightings of a store with their vectors, each with the same chance; of passages
    the middle look, for distances of single images."""
    random = np.random.default_rng([seed, 10])
    kept: Sightings | None = None
    lots = np.empty(0)
    for part in store.read():
        kept = part if kept is None else Sightings.joined([kept, part])
        lots = np.concatenate([lots, random.random(len(part))])
        chosen = np.sort(np.argsort(lots, kind="stable")[:most])
        kept, lots = by_middle_look(kept[chosen]), lots[chosen]
    if kept is None:
        return Sightings([], np.empty((0, store.about.dimensions), np.float32))
    return kept


def own_distances(sightings: Sightings) -> OwnDistances | None:
    """Learn of N sightings with vectors; None where there are too few pairs of either kind."""
    if len(sightings) < 2:
        return None
    means = camera_means(sightings.vectors, sightings.sources, sightings.cameras)
    vectors = unit(means.removed(sightings.vectors, sightings.sources, sightings.cameras))
    one, other = np.triu_indices(len(sightings), 1)
    counted = ~_known_the_same(sightings, one, other)
    one, other = one[counted], other[counted]
    distances = np.maximum(1 - vectors @ vectors.T, 0)[one, other]
    places = numbered(sightings.sources, sightings.cameras)
    places = np.where(sightings.cameras == UNKNOWN, -1, places)
    a, b = places[one], places[other]
    known = (a >= 0) & (b >= 0)
    across = known & (a != b)
    of_all, of_one = _learnt(distances[across]), _learnt(distances[known & (a == b)])
    if of_all is None and of_one is None:
        return None
    count = int(places.max()) + 1
    pairs = (np.minimum(a, b) * count + np.maximum(a, b))[known]
    firsts = {int(place): row for row, place in enumerate(places.tolist())}
    names = {
        place: (str(sightings.sources[row]), str(sightings.cameras[row]))
        for place, row in firsts.items()
    }
    between = {}
    numbers, counts = np.unique(pairs, return_counts=True)
    for number in numbers[counts >= _OF_TWO_CAMERAS].tolist():
        low, high = sorted((names[number // count], names[number % count]))
        found = _learnt(distances[known][pairs == number])
        if found is not None:
            between[low, high] = found
    return OwnDistances(means, of_all, of_one, between)


def _known_the_same(
    sightings: Sightings, one: NDArray[np.int64], other: NDArray[np.int64]
) -> NDArray[np.bool_]:
    """Which pairs are of one tracklet, or of one named person."""
    tracklets = tracklet_numbers(sightings)
    persons = sightings.persons
    named = (persons[one] == persons[other]) & (persons[one] != UNKNOWN)
    return named | (tracklets[one] == tracklets[other])


def _learnt(distances: NDArray[np.float32]) -> UnlabelledDistances | None:
    if len(distances) < FEWEST_PAIRS:
        return None
    try:
        return unlabelled_distances(distances)
    except ValueError:  # copies of one image
        return None


def _texts(places: list[Place]) -> tuple[NDArray[np.str_], NDArray[np.str_]]:
    sources, cameras = zip(*places, strict=True)
    return np.array(sources, np.str_), np.array(cameras, np.str_)
