"""A gallery as it is seen after what it taught about its own cameras and persons (`adapting`).

The engine keeps vectors as the network made them; what was learnt lies in the description
(`About.adapted`), so that dumps carry it and undoing it is exact. The map is linear but for the
last scaling: an engine's index finds candidates by the mapped query, mapped once more (the map is
symmetric), and these are compared exactly. The nearest are then put in an order that corrects hubs
(CSLS): by how near they are to some sightings of the gallery, of which the ids are kept.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import lru_cache
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from passerby.adaptation.back_end import BackEnd
from passerby.adaptation.camera_means import camera_means, camera_texts
from passerby.adaptation.hubness import crowding
from passerby.assessment.calibrate import Seen
from passerby.gallery.search.querying import Query
from passerby.stores import Hits, Store
from passerby.stores.about import About
from passerby.stores.view import View
from passerby.tables.embeddings import Embeddings
from passerby.tables.filters import EVERYTHING, Where
from passerby.tables.looks import pool
from passerby.tables.sightings import UNKNOWN, Sightings, with_columns, without_vectors

_ALL = 20_000  # sightings that are all compared: an index has nothing to save there
_CANDIDATES = 1000  # of an index, for each query
_TOGETHER = 8  # queries whose candidates are in memory at once


def back_end_of(about: About) -> BackEnd | None:
    """What a gallery learnt, None where nothing. Raises ValueError for what is damaged."""
    return _read(about.adapted) if about.adapted else None


def view(store: Store) -> Store:
    """The gallery with vectors and distances after what it learnt; itself where that is nothing."""
    found = back_end_of(store.about)
    return store if found is None else AdaptedStore(store, found)


def seen_by(store: Store, query: Query, camera: str) -> Query:
    """A query as the view of its gallery compares it; camera: that took it, "" where not known."""
    if not isinstance(store, AdaptedStore):
        return query
    name, means = camera or query.camera, store.back_end.means
    own = [] if means is None else [source for source, known in means.cameras if known == name]
    source = own[0] if len(own) == 1 else UNKNOWN  # of two such cameras it may be either
    texts = np.array([source]), np.array([name if len(own) == 1 else UNKNOWN])
    return replace(query, vector=store.back_end.applied(query.vector[None], *texts)[0])


def seen_of(store: Store) -> Seen | None:
    """How a view sees labelled images from elsewhere, None for a plain store.

    What varies in one person is the gallery's. Of a camera that the gallery knows, by source and
    name, so is the mean; others have that of their own images.
    """
    if not isinstance(store, AdaptedStore):
        return None
    back_end = store.back_end

    def mapped(labelled: Embeddings) -> Embeddings:
        blind = labelled.cameras is None
        texts = (np.full(len(labelled), UNKNOWN),) * 2 if blind else camera_texts(labelled)[0]
        means = back_end.means
        if means is not None:
            means = means.preferred_to(camera_means(labelled.vectors, *texts))
        there = replace(back_end, means=means)
        return replace(labelled, vectors=there.applied(labelled.vectors, *texts))

    return Seen(mapped, store.about.pooling)


def corrects_hubs(store: Store) -> bool:
    """Whether it is a view that moves away what is near to everybody."""
    return isinstance(store, AdaptedStore) and bool(store.back_end.anchors)


def crowded(store: Store, near: Sightings) -> NDArray[np.float32] | None:
    """By how much each of N sightings, with vectors, is moved away [N]; None where none is."""
    if not isinstance(store, AdaptedStore) or not store.back_end.anchors:
        return None
    return np.asarray(crowding(near.vectors, store.anchors()) / 2, np.float32)


class AdaptedStore(View):
    """A store whose vectors are seen through a back-end. Its description has a pooling of its own,
    so that calibrations of the plain distances are not taken for its."""

    def __init__(self, store: Store, back_end: BackEnd) -> None:
        self.back_end = back_end
        super().__init__(store, self._described(store.about))

    def change_about(self, change: Callable[[About], About]) -> About:
        def plain(about: About) -> About:
            made = change(self._described(about))
            return replace(made, pooling=about.pooling, brought=about.brought)

        self.about = self._described(self._store.change_about(plain))
        return self.about

    def refresh_about(self) -> About:
        self.about = self._described(self._store.refresh_about())
        return self.about

    def read(
        self,
        where: Where = EVERYTHING,
        *,
        with_vectors: bool = True,
        with_thumbnails: bool = False,
        batch: int = 10_000,
    ) -> Iterator[Sightings]:
        for part in self._store.read(
            where, with_vectors=with_vectors, with_thumbnails=with_thumbnails, batch=batch
        ):
            yield self._mapped(part) if with_vectors and len(part) else part

    def anchors(self) -> NDArray[np.float32]:
        """The mapped vectors [A, D] of the sightings that tell hubs; read once."""
        known = _READ.get(self.plain)
        if known is None or known[0] != self.back_end.fingerprint:
            parts = [np.empty((0, self.about.dimensions), np.float32)]
            parts += [part.vectors for part in self.read(Where(ids=self.back_end.anchors))]
            known = self.back_end.fingerprint, np.concatenate(parts)
            _READ[self.plain] = known
        return known[1]

    def _search(
        self,
        vectors: NDArray[np.float32],
        k: int,
        where: Where,
        *,
        exact: bool,
        with_vectors: bool,
    ) -> Hits:
        everything = exact or self._store.count(where) <= _ALL
        found = self._among_all(vectors, k, where) if everything else []
        if not everything:
            for start in range(0, len(vectors), _TOGETHER):
                found += self._among_candidates(vectors[start : start + _TOGETHER], k, where)
        sightings = Sightings.joined([near for near, _ in found])
        return Hits(
            np.cumsum([0, *(len(near) for near, _ in found)]),
            sightings if with_vectors else without_vectors(sightings),
            np.concatenate([distances for _, distances in found]),
            everything,
        )

    def _among_all(self, vectors: NDArray[np.float32], k: int, where: Where) -> list[_Near]:
        empty = Sightings([], np.empty((0, vectors.shape[1]), np.float32)), np.empty(0)
        found: list[_Near] = [empty] * len(vectors)
        for part in self.read(where):
            found = [
                _nearest(Sightings.joined([near, part]), vector, k)
                for vector, (near, _) in zip(vectors, found, strict=True)
            ]
        return found

    def _among_candidates(self, vectors: NDArray[np.float32], k: int, where: Where) -> list[_Near]:
        within = self.back_end.within
        asked = vectors if within is None else within.damped(vectors)
        asked = asked / np.linalg.norm(asked, axis=1, keepdims=True)
        hits = self._store.search(asked, max(4 * k, _CANDIDATES), where, with_vectors=True)
        return [
            _nearest(self._mapped(hits.of(query)[0]), vector, k)
            for query, vector in enumerate(vectors)
        ]

    def _mapped(self, part: Sightings) -> Sightings:
        made = self.back_end.applied(part.vectors, part.sources, part.cameras)
        if not any(part.looks):
            return with_columns(part, vectors=made)
        return self._pooled_after(part, made)

    def _pooled_after(self, part: Sightings, vectors: NDArray[np.float32]) -> Sightings:
        """Of passages each look is seen through the back-end, and these are pooled."""
        coherences, looks = part.coherences.copy(), [*part.looks]
        for row, each in enumerate(part.looks):
            if each is not None:
                places = part[np.full(len(each), row)]
                made = self.back_end.applied(each.vectors, places.sources, places.cameras)
                looks[row] = replace(each, vectors=made)
                vectors[row], coherences[row] = pool(made)
        return with_columns(part, vectors=vectors, coherences=coherences, looks=looks)

    def _described(self, plain: About) -> About:
        pooling = f"{plain.pooling}+adapted {self.back_end.fingerprint}"
        return replace(plain, pooling=pooling, brought={})


_READ: WeakKeyDictionary[Store, tuple[str, NDArray[np.float32]]] = WeakKeyDictionary()
"""Vectors of anchors, with the fingerprint of what they were mapped by."""

_Near = tuple[Sightings, NDArray[np.float64]]


def _nearest(sightings: Sightings, vector: NDArray[np.float32], k: int) -> _Near:
    distances = 1 - sightings.vectors.astype(np.float64) @ vector.astype(np.float64)
    order = np.argsort(distances, kind="stable")[:k]
    return sightings[order], np.maximum(distances[order], 0)


@lru_cache(maxsize=4)
def _read(text: str) -> BackEnd:
    try:
        data = base64.b64decode(text, validate=True)
    except ValueError as error:
        raise ValueError(f"what the gallery learnt is damaged: {error}") from None
    return BackEnd.from_bytes(data)
