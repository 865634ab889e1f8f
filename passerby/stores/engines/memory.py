"""``memory://NAME``: within one process, exact, nothing on disk. The measure of the engines."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from passerby.stores import Erased, Group, Hits, IndexState, Store
from passerby.stores.about import About
from passerby.tables.filters import EVERYTHING, Where
from passerby.tables.sightings import (
    Sightings,
    days,
    with_columns,
    with_persons,
    without_thumbnails,
    without_vectors,
)

_OPEN: dict[str, MemoryStore] = {}


class MemoryStore(Store):
    """Sightings in arrays; every search compares all of them."""

    lasting = False

    def __init__(self, about: About) -> None:
        self.about = about
        self._sightings = _empty(about.dimensions)
        self._version = 0
        self._changing = threading.Lock()  # who opens one by its name shares it

    @property
    def _rows(self) -> Sightings:
        return self._sightings

    @_rows.setter
    def _rows(self, sightings: Sightings) -> None:
        self._sightings = sightings
        self._version += 1

    def version(self) -> str | None:
        return str(self._version)

    @classmethod
    def create(cls, place: str, about: About) -> MemoryStore:
        """Make an empty one. Raises ValueError when the name is taken in this process."""
        if place in _OPEN:
            raise ValueError(f"{place} exists already")
        _OPEN[place] = cls(about)
        return _OPEN[place]

    @classmethod
    def open(cls, place: str) -> MemoryStore:
        """The one of that name. Raises ValueError when this process made none."""
        if place not in _OPEN:
            raise ValueError(f"{place} is no gallery of this process")
        return _OPEN[place]

    def change_about(self, change: Callable[[About], About]) -> About:
        with self._changing:
            self.about = change(self.about)
        return self.about

    def refresh_about(self) -> About:
        return self.about

    def _write(self, sightings: Sightings, *, replace: bool) -> NDArray[np.bool_]:
        there = np.isin(sightings.ids, self._rows.ids)
        kept = self._rows
        if replace:
            kept = kept[~np.isin(kept.ids, sightings.ids)]
        self._rows = Sightings.joined([kept, sightings if replace else sightings[~there]])
        return there

    def _search(
        self,
        vectors: NDArray[np.float32],
        k: int,
        where: Where,
        *,
        exact: bool,
        with_vectors: bool,
    ) -> Hits:
        found = self._rows[where.keeps(self._rows)]
        distances = 1 - vectors.astype(np.float64) @ found.vectors.astype(np.float64).T  # [Q, N]
        nearest = np.argsort(distances, axis=1, kind="stable")[:, :k]
        count = nearest.shape[1]
        rows = found[nearest.ravel()]
        return Hits(
            np.arange(len(vectors) + 1) * count,
            rows if with_vectors else without_vectors(rows),
            np.take_along_axis(distances, nearest, 1).ravel(),
            exact=True,
        )

    def read(
        self,
        where: Where = EVERYTHING,
        *,
        with_vectors: bool = True,
        with_thumbnails: bool = False,
        batch: int = 10_000,
    ) -> Iterator[Sightings]:
        found = self._rows[where.keeps(self._rows)]
        for start in range(0, len(found), batch):
            part = found[start : start + batch]
            looks = part.looks if with_vectors or with_thumbnails else None
            part = part if with_vectors else without_vectors(part)
            part = part if with_thumbnails else without_thumbnails(part)
            yield with_columns(part, looks=looks)

    def count(self, where: Where = EVERYTHING) -> int:
        return int(where.keeps(self._rows).sum())

    def groups(self, by: Group, where: Where = EVERYTHING) -> dict[str, int]:
        rows = self._rows[where.keeps(self._rows)]
        names = {
            "camera": rows.cameras,
            "person": rows.persons,
            "source": rows.sources,
            "day": days(rows.times),
        }
        return dict(Counter(names[by].tolist()))

    def _name_persons(self, named: Mapping[str, str]) -> int:
        columns = [named.get(i, p) for i, p in zip(self._rows.ids, self._rows.persons, strict=True)]
        found = int(np.isin(self._rows.ids, list(named)).sum())
        self._rows = with_persons(self._rows, columns)
        return found

    def _delete(self, where: Where) -> int:
        gone = where.keeps(self._rows)
        self._rows = self._rows[~gone]
        return int(gone.sum())

    def compact(self) -> Erased:
        return Erased(0, 0, "what was removed left this process's memory at once")

    def index_state(self) -> IndexState:
        return IndexState("", 0, len(self._rows))

    def disk_bytes(self) -> int | None:
        return 0

    def close(self) -> None:
        """Nothing is held open; the gallery lives as long as the process."""


def _empty(dimensions: int) -> Sightings:
    return Sightings(np.empty(0, "<U32"), np.empty((0, dimensions), np.float32))


ENGINE = MemoryStore
