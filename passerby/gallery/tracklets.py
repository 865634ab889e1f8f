"""Tracklets: sightings of one person by one camera in one stay, told by a tracker's number.

Trackers begin to count anew whenever they are started, so that the same number comes back for
somebody else. A tracklet therefore ends where its camera saw nothing of that number for a while.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from passerby.tables.keys import numbered
from passerby.tables.sightings import Sightings, ends

GAP = 60.0
"""Seconds without a sighting that end a tracklet; no usual tracker holds on to anyone so long."""


def tracklet_numbers(sightings: Sightings, gap: float = GAP) -> NDArray[np.int64]:
    """A number [N] for each tracklet; one of its own for a sighting that is of none.

    Sightings of one source, camera and tracklet number hold together while each follows within
    ``gap`` seconds of the one before. Those without a time stay with them only where nothing shows
    that the number was given twice: no gap, and no frame of theirs twice.
    """
    count = len(sightings)
    alone = np.where(sightings.tracklets < 0, np.arange(count), -1)
    numbers = numbered(sightings.sources, sightings.cameras, sightings.tracklets, alone)
    timed = ~np.isnat(sightings.times)
    parts = np.zeros(count, np.int64)
    parts[timed] = _parts(numbers[timed], sightings.times[timed], ends(sightings)[timed], gap)
    untimed = np.flatnonzero(~timed)
    given_twice = np.union1d(
        numbers[timed & (parts > 0)], _frames_twice(numbers[untimed], sightings.frames[untimed])
    )
    lost = untimed[np.isin(numbers[untimed], given_twice)]
    parts[lost] = -1 - lost
    return numbered(numbers, parts)


def _parts(
    numbers: NDArray[np.int64],
    times: NDArray[np.datetime64],
    until: NDArray[np.datetime64],
    gap: float,
) -> NDArray[np.int64]:
    """0 [N] up to the first gap of a number, above 0 after it, different after each."""
    order = np.lexsort((times, numbers))
    apart = times[order][1:] - until[order][:-1] > np.timedelta64(round(1e6 * gap), "us")
    breaks = np.append(False, apart & (np.diff(numbers[order]) == 0))[: len(order)]
    starts = np.append(True, np.diff(numbers[order]) != 0)[: len(order)]
    behind = np.cumsum(breaks)
    parts = np.empty(len(order), np.int64)
    parts[order] = behind - np.repeat(behind[starts], np.diff(np.flatnonzero([*starts, True])))
    return parts


def _frames_twice(numbers: NDArray[np.int64], frames: NDArray[np.int64]) -> NDArray[np.int64]:
    """The numbers that come with one frame twice: a person is in a frame once."""
    known = frames >= 0
    pairs, counts = np.unique(np.stack([numbers[known], frames[known]]), axis=1, return_counts=True)
    return pairs[0, counts > 1]
