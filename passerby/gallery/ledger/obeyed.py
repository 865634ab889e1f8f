"""What decisions ask of whoever groups sightings: names that stay, and who is not together."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from passerby.gallery.ledger.place import reading
from passerby.stores import Store
from passerby.tables.sightings import NOT_A_PERSON, UNKNOWN

Side = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Obeyed:
    """Of N sightings: decided [N]: the person that people gave, "" for none; apart: rows of two
    sides, none of one of whose is of a person of the other; of the whole ledger, persons: names
    that it may give again; newest: the number of its last event."""

    decided: NDArray[np.str_]
    apart: tuple[tuple[Side, Side], ...] = ()
    persons: frozenset[str] = field(default=frozenset())
    newest: int = 0


NOTHING = Obeyed(np.empty(0, np.str_))
"""Where nobody decided anything."""


def last_event(store: Store) -> int:
    """The number of the last event of a gallery's ledger, 0 for none."""
    with reading(store) as file:
        return 0 if file is None else file.newest()


def obeyed(store: Store, ids: Sequence[str] | NDArray[np.str_]) -> Obeyed:
    """What the ledger of a gallery says of N sightings, by their ids [N].

    Raises ValueError where decisions were made whose ledger is not here.
    """
    with reading(store) as file:
        if file is None:
            return Obeyed(np.full(len(ids), UNKNOWN))
        given, told = file.decided(), file.told_apart()
        persons, newest = file.persons(), file.newest()
    rows = {str(name): row for row, name in enumerate(ids)}
    decided = [UNKNOWN] * len(rows)
    for name, person in given.items():
        if name in rows and person != NOT_A_PERSON:
            decided[rows[name]] = person
    sides: dict[int, tuple[list[int], list[int]]] = defaultdict(lambda: ([], []))
    for event, side, name in told:
        if name in rows:
            sides[event][side].append(rows[name])
    apart = tuple(
        (np.array(one, np.int64), np.array(other, np.int64))
        for one, other in sides.values()
        if one and other
    )
    return Obeyed(np.array(decided, np.str_).reshape(-1), apart, frozenset(persons), newest)
