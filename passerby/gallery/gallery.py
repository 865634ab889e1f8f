"""Gallery: sightings of one model's embeddings, added, searched, shown and forgotten."""

from __future__ import annotations

import os
from types import TracebackType

from passerby.gallery.about import About
from passerby.gallery.checking import Check, check_store
from passerby.gallery.stores import Progress, Store
from passerby.gallery.stores.opening import create_store, open_store


class Gallery:
    """A gallery in a folder or on a server. Close it, or use it in a ``with`` statement."""

    def __init__(self, store: Store) -> None:
        self.store = store

    @classmethod
    def create(cls, place: str | os.PathLike[str], about: About) -> Gallery:
        """Make an empty one. Raises ValueError when there is something at the place already."""
        return cls(create_store(place, about))

    @classmethod
    def open(cls, place: str | os.PathLike[str]) -> Gallery:
        """Open one: a folder, or ``milvus://HOST:PORT/COLLECTION``."""
        return cls(open_store(place))

    @property
    def about(self) -> About:
        """Of which model it is."""
        return self.store.about

    def __len__(self) -> int:
        return self.store.count()

    def close(self) -> None:
        """Give back what is held open."""
        self.store.close()

    def __enter__(self) -> Gallery:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def check(self, progress: Progress | None = None) -> Check:
        """Whether it is whole, and recall and latency of its index on some of its own sightings."""
        return check_store(self.store, progress=progress)
