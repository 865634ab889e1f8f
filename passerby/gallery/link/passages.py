"""Passages: sightings that are of one person beyond doubt, and where and when they were seen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from passerby.gallery.tracklets import GAP, tracklet_numbers
from passerby.tables.keys import numbered
from passerby.tables.sightings import UNKNOWN, Sightings, ends

_SECOND = 1_000_000  # microseconds
REPRESENTATIVES = 4
"""Sightings of a tracklet that stand for it: its frames resemble each other too much to count."""


@dataclass(frozen=True, eq=False)
class Passages:
    """P passages of N sightings: tracklets, all sightings of a known person, or single sightings.

    of [N]: the passage of each sighting; names [P]: of their person, "" where not known;
    representatives: rows of the sightings that are compared, and shown [R] the passage of each;
    tracklets [N]: a number for each, also of those that do not hold together;
    torn: tracklets whose sightings bear several names, which hold nothing together.
    """

    of: NDArray[np.int64]
    names: NDArray[np.str_]
    representatives: NDArray[np.int64]
    shown: NDArray[np.int64]
    tracklets: NDArray[np.int64]
    torn: int

    def __len__(self) -> int:
        return len(self.names)


@dataclass(frozen=True, eq=False)
class Stays:
    """When somebody was where: first and last [S] in microseconds, place [S] as a number; track
    [S]: the number of the tracklet, −1 for a sighting that is of none."""

    first: NDArray[np.int64]
    last: NDArray[np.int64]
    place: NDArray[np.int64]
    track: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.place)

    def joined_with(self, other: Stays) -> Stays:
        """Both."""
        pairs = (
            (self.first, other.first), (self.last, other.last),
            (self.place, other.place), (self.track, other.track),
        )  # fmt: skip
        return Stays(*(np.concatenate(pair) for pair in pairs))


def passages_of(
    sightings: Sightings,
    names: NDArray[np.str_],
    gap: float = GAP,
    apart: Sequence[tuple[NDArray[np.int64], NDArray[np.int64]]] = (),
) -> Passages:
    """The passages of N sightings. names [N]: persons that are known, "" for the others; gap: as
    of `tracklet_numbers`; apart: rows of two sides that people told apart, also in one tracklet."""
    stays = tracklet_numbers(sightings, gap)
    tracklets, torn = _without_ambiguous(_told_apart(stays, apart), names)
    lent = _names_by_tracklet(tracklets, names)
    keys = [
        f"person {name}" if name != UNKNOWN else f"tracklet {tracklet}"
        for name, tracklet in zip(lent.tolist(), tracklets.tolist(), strict=True)
    ]
    first, of = np.unique(np.array(keys, np.str_), return_index=True, return_inverse=True)[1:]
    of = of.reshape(-1)
    rows = _representatives(sightings, tracklets)
    return Passages(of, lent[first] if len(of) else names, rows, of[rows], stays, torn)


def stays_of(sightings: Sightings, passages: Passages) -> list[Stays]:
    """The stays of each passage; sightings without a time or a camera are nowhere."""
    known = np.flatnonzero(~np.isnat(sightings.times) & (sightings.cameras != UNKNOWN))
    times = sightings.times[known].astype("datetime64[us]").astype(np.int64)
    places = places_of(sightings)[known]
    tracklets = passages.tracklets[known]
    order = np.lexsort((times, tracklets, places, passages.of[known]))
    keys = np.stack([passages.of[known], places, tracklets])[:, order]
    starts = _starts(keys)
    until = ends(sightings)[known].astype("datetime64[us]").astype(np.int64)[order]
    first, last = times[order][starts], until[:0]
    if len(starts):
        last = np.maximum.reduceat(until, starts)
    owner, place, track = keys[:, starts]
    track = np.where(sightings.tracklets[known][order][starts] >= 0, track, -1)
    cuts = np.searchsorted(owner, np.arange(len(passages) + 1))
    return [Stays(first[a:b], last[a:b], place[a:b], track[a:b]) for a, b in pairwise(cuts)]


def places_of(sightings: Sightings) -> NDArray[np.int64]:
    """A number [N] for each camera of each source."""
    return numbered(sightings.sources, sightings.cameras)


def in_two_places(
    one: Stays,
    other: Stays,
    tolerance: float,
    joined: NDArray[np.bool_],
    mirrored: NDArray[np.bool_],
) -> bool:
    """Whether two persons made a stay of one and a stay of the other: by different cameras at one
    time, or as two tracklets that one camera saw at once.

    tolerance: seconds that lie between stays by two cameras at least where one person made both;
    joined [places, places]: cameras that see the same place; mirrored [places]: cameras in whose
    picture one person may be twice.
    """
    gap = round(tolerance * _SECOND)
    step = max(1, 1_000_000 // max(1, len(other)))
    for start in range(0, len(one), step):
        part = slice(start, start + step)
        first, last = one.first[part, None], one.last[part, None]
        place, track = one.place[part, None], one.track[part, None]
        near = (first - gap <= other.last) & (other.first - gap <= last)
        at_once = (first <= other.last) & (other.first <= last)
        two = (track >= 0) & (other.track >= 0) & (track != other.track) & ~mirrored[place]
        here = place == other.place
        if np.where(here, at_once & two, near & ~joined[place, other.place]).any():
            return True
    return False


def _told_apart(
    tracklets: NDArray[np.int64], apart: Sequence[tuple[NDArray[np.int64], NDArray[np.int64]]]
) -> NDArray[np.int64]:
    """Tracklets [N], those with sightings of both sides in two."""
    cut = tracklets.copy()
    for one, other in apart:
        both = np.intersect1d(cut[one], cut[other])
        if len(both):
            moved = one[np.isin(cut[one], both)]
            cut[moved] = cut.max() + 1 + numbered(cut[moved])
    return cut


def _without_ambiguous(
    numbers: NDArray[np.int64], names: NDArray[np.str_]
) -> tuple[NDArray[np.int64], int]:
    """Tracklets [N], those with several names dissolved, and how many these are."""
    named = np.flatnonzero(names != UNKNOWN)
    pairs = np.unique(np.stack([numbers[named], numbered(names)[named]]), axis=1)[0]
    torn = np.flatnonzero(np.bincount(pairs, minlength=1) > 1)
    dissolved = np.isin(numbers, torn)
    beyond = numbers.max(initial=0) + 1 + np.arange(len(numbers))
    return np.where(dissolved, beyond, numbers), len(torn)


def _names_by_tracklet(tracklets: NDArray[np.int64], names: NDArray[np.str_]) -> NDArray[np.str_]:
    """Names [N], where a tracklet's known person is lent to its other sightings."""
    named = names != UNKNOWN
    of = dict(zip(tracklets[named].tolist(), names[named].tolist(), strict=True))
    lent = [of.get(tracklet, UNKNOWN) for tracklet in tracklets.tolist()]
    return np.array(lent, names.dtype if lent else np.str_)


def _representatives(sightings: Sightings, tracklets: NDArray[np.int64]) -> NDArray[np.int64]:
    """Rows that are compared: up to four of each tracklet, evenly over its time."""
    times = sightings.times.astype(np.int64)
    order = np.lexsort((sightings.frames, times, tracklets))
    starts = _starts(tracklets[None, order])
    rows = []
    for group in np.split(order, starts[1:]):
        chosen = np.linspace(0, len(group) - 1, min(len(group), REPRESENTATIVES)).round()
        rows.append(group[chosen.astype(np.int64)])
    return np.sort(np.concatenate(rows)) if len(order) else np.empty(0, np.int64)


def _starts(keys: NDArray[np.int64]) -> NDArray[np.int64]:
    """Where a run of equal columns begins in keys [C, N]."""
    if keys.shape[1] == 0:
        return np.empty(0, np.int64)
    return np.flatnonzero(np.append(True, (np.diff(keys) != 0).any(axis=0)))
