"""Stays: who was before which camera from when to when; a tracklet, or a sighting by itself."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from passerby.gallery.link.passages import places_of
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

    def of(self, kept: NDArray[np.bool_]) -> PlacedStays:
        """Some of them."""
        return PlacedStays(*(getattr(self, field.name)[kept] for field in fields(self)))


def placed_stays(
    sightings: Sightings, tracklets: NDArray[np.int64], of: NDArray[np.int64]
) -> PlacedStays:
    """Of N sightings; those without a time or a camera are nowhere.

    tracklets [N]: a number for each stay; of [N]: whose it is, as a number of passages or persons.
    """
    known = np.flatnonzero(~np.isnat(sightings.times) & (sightings.cameras != UNKNOWN))
    rows, stay = np.unique(tracklets[known], return_index=True, return_inverse=True)[1:]
    times = sightings.times[known].astype("datetime64[us]").astype(np.int64)
    until = ends(sightings)[known].astype("datetime64[us]").astype(np.int64)
    first = np.full(len(rows), np.iinfo(np.int64).max)
    last = np.full(len(rows), np.iinfo(np.int64).min)
    np.minimum.at(first, stay.reshape(-1), times)
    np.maximum.at(last, stay.reshape(-1), until)
    order = np.argsort(first, kind="stable")
    shown = known[rows][order]
    return PlacedStays(
        of[shown],
        first[order],
        last[order],
        places_of(sightings)[shown],
        shown,
        sightings.tracklets[shown] >= 0,
    )
