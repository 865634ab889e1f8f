"""Decisions carried out: what the ledger says becomes so in the gallery, forward or back.

All of it may be done twice: after a kill the ledger is gone through again. What was changed since
by other means (sightings removed, or added anew with another person) stays as it is. Of removed
sightings the ledger keeps that somebody decided, and when.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from passerby.gallery.ledger.events import AnswerChange, Changes, NameChange
from passerby.gallery.ledger.file import LedgerFile
from passerby.gallery.ledger.place import deciding, has_ledger, reading
from passerby.stores import Store
from passerby.stores.about import About, Answer
from passerby.tables.filters import Where
from passerby.tables.sightings import NOT_A_PERSON

_AT_ONCE = 1000  # ids in one condition
_WRITTEN = 10_000  # names at once


def carry_out(store: Store, file: LedgerFile, number: int) -> None:
    """Make what an event says so, and note that it is."""
    event = file.event(number)
    assert event is not None
    changes = event.changes
    if event.undoes is not None:
        changes = undone(file.changes(event.undoes))
    assert changes is not None
    _apply(store, file, changes)
    file.finished(number)


def take_back(store: Store, file: LedgerFile, number: int) -> None:
    """Of an event that could not be carried out let nothing remain."""
    event = file.event(number)
    assert event is not None
    changes = undone(file.changes(number))
    if event.undoes is not None:
        changes = file.changes(event.undoes)
    _apply(store, file, changes)
    file.withdraw(number)
    store.change_about(lambda about: counted(store, file, about))


def finish_pending(store: Store) -> None:
    """Carry out what a kill left undone."""
    if not has_ledger(store):
        return
    with reading(store) as file:
        if file is None or not file.pending():
            return
    with deciding(store) as file:
        finish(store, file)


def finish(store: Store, file: LedgerFile) -> None:
    """The same, by who decides at the moment."""
    for number in file.pending():
        carry_out(store, file, number)


def forget_lost(store: Store) -> int:
    """Take all traces of sightings that the gallery no longer has out of its ledger; returns how
    many there were. Also those that a process removed which was killed before it came to this."""
    if not has_ledger(store):
        return 0
    plain = store.plain
    with deciding(plain) as file:
        finish(plain, file)
        known = file.sightings()
        lost = known - {*persons_of(plain, known)}
        if lost:
            file.forget(lost)
        plain.change_about(lambda about: counted(plain, file, about))
    return len(lost)


def undone(changes: Changes) -> Changes:
    """Names and answers the other way round."""
    names = tuple(NameChange(each.sighting, each.after, each.before) for each in changes.names)
    # Answers come back to their places from the first to the last.
    answers = tuple(AnswerChange(each.after, each.before, each.place) for each in changes.answers)
    return Changes(names, answers)


def persons_of(store: Store, ids: Iterable[str]) -> dict[str, str]:
    """The persons of the sightings that are there, by id."""
    wanted = sorted({*ids})
    found: dict[str, str] = {}
    for start in range(0, len(wanted), _AT_ONCE):
        where = Where(ids=tuple(wanted[start : start + _AT_ONCE]))
        for part in store.read(where, with_vectors=False):
            found |= dict(zip(part.ids.tolist(), part.persons.tolist(), strict=True))
    return found


def counted(store: Store, file: LedgerFile, about: About) -> About:
    """The description with what the ledger and the gallery hold now."""
    not_persons = store.count(Where(persons=(NOT_A_PERSON,)))
    return replace(about, decisions=file.in_force(), not_persons=not_persons)


def _apply(store: Store, file: LedgerFile, changes: Changes) -> None:
    moved = [each for each in changes.names if each.before != each.after]
    now = persons_of(store, (each.sighting for each in moved))
    due = [each for each in moved if now.get(each.sighting) == each.before]
    for start in range(0, len(due), _WRITTEN):
        part = due[start : start + _WRITTEN]
        store.name_persons([each.sighting for each in part], [each.after for each in part])
    aside = any(NOT_A_PERSON in (each.before, each.after) for each in moved)

    def changed(about: About) -> About:
        answers = _answered(about.answers, changes.answers)
        about = replace(about, answers=answers, decisions=file.in_force())
        return counted(store, file, about) if aside else about  # the count reads the gallery

    store.change_about(changed)


def _answered(answers: tuple[Answer, ...], changes: tuple[AnswerChange, ...]) -> tuple[Answer, ...]:
    kept: dict[tuple[str, str], Answer] = {(each.first, each.second): each for each in answers}
    back: list[AnswerChange] = []
    for change in changes:
        if kept.get(change.pair) != change.before:
            continue
        if change.after is None:
            kept.pop(change.pair, None)
        elif change.before is None and change.place >= 0:
            back.append(change)
        else:
            kept[change.pair] = change.after
    listed = [*kept.values()]
    for change in sorted(back, key=lambda each: each.place):
        assert change.after is not None
        listed.insert(change.place, change.after)
    return tuple(listed)
