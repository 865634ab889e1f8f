"""A gallery without what is no person: what people set aside takes no part in anything."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from passerby.stores import Group, Hits, Store
from passerby.stores.view import View
from passerby.tables.filters import EVERYTHING, Where
from passerby.tables.sightings import NOT_A_PERSON, Sightings


def people(store: Store) -> Store:
    """The gallery without sightings that were set aside; itself where there are none."""
    return OnlyPersons(store, store.about) if store.about.not_persons else store


class OnlyPersons(View):
    """A store less the sightings that are no person, unless a filter asks for just these."""

    def read(
        self,
        where: Where = EVERYTHING,
        *,
        with_vectors: bool = True,
        with_thumbnails: bool = False,
        batch: int = 10_000,
    ) -> Iterator[Sightings]:
        yield from super().read(
            _persons(where), with_vectors=with_vectors, with_thumbnails=with_thumbnails, batch=batch
        )

    def count(self, where: Where = EVERYTHING) -> int:
        return super().count(_persons(where))

    def groups(self, by: Group, where: Where = EVERYTHING) -> dict[str, int]:
        return super().groups(by, _persons(where))

    def _search(
        self,
        vectors: NDArray[np.float32],
        k: int,
        where: Where,
        *,
        exact: bool,
        with_vectors: bool,
    ) -> Hits:
        return super()._search(vectors, k, _persons(where), exact=exact, with_vectors=with_vectors)


def _persons(where: Where) -> Where:
    if NOT_A_PERSON in where.persons:
        return where
    return replace(where, not_persons=(*where.not_persons, NOT_A_PERSON))
