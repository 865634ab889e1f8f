"""Removed sightings leave the ledger, too: of them it keeps that somebody decided, and when."""

from __future__ import annotations

from passerby.gallery.ledger.applying import counted, finish, persons_of
from passerby.gallery.ledger.place import deciding, has_ledger
from passerby.stores import Store


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
