"""The names that a gallery knows: a filter that names others is a mistake, and is not answered."""

from __future__ import annotations

from collections.abc import Collection
from difflib import get_close_matches

from passerby.stores import Group, Store
from passerby.tables.filters import Where
from passerby.tables.sightings import UNKNOWN

_SAID: dict[Group, str] = {
    "person": "no person is named {}",
    "camera": "no sighting is by the camera {}",
    "source": "no sighting is of the source {}",
}
_SHOWN = 8
_COMPARED = 20_000  # names that are compared letter by letter with a mistyped one


class KnownNames:
    """Names of persons, cameras and sources in one store, read when they are asked for and kept
    until the store's version changes; of a store without versions they are read each time."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._version: str | None = None
        self._kept: dict[Group, frozenset[str]] = {}

    def of(self, kind: Group) -> frozenset[str]:
        """All names of a kind, now."""
        version = self._store.version()
        if version is None or version != self._version:
            self._version = version
            self._kept.clear()
        if kind not in self._kept:
            self._kept[kind] = frozenset(self._store.groups(kind)) - {UNKNOWN}
        return self._kept[kind]

    def require(self, where: Where) -> None:
        """Compare a filter with what there is.

        Raises:
            ValueError: It names a person, camera, source or sighting that the gallery does not
                know; the nearest known name is in the message.
        """
        asked: tuple[tuple[Group, tuple[str, ...]], ...] = (
            ("person", where.persons),
            ("camera", where.cameras + where.not_cameras),
            ("source", where.sources),
        )
        for kind, names in asked:
            unknown = [name for name in names if name not in self.of(kind)]
            if unknown:
                raise ValueError(
                    _SAID[kind].format(repr(unknown[0])) + nearest(unknown[0], self.of(kind))
                )
        self._require_ids(where.ids)

    def _require_ids(self, ids: tuple[str, ...]) -> None:
        if not ids:
            return
        there = {
            known
            for part in self._store.read(Where(ids=ids), with_vectors=False)
            for known in part.ids.tolist()
        }
        unknown = [name for name in ids if name not in there]
        if unknown:
            parts = self._store.read(with_vectors=False)
            known = [name for part in parts for name in part.ids.tolist()]
            raise ValueError(f"no sighting has the id {unknown[0]!r}{nearest(unknown[0], known)}")


def nearest(name: str, known: Collection[str]) -> str:
    """What to say of a name that is not known: the nearest that is, or some of those that are.

    Examples:
        >>> nearest("entrnce", ["hall", "entrance"])
        "; did you mean 'entrance'?"
        >>> nearest("99", ["2", "1"])
        '; known are: 1, 2'
    """
    if not known:
        return ": the gallery knows none"
    folded: dict[str, str] = {}
    for one in sorted(known):
        folded.setdefault(one.casefold(), one)
    wanted = name.strip().casefold()
    candidates = [*folded]
    if len(candidates) > _COMPARED:
        ends = (wanted[:3], wanted[-3:])
        candidates = [n for n in candidates if n[:3] == ends[0] or n[-3:] == ends[1]][:_COMPARED]
    near = get_close_matches(wanted, candidates, n=1)
    if near:
        return f"; did you mean {folded[near[0]]!r}?"
    shown = sorted(known)[:_SHOWN]
    more = f" and {len(known) - _SHOWN:,} more" if len(known) > _SHOWN else ""
    return f"; known are: {', '.join(shown)}{more}"
