"""Sightings page by page, the newest first, and the picture that is kept of one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from passerby.data.evidence import picture_of
from passerby.data.images import UnreadableImage
from passerby.gallery.enrol.thumbnails import picture
from passerby.stores import Store
from passerby.tables.filters import EVERYTHING, Where
from passerby.tables.sightings import Sightings

_LAST = int(np.iinfo(np.int64).min)  # what NaT is as a number: those without a time come last


@dataclass(frozen=True, eq=False)
class Page:
    """sightings: with vectors, thumbnails and pictures, None for an empty page; total: that satisfy
    the filter; next: where the next page begins, "" after the last one."""

    sightings: Sightings | None
    total: int
    next: str


def page_of(store: Store, where: Where = EVERYTHING, most: int = 50, after: str = "") -> Page:
    """Up to ``most`` sightings that satisfy a filter, the newest first, then by id.

    Args:
        after: `Page.next` of the page before. Sightings that came in between are on no page.

    Raises:
        ValueError: ``after`` is none of these.
    """
    first = _key_of(after)
    keys: tuple[NDArray[np.int64], NDArray[np.str_]] = np.empty(0, np.int64), np.empty(0, "U1")
    total = 0
    for part in store.read(where, with_vectors=False):
        total += len(part)
        times = part.times.astype("datetime64[us]").astype(np.int64)
        later = np.ones(len(part), bool)
        if first is not None:
            later = (times < first[0]) | ((times == first[0]) & (part.ids > first[1]))
        joined = (
            np.concatenate([keys[0], times[later]]),
            np.concatenate([keys[1], part.ids[later]]),
        )
        order = np.lexsort((joined[1], ~joined[0]))[: most + 1]
        keys = joined[0][order], joined[1][order]
    ids = keys[1][:most].tolist()
    more = len(keys[1]) > most
    return Page(
        sightings_of(store, ids), total, f"{keys[0][most - 1]}.{keys[1][most - 1]}" if more else ""
    )


def sightings_of(store: Store, ids: Sequence[str]) -> Sightings | None:
    """The sightings of ids that are there, in this order, with all that is kept of them; None for
    none."""
    if not ids:
        return None
    parts = [*store.read(Where(ids=tuple(ids)), with_thumbnails=True)]
    if not parts or not sum(map(len, parts)):
        return None
    found = Sightings.joined(parts)
    places = {name: row for row, name in enumerate(found.ids.tolist())}
    return found[np.array([places[name] for name in ids if name in places], np.int64)]


def jpeg_of(store: Store, sighting: str, number: int = 0) -> bytes | None:
    """A picture of a sighting as JPEG: one of a passage's, else the thumbnail, else a small one of
    the image file that was enrolled, where that is unchanged. None where there is none."""
    found = sightings_of(store, [sighting])
    if found is None:
        return None
    kept = found.pictures[0] or ((found.thumbnails[0],) if found.thumbnails[0] else ())
    if kept or number:
        return kept[number] if number < len(kept) else None
    try:
        return picture(picture_of(str(found.images[0]), sighting))
    except UnreadableImage:
        return None


def _key_of(after: str) -> tuple[int, str] | None:
    if not after:
        return None
    time, point, name = after.partition(".")
    digits = time.removeprefix("-")
    if not (point and name and digits.isascii() and digits.isdecimal() and len(digits) < 20):
        raise ValueError(f"no page begins after {after[:80]!r}: give what the page before named")
    return max(int(time), _LAST), name
