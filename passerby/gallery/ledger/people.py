"""A gallery without what is no person: what people set aside takes no part in anything."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from passerby.stores import Erased, Group, Hits, IndexState, Store
from passerby.stores.about import About
from passerby.tables.filters import EVERYTHING, Where
from passerby.tables.sightings import NOT_A_PERSON, Sightings


def people(store: Store) -> Store:
    """The gallery without sightings that were set aside; itself where there are none."""
    return OnlyPersons(store) if store.about.not_persons else store


class OnlyPersons(Store):
    """A store less the sightings that are no person, unless a filter asks for just these."""

    def __init__(self, store: Store) -> None:
        self.about = store.about
        self._store = store

    @classmethod
    def create(cls, place: str, about: About) -> Store:
        """A view is of a gallery that is there already: ValueError."""
        raise ValueError(f"{place}: galleries are made with all that they hold")

    @classmethod
    def open(cls, place: str) -> Store:
        """A view is of a gallery that is open already: ValueError."""
        raise ValueError(f"{place}: galleries are opened with all that they hold")

    @property
    def plain(self) -> Store:
        return self._store.plain

    @property
    def folder(self) -> Path | None:
        return self._store.folder

    def change_about(self, change: Callable[[About], About]) -> About:
        self.about = self._store.change_about(change)
        return self.about

    def refresh_about(self) -> About:
        self.about = self._store.refresh_about()
        return self.about

    def read(
        self,
        where: Where = EVERYTHING,
        *,
        with_vectors: bool = True,
        with_thumbnails: bool = False,
        batch: int = 10_000,
    ) -> Iterator[Sightings]:
        yield from self._store.read(
            _persons(where), with_vectors=with_vectors, with_thumbnails=with_thumbnails, batch=batch
        )

    def count(self, where: Where = EVERYTHING) -> int:
        return self._store.count(_persons(where))

    def version(self) -> str | None:
        return self._store.version()

    def groups(self, by: Group, where: Where = EVERYTHING) -> dict[str, int]:
        return self._store.groups(by, _persons(where))

    def compact(self) -> Erased:
        return self._store.compact()

    def index_state(self) -> IndexState:
        return self._store.index_state()

    def disk_bytes(self) -> int | None:
        return self._store.disk_bytes()

    def close(self) -> None:
        self._store.close()

    def _write(self, sightings: Sightings, *, replace: bool) -> int:
        raise ValueError("sightings are written into the whole gallery, not through a view")

    def _delete(self, where: Where) -> int:
        return self._store.delete(where)

    def _name_persons(self, named: Mapping[str, str]) -> int:
        return self._store.name_persons([*named], [*named.values()])

    def _search(
        self,
        vectors: NDArray[np.float32],
        k: int,
        where: Where,
        *,
        exact: bool,
        with_vectors: bool,
    ) -> Hits:
        return self._store.search(
            vectors, k, _persons(where), exact=exact, with_vectors=with_vectors
        )


def _persons(where: Where) -> Where:
    if NOT_A_PERSON in where.persons:
        return where
    return replace(where, not_persons=(*where.not_persons, NOT_A_PERSON))
