"""What is added to a gallery by hand or by other programs, held against its alerts afterwards."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from passerby.gallery.alerts.running import Ended, alerts_of
from passerby.gallery.ledger.people import people
from passerby.gallery.tracklets import tracklet_numbers
from passerby.stores import Store
from passerby.tables.filters import EVERYTHING, Where
from passerby.tables.sightings import Sightings

_AT_ONCE = 1000  # ids in one condition


@contextmanager
def alerts_on_added(store: Store, place: str) -> Iterator[None]:
    """Hold against the alerts whatever passages come into a store while the context lasts.

    At its end, in the order in which they began, each with its sightings of before; the threshold
    is of what was seen before. They are in the store by then: what a kill cuts off is not held
    against alerts when it is added again. Raises ValueError as `alerts_of`.

    Examples:
        ``with alerts_on_added(gallery.store, "lobby"): gallery.add(crops, camera="door")``
    """
    with alerts_of(store, place) as ended:
        before = {name for part in _told(store) for name in part.ids.tolist()}
        try:
            yield
        finally:
            if ended is not None and store.about.alerts:
                _hold(store, before, ended)


def _hold(store: Store, before: set[str], ended: Ended) -> None:
    parts = [part for part in _told(store) if len(part)]
    if not parts:
        return
    seen = Sightings.joined(parts)
    numbers = tracklet_numbers(seen)
    new = np.array([name not in before for name in seen.ids.tolist()])
    rows = np.flatnonzero(np.isin(numbers, numbers[new]))
    rows = rows[np.lexsort((seen.ids[rows], seen.times[rows]))]  # those without a time last
    passages: dict[int, list[str]] = {}
    for number, name in zip(numbers[rows].tolist(), seen.ids[rows].tolist(), strict=True):
        passages.setdefault(number, []).append(name)
    for names in passages.values():
        ended(_with_vectors(store, names))


def _told(store: Store, where: Where = EVERYTHING) -> Iterator[Sightings]:
    """Sightings without vectors, those aside that are no person."""
    return people(store).read(where, with_vectors=False)


def _with_vectors(store: Store, ids: list[str]) -> Sightings:
    parts = [
        part
        for start in range(0, len(ids), _AT_ONCE)
        for part in store.read(
            Where(ids=tuple(ids[start : start + _AT_ONCE])), with_thumbnails=True
        )
    ]
    return Sightings.joined(parts)
