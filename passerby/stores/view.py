"""View: a store seen through another, which shows some of it, or shows it otherwise."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from passerby.stores import Erased, Group, Hits, IndexState, Store
from passerby.stores.about import About
from passerby.tables.filters import EVERYTHING, Where
from passerby.tables.sightings import Sightings


class View(Store):
    """As the store below, but for what a view overrides. Nothing is written through it.

    Args:
        store: What is seen.
        about: Its description as the view shows it.
    """

    def __init__(self, store: Store, about: About) -> None:
        self.about = about
        self._store = store

    @classmethod
    def create(cls, place: str, about: About) -> Store:
        """A view is of a gallery that is there already: ValueError."""
        raise ValueError(f"{place}: a gallery is made as a whole, and seen otherwise then")

    @classmethod
    def open(cls, place: str) -> Store:
        """A view is of a gallery that is open already: ValueError."""
        raise ValueError(f"{place}: a gallery is opened as a whole, and seen otherwise then")

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
            where, with_vectors=with_vectors, with_thumbnails=with_thumbnails, batch=batch
        )

    def count(self, where: Where = EVERYTHING) -> int:
        return self._store.count(where)

    def version(self) -> str | None:
        return self._store.version()

    def groups(self, by: Group, where: Where = EVERYTHING) -> dict[str, int]:
        return self._store.groups(by, where)

    def compact(self) -> Erased:
        return self._store.compact()

    def index_state(self) -> IndexState:
        return self._store.index_state()

    def recall(self) -> float | None:
        return self._store.recall()

    def disk_bytes(self) -> int | None:
        return self._store.disk_bytes()

    def close(self) -> None:
        self._store.close()

    def _write(self, sightings: Sightings, *, replace: bool) -> NDArray[np.bool_]:
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
        return self._store.search(vectors, k, where, exact=exact, with_vectors=with_vectors)
