"""Stays: who was before which camera from when to when; a tracklet, or a sighting by itself."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from passerby.gallery.link.passages import Passages, places_of
from passerby.tables.sightings import UNKNOWN, Sightings, ends


@dataclass(frozen=True, eq=False)
class PlacedStays:
    """S stays with a time and a camera, by when they began.

    passage [S]: whose; first, last [S]: in microseconds since 1970, UTC; place [S]: of `places_of`;
    row [S]: of one of its sightings; tracked [S]: whether a tracker followed it.
    """

    passage: NDArray[np.int64]
    first: NDArray[np.int64]
    last: NDArray[np.int64]
    place: NDArray[np.int64]
    row: NDArray[np.int64]
    tracked: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.passage)


def placed_stays(sightings: Sightings, passages: Passages) -> PlacedStays:
    """Of the passages of N sightings; those without a time or a camera are nowhere."""
    known = np.flatnonzero(~np.isnat(sightings.times) & (sightings.cameras != UNKNOWN))
    rows, of = np.unique(passages.tracklets[known], return_index=True, return_inverse=True)[1:]
    times = sightings.times[known].astype("datetime64[us]").astype(np.int64)
    until = ends(sightings)[known].astype("datetime64[us]").astype(np.int64)
    first = np.full(len(rows), np.iinfo(np.int64).max)
    last = np.full(len(rows), np.iinfo(np.int64).min)
    np.minimum.at(first, of.reshape(-1), times)
    np.maximum.at(last, of.reshape(-1), until)
    order = np.argsort(first, kind="stable")
    shown = known[rows][order]
    return PlacedStays(
        passages.of[shown],
        first[order],
        last[order],
        places_of(sightings)[shown],
        shown,
        sightings.tracklets[shown] >= 0,
    )
