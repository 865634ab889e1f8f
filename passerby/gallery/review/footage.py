"""What footage says of itself: a tracklet is one person, two at once in one camera are two.

Pairs of one camera only: of one person the first and the last sighting of a tracklet, of two
persons a sighting each of tracklets that one camera saw at one time.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from passerby.gallery.link.passages import places_of
from passerby.gallery.tracklets import tracklet_numbers
from passerby.tables.sightings import UNKNOWN, Sightings

MOST = 2000
"""Pairs of a kind; more would change nothing."""


@dataclass(frozen=True, eq=False)
class FootagePairs:
    """first and second [P]: rows of the sightings; same [P]; groups [P]: the first's tracklet."""

    first: NDArray[np.int64]
    second: NDArray[np.int64]
    same: NDArray[np.bool_]
    groups: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.same)


def footage_pairs(sightings: Sightings, seed: int = 0) -> FootagePairs:
    """The pairs of N sightings whose tracklets are numbered, and whose times are known."""
    tracked = (sightings.tracklets >= 0) & (sightings.cameras != UNKNOWN)
    rows = np.flatnonzero(tracked & ~np.isnat(sightings.times))
    known = sightings[rows]
    stays, places = tracklet_numbers(known), places_of(known)
    times = known.times.astype(np.int64)
    order = np.lexsort((times, stays))
    starts = np.flatnonzero(np.append(True, np.diff(stays[order]) != 0)[: len(order)])
    ends = np.append(starts[1:], len(order))[: len(starts)] - 1
    first, last = order[starts], order[ends]
    random = np.random.default_rng([seed, 17])
    several = first != last
    one = _some(np.stack([first[several], last[several]], axis=1), random)
    two = _some(_at_once(times, places, first, last), random)
    pairs = rows[np.concatenate([one, two])].reshape(-1, 2)
    groups = stays[np.concatenate([one, two])[:, 0]]
    same = np.arange(len(pairs)) < len(one)
    return FootagePairs(pairs[:, 0], pairs[:, 1], same, groups)


def _at_once(
    times: NDArray[np.int64],
    places: NDArray[np.int64],
    first: NDArray[np.int64],
    last: NDArray[np.int64],
) -> NDArray[np.int64]:
    """Rows [P, 2] of the first sightings of tracklets that overlap in time at one place."""
    order = np.lexsort((times[first], places[first]))
    found = []
    for number, one in enumerate(order.tolist()):
        for other in order[number + 1 :].tolist():
            here = places[first[one]] == places[first[other]]
            # By place and begin: whoever begins after this one's end overlaps no more.
            if not here or times[first[other]] > times[last[one]]:
                break
            found.append((first[one], first[other]))
            if len(found) >= 50 * MOST:
                return np.array(found, np.int64)
    return np.array(found, np.int64).reshape(-1, 2)


def _some(pairs: NDArray[np.int64], random: np.random.Generator) -> NDArray[np.int64]:
    if len(pairs) <= MOST:
        return pairs
    return pairs[np.sort(random.choice(len(pairs), MOST, replace=False))]
