"""Removal and retention: sightings are forgotten by condition or by age, and it is said how far."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import numpy as np

from passerby.gallery.adapting import relearn
from passerby.gallery.alerts.forgetting import forget_hits_of, sightings_of_hits
from passerby.gallery.ledger.applying import forget_lost
from passerby.process.spelling import count_of
from passerby.stores import Erased, Store
from passerby.tables.filters import Where

_UNITS = {"h": "hours", "d": "days", "w": "weeks"}
_EARLIEST = datetime.min.replace(tzinfo=UTC)  # that a sighting can have
_AT_ONCE = 1000  # ids in one condition


@dataclass(frozen=True)
class Removed:
    """count: sightings that no search finds any more; timeless: sightings that satisfied all but
    the condition on time, as theirs is not known, and stay; erased: what a compaction made of it,
    None when there was none."""

    count: int
    timeless: int = 0
    erased: Erased | None = None

    def __str__(self) -> str:
        lines = [
            f"{count_of(self.count, 'sighting')} removed: no search finds them from now on. Image "
            "files, dumps and other copies are not touched"
            if self.count
            else "nothing was removed: no sighting satisfies all of the conditions"
        ]
        if self.timeless:
            lines.append(
                f"{count_of(self.timeless, 'sighting has', 'sightings have')} no time: a condition "
                "on time does not reach them (remove them by camera, person or sighting, or with "
                "--timeless)"
            )
        if self.erased is not None:
            lines.append(self.erased.meaning)
        elif self.count:
            lines.append(
                "physically they stay until: passerby gallery compact, which says what is gone"
            )
        return "\n".join(lines)


def period(text: str) -> timedelta:
    """A time to keep, as 12h, 30d or 8w.

    >>> period("30d")
    datetime.timedelta(days=30)
    """
    found = re.fullmatch(r"([0-9]{1,6})([hdw])", text.strip().lower())
    if found is None:
        raise ValueError(f"a time to keep is a number of hours, days or weeks (30d), got {text!r}")
    return timedelta(**{_UNITS[found[2]]: int(found[1])})


def older_than(kept: timedelta, where: Where, now: datetime | None = None) -> Where:
    """The same filter, and seen longer ago than ``kept``. Raises ValueError with an ``until``."""
    if where.until is not None:
        raise ValueError("give a time to keep or an end of time (until), not both")
    try:
        return replace(where, until=(now or datetime.now(UTC)) - kept)
    except OverflowError:
        raise ValueError(f"{kept} reaches back before all calendars") from None


def count_timeless(store: Store, where: Where) -> int:
    """How many sightings satisfy all but the condition on time, because theirs is not known."""
    if not where.timed:
        return 0
    anytime = where.without_time()
    return max(0, store.count(anytime) - store.count(replace(anytime, since=_EARLIEST)))


def remove(store: Store, where: Where, *, timeless: bool = False, compact: bool = False) -> Removed:
    """Forget the sightings that satisfy ``where``; ``timeless``: and those it misses for want of a
    time. With ``compact`` the engine makes it physical, as far as it can.

    Raises ValueError for a filter without any condition.
    """
    told = sightings_of_hits(store, where)
    count = store.delete(where)
    left = count_timeless(store, where)
    if timeless and left:
        for ids in [*_timeless(store, where)]:
            told |= sightings_of_hits(store, Where(ids=ids))
            count += store.delete(Where(ids=ids))
        left = 0
    _forget_traces(store, told, count)
    return Removed(count, left, store.compact() if compact else None)


def remove_sightings(store: Store, ids: Sequence[str], *, compact: bool = False) -> Removed:
    """Forget exactly these sightings, however many, and what was learnt or said of them."""
    told: set[str] = set()
    count = 0
    for start in range(0, len(ids), _AT_ONCE):
        where = Where(ids=tuple(ids[start : start + _AT_ONCE]))
        told |= sightings_of_hits(store, where)
        count += store.delete(where)
    _forget_traces(store, told, count)
    return Removed(count, 0, store.compact() if compact else None)


def _forget_traces(store: Store, told: set[str], count: int) -> None:
    """What outlasts ``count`` sightings that were deleted; told: those that were hits of alerts."""
    forget_hits_of(store, told)
    forget_lost(store)
    if count:
        relearn(store)  # or what was learnt from them would outlast them


def _timeless(store: Store, where: Where) -> Iterator[tuple[str, ...]]:
    for part in store.read(where.without_time(), with_vectors=False, batch=_AT_ONCE):
        ids = part.ids[np.isnat(part.times)].tolist()
        if ids:
            yield tuple(ids)
