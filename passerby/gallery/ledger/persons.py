"""Who is known in a gallery: names with their sightings, cameras, first and last time."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from itertools import pairwise

import numpy as np

from passerby.gallery.ledger.people import people
from passerby.gallery.ledger.place import reading
from passerby.gallery.link.rules import PREFIX
from passerby.gallery.text_tables import (
    LONGEST,
    aligned,
    csv_text,
    printable,
    span_text,
    time_of,
    time_text,
)
from passerby.stores import Store
from passerby.tables.filters import EVERYTHING, Where
from passerby.tables.sightings import UNKNOWN, Sightings, ends, without_thumbnails

_SHOWN = 40  # persons in a table
_COLUMNS = ("person", "linked", "sightings", "cameras", "from", "to", "sighting")


@dataclass(frozen=True)
class KnownPerson:
    """name; linked: given by linking, and by nobody since; sightings: how many; cameras: that saw
    them; first, last: when, None where no time is known; shown: the sighting of the best quality
    that is known, or else the middle one."""

    name: str
    linked: bool
    sightings: int
    cameras: tuple[str, ...]
    first: datetime | None
    last: datetime | None
    shown: str

    def to_json(self) -> dict[str, object]:
        """Times as ISO 8601 in UTC, or null."""
        times = {name: time_text(getattr(self, name)) or None for name in ("first", "last")}
        return {**asdict(self), **times}


def persons(store: Store, where: Where = EVERYTHING) -> tuple[KnownPerson, ...]:
    """Everybody with a name, those of most sightings first; where: among which sightings."""
    parts = [part for part in people(store).read(where, with_vectors=False) if len(part)]
    if not parts:
        return ()
    joined = without_thumbnails(Sightings.joined(parts))
    with reading(store) as file:
        decided = {} if file is None else file.decided()
    named = joined[joined.persons != UNKNOWN]
    # By name, then time: those without a time last.
    named = named[np.lexsort((named.ids, named.times, named.persons))]
    starts = np.flatnonzero(np.append(True, named.persons[1:] != named.persons[:-1])[: len(named)])
    cuts = pairwise([*starts.tolist(), len(named)])  # no pair where nobody has a name
    found = [_person(named[start:end], decided) for start, end in cuts]
    return tuple(sorted(found, key=lambda one: (-one.sightings, one.name)))


def _person(own: Sightings, decided: dict[str, str]) -> KnownPerson:
    name = str(own.persons[0])
    by_people = any(decided.get(one) == name for one in own.ids.tolist())
    known = ~np.isnan(own.qualities)
    shown = int(np.nanargmax(own.qualities)) if known.any() else len(own) // 2
    timed = own[~np.isnat(own.times)]
    return KnownPerson(
        name,
        name.startswith(PREFIX) and not by_people,
        len(own),
        tuple(sorted({*own.cameras.tolist()} - {UNKNOWN})),
        time_of(timed.times.min()) if len(timed) else None,
        time_of(ends(timed).max()) if len(timed) else None,
        str(own.ids[shown]),
    )


def known_text(found: Sequence[KnownPerson]) -> str:
    """A table; a line a person."""
    rows = [["person", "sightings", "cameras", "seen", "sighting"]]
    for one in found[:_SHOWN]:
        rows.append(
            [
                printable(one.name, LONGEST),
                f"{one.sightings:,}",
                printable(", ".join(one.cameras), LONGEST) or "–",
                span_text(one.first, one.last) or "–",
                one.shown,
            ]
        )
    more = len(found) - _SHOWN
    left = [f"  and {more:,} more: --csv or --json"] if more > 0 else []
    return "\n".join([*aligned(rows), *left]) if found else "nobody is known by name"


def known_csv(found: Sequence[KnownPerson]) -> str:
    """A row a person, with a heading."""
    rows = (
        {
            "person": one.name,
            "linked": "yes" if one.linked else "no",
            "sightings": one.sightings,
            "cameras": ", ".join(one.cameras),
            "from": time_text(one.first),
            "to": time_text(one.last),
            "sighting": one.shown,
        }
        for one in found
    )
    return csv_text(_COLUMNS, rows)


def known_json(found: Sequence[KnownPerson]) -> str:
    """All of them, as one JSON object."""
    return json.dumps({"persons": [one.to_json() for one in found]}, indent=1, ensure_ascii=False)
