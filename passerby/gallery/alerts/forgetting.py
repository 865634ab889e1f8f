"""Hits of removed sightings: of whoever is forgotten the ledger keeps nothing but a number."""

from __future__ import annotations

from passerby.gallery.alerts.ledger import Ledger, ledger_path
from passerby.stores import Store
from passerby.tables.filters import Where

_AT_ONCE = 1000  # ids in one condition


def sightings_of_hits(store: Store, where: Where) -> set[str]:
    """Of the sightings that satisfy ``where``, the ids of those that were hits."""
    ledger = _ledger(store)
    if ledger is None:
        return set()
    try:
        ids = sorted(ledger.sightings())
    finally:
        ledger.close()
    found: set[str] = set()
    for start in range(0, len(ids), _AT_ONCE):
        for part in store.read(Where(ids=tuple(ids[start : start + _AT_ONCE])), with_vectors=False):
            found.update(part[where.keeps(part)].ids.tolist())
    return found


def forget_hits_of(store: Store, ids: set[str]) -> None:
    """Forget what was said of passages of which these sightings are gone."""
    ledger = _ledger(store) if ids else None
    if ledger is not None:
        ledger.forget_sightings(ids)
        ledger.close()


def _ledger(store: Store) -> Ledger | None:
    """The ledger of a gallery that has one."""
    try:
        path = ledger_path(store)
    except ValueError:
        return None
    return Ledger(path) if path.exists() else None
