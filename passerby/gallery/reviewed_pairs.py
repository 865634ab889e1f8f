"""Reviewed pairs: of which two sightings people said that they show one person, or two.

The answers lie in the gallery's description (`About.answers`), so that dumps carry them; whoever
removes a sighting removes its answers (`Store.delete`). They serve the calibration, linking
(must-links and cannot-links) and the metric.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from passerby.gallery.ledger.obeyed import NOTHING, Obeyed, obeyed
from passerby.process.spelling import count_of
from passerby.stores import Store
from passerby.stores.about import About, Answer
from passerby.tables.filters import Where
from passerby.tables.sightings import Sightings, by_middle_look

_AT_ONCE = 1000  # ids in one condition


@dataclass(frozen=True, eq=False)
class Constraints:
    """Rows of N sightings that are of one person (must [M, 2]), or of two (cannot [C, 2]), by
    answers about pairs; decisions: what people decided of whole persons."""

    must: NDArray[np.int64]
    cannot: NDArray[np.int64]
    decisions: Obeyed = NOTHING


@dataclass(frozen=True, eq=False)
class ReviewedPairs:
    """P judged pairs of a gallery, "cannot say" left out: first and second [P], their sightings
    with vectors; same [P]: of one person; labelled [P]: chosen whatever their distance."""

    first: Sightings
    second: Sightings
    same: NDArray[np.bool_]
    labelled: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.same)


def answer(one: str, other: str, same: bool | None, *, labelled: bool = False) -> Answer:
    """An answer about two sightings in either order. Raises ValueError for one and the same."""
    if one == other:
        raise ValueError(f"expected two sightings, got {one!r} twice")
    return Answer(min(one, other), max(one, other), same, labelled)


def record_answers(store: Store, answers: Iterable[Answer]) -> int:
    """Keep answers in a gallery, in place of earlier ones about the same pairs; returns how many
    pairs it has then. Raises ValueError where a sighting is not in the gallery."""
    given = [*answers]

    def with_them(about: About) -> About:
        sightings_of(store, [one for each in given for one in (each.first, each.second)])
        kept = {(each.first, each.second): each for each in (*about.answers, *given)}
        return replace(about, answers=tuple(kept.values()))

    return len(store.change_about(with_them).answers)


def withdraw_answers(store: Store, answers: Iterable[Answer]) -> None:
    """Take answers back: their pairs are as if never asked."""
    gone = {(each.first, each.second) for each in answers}

    def without_them(about: About) -> About:
        kept = tuple(each for each in about.answers if (each.first, each.second) not in gone)
        return replace(about, answers=kept)

    store.change_about(without_them)


def carry_answers(store: Store, target: Store) -> None:
    """Take the answers along to another gallery of the same sightings, as far as it has both."""
    answers = store.refresh_about().answers
    there = {*_read(target, [i for each in answers for i in (each.first, each.second)]).ids}
    record_answers(target, [each for each in answers if {each.first, each.second} <= there])


def reviewed_pairs(store: Store) -> ReviewedPairs:
    """The judged pairs of a gallery, with the vectors of their sightings."""
    judged = [each for each in store.refresh_about().answers if each.same is not None]
    # What another process removed a moment ago is not there.
    known = _read(store, [one for each in judged for one in (each.first, each.second)])
    rows = {name: row for row, name in enumerate(known.ids.tolist())}
    judged = [each for each in judged if each.first in rows and each.second in rows]
    return ReviewedPairs(
        known[np.array([rows[each.first] for each in judged], np.int64)],
        known[np.array([rows[each.second] for each in judged], np.int64)],
        np.array([each.same for each in judged], bool),
        np.array([each.labelled for each in judged], bool),
    )


def constraints(store: Store, ids: Sequence[str] | NDArray[np.str_]) -> Constraints:
    """What people said in a gallery of N sightings, by their ids [N].

    Raises ValueError where decisions were made whose ledger is not here.
    """
    rows = {str(name): row for row, name in enumerate(ids)}
    found: dict[bool, list[tuple[int, int]]] = {True: [], False: []}
    for each in store.about.answers:
        if each.same is not None and each.first in rows and each.second in rows:
            found[each.same].append((rows[each.first], rows[each.second]))
    must, cannot = (np.array(found[same], np.int64).reshape(-1, 2) for same in (True, False))
    return Constraints(must, cannot, obeyed(store, ids))


def sightings_of(store: Store, ids: Sequence[str]) -> Sightings:
    """The sightings of these ids, by id. Raises ValueError where one is not there."""
    found = _read(store, ids)
    missing = sorted({*ids} - {*found.ids.tolist()})
    if missing:
        raise ValueError(
            f"{count_of(len(missing), 'sighting is', 'sightings are')} not in the gallery, the "
            f"first: {missing[0]!r}; expected ids as passerby gallery search shows them"
        )
    return found


def _read(store: Store, ids: Sequence[str]) -> Sightings:
    wanted = sorted({*ids})
    parts = [Sightings([], np.empty((0, store.about.dimensions), np.float32))]
    for start in range(0, len(wanted), _AT_ONCE):
        parts += store.read(Where(ids=tuple(wanted[start : start + _AT_ONCE])))
    found = by_middle_look(Sightings.joined(parts))  # which is what people are shown
    return found[np.argsort(found.ids, kind="stable")]
