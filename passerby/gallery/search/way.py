"""The way from a query to what was found: what the times between say, beside looks.

A query is at one place and moment: those that are stated, or of its own sighting where the gallery
has it. What transit times say of it and another sighting (`gallery.paths.transits`) is learnt
without the person of that one.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from passerby.evaluation.decisions.calibration import Calibration
from passerby.gallery.link.linking import link
from passerby.gallery.paths.gallery_transits import Moments, Transits, transits_of
from passerby.gallery.paths.transits import FOLDS
from passerby.gallery.search.judging import Found
from passerby.gallery.search.options import SearchOptions
from passerby.stores import Store
from passerby.tables.filters import Where
from passerby.tables.times import moment

_GROWN = 0.1  # of the sightings, from which on a gallery is linked anew


@dataclass(frozen=True)
class Learnt:
    """transits: None where nothing is known; said: what to know of them."""

    transits: Transits | None
    said: str


class TransitsOf:
    """Transit times of a store, learnt by linking all of it, and kept until it has grown or
    anything was removed. pooling: how its vectors were made, adaptation included."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.pooling = store.about.pooling
        self._count = -1
        self._learnt = Learnt(None, "")

    def now(self) -> Learnt:
        """What was learnt."""
        count = self._store.count()
        if not self._count <= count <= (1 + _GROWN) * self._count:
            self._learnt, self._count = self._anew(), count
        return self._learnt

    def _anew(self) -> Learnt:
        try:
            found = transits_of(link(self._store))
        except ValueError as error:  # empty, or neither calibrated nor large enough
            return Learnt(None, f"transit times do not count: {error}")
        return Learnt(found if found.transits else None, found.said)


def with_way(
    store: Store,
    found: Found,
    options: SearchOptions,
    learnt: Learnt,
    calibration: Calibration | None,
) -> Found:
    """What was found of a query, with what times say of it, and a note. calibration: of looks."""
    if calibration is None:
        return replace(found, way_note="transit times do not count: looks have no likelihood ratio")
    if learnt.transits is None:
        return replace(found, way_note=learnt.said)
    asked = _asked(store, found, options, learnt.transits)
    if asked is None:
        note = (
            "transit times do not count: it is not said which camera took the query, and when "
            "(--query-camera NAME, --query-time TIME)"
        )
        return replace(found, way_note=note)
    if asked.camera[0] < 0:
        return replace(found, way_note="transit times say nothing of the query's camera")
    llrs = learnt.transits.llrs(asked, learnt.transits.moments_of(found.sightings))
    return replace(found, way=llrs, highest_way=learnt.transits.highest, way_note=learnt.said)


def _asked(
    store: Store, found: Found, options: SearchOptions, transits: Transits
) -> Moments | None:
    """Where and when the query was; None where either is not known."""
    if options.time is None and found.own.any():
        own = transits.moments_of(found.sightings[found.own])[np.array([0])]
        return None if np.isnan(own.first[0]) else own
    sources = [*store.groups("source", Where(cameras=(found.camera,)))] if found.camera else []
    if options.time is None or len(sources) != 1:
        return None
    second = np.array([moment(options.time).astype(np.int64) / 1e6])
    camera = transits.camera_of(f"{sources[0]}/{found.camera}")
    return Moments(np.array([camera]), second, second, np.array([FOLDS]))


def joint_order(
    llrs: NDArray[np.float64], way: NDArray[np.float64], distances: NDArray[np.float64]
) -> NDArray[np.int64]:
    """N sightings by both ratios, the likeliest first; those of unknown looks last, the nearest
    first."""
    joint = np.where(np.isnan(llrs), -np.inf, llrs + way)
    return np.lexsort((distances, -joint))
