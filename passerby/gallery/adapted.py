"""A gallery after what it taught about its own cameras and persons: learnt, seen, undone.

The engine keeps vectors as the network made them; what was learnt lies in the description
(`About.adapted`), so that dumps carry it and undoing it is exact. The map is linear but for the
last scaling: an engine's index finds candidates by the mapped query, mapped once more (the map is
symmetric), and these are compared exactly.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from passerby.adaptation.back_end import BackEnd, learnt, within_class_of
from passerby.assessment.adapt import packaged_within_class
from passerby.gallery.reviewed_pairs import reviewed_pairs
from passerby.gallery.search.querying import Query
from passerby.gallery.tracklets import tracklet_numbers
from passerby.stores import Erased, Group, Hits, IndexState, Store
from passerby.stores.about import About
from passerby.tables.filters import EVERYTHING, Where
from passerby.tables.keys import numbered
from passerby.tables.sightings import UNKNOWN, Sightings, with_columns, without_vectors

MOST_OF_CAMERA = 2000
"""Sightings of a camera that are learnt from, one a passage."""

_ALL = 20_000  # sightings that are all compared: an index has nothing to save there
_CANDIDATES = 1000  # of an index, for each query
_TOGETHER = 8  # queries whose candidates are in memory at once


def back_end_of(about: About) -> BackEnd | None:
    """What a gallery learnt, None where nothing. Raises ValueError for what is damaged."""
    return _read(about.adapted) if about.adapted else None


def adapt(store: Store) -> BackEnd:
    """Learn from the sightings of a gallery and keep it with it; replaces what was learnt before.

    Calibrations of the distances until then are set aside: they hold for these alone. Nothing is
    kept where nothing could be learnt. Raises ValueError for a gallery without sightings.
    """
    about = store.refresh_about()
    sightings = _taught(store)
    if not len(sightings):
        raise ValueError("the gallery is empty: there is nothing to learn from")
    prior = within_class_of(about.place, about.model)
    prior = prior or packaged_within_class(about.model)
    found = learnt(
        sightings.vectors, sightings.sources, sightings.cameras,
        model=about.model, pooling=about.pooling, prior=prior, persons=_persons(store, sightings),
    )  # fmt: skip
    if not found.acts:
        undo(store)
        return found
    text = base64.b64encode(found.to_bytes()).decode()
    plain = about.set_aside if about.adapted else about.calibrations
    store.set_about(replace(about, adapted=text, set_aside=plain, calibrations={}))
    return found


def undo(store: Store) -> bool:
    """Forget what was learnt; the calibrations of before hold again. Whether there was anything."""
    about = store.refresh_about()
    if not about.adapted:
        return False
    store.set_about(replace(about, adapted="", calibrations=about.set_aside, set_aside={}))
    return True


def relearn(store: Store) -> BackEnd | None:
    """Learn anew where sightings were removed, so that nothing learnt from them stays; None where
    nothing had been learnt, or nothing can be any more."""
    if not store.refresh_about().adapted:
        return None
    if not store.count():
        undo(store)
        return None
    return adapt(store)


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


class AdaptedStore(Store):
    """A store whose vectors are seen through a back-end. Its description has a pooling of its own,
    so that calibrations of the plain distances are not taken for its."""

    def __init__(self, store: Store, back_end: BackEnd) -> None:
        self.back_end = back_end
        self._store = store
        self.about = self._described(store.about)

    @classmethod
    def create(cls, place: str, about: About) -> Store:
        """A view is of a gallery that is there already: ValueError."""
        raise ValueError(f"{place}: galleries are made plain, and adapted then")

    @classmethod
    def open(cls, place: str) -> Store:
        """A view is of a gallery that is open already: ValueError."""
        raise ValueError(f"{place}: galleries are opened plain, and seen adapted then")

    def set_about(self, about: About) -> None:
        plain = self._store.about
        self._store.set_about(replace(about, pooling=plain.pooling, brought=plain.brought))
        self.about = self._described(self._store.about)

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

    def version(self) -> str | None:
        return self._store.version()

    def count(self, where: Where = EVERYTHING) -> int:
        return self._store.count(where)

    def groups(self, by: Group, where: Where = EVERYTHING) -> dict[str, int]:
        return self._store.groups(by, where)

    def compact(self) -> Erased:
        return self._store.compact()

    def index_state(self) -> IndexState:
        return self._store.index_state()

    def disk_bytes(self) -> int | None:
        return self._store.disk_bytes()

    def close(self) -> None:
        self._store.close()

    def _write(self, sightings: Sightings, *, replace: bool) -> int:
        raise ValueError("sightings are written as the network made them, not through a view")

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
        return with_columns(part, vectors=made)

    def _described(self, plain: About) -> About:
        pooling = f"{plain.pooling}+adapted {self.back_end.fingerprint}"
        return replace(plain, pooling=pooling, brought={})


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


def _taught(store: Store) -> Sightings:
    """Some sightings of each camera, one a passage, in an order of their own."""
    parts = []
    for camera in sorted({*store.groups("camera")} - {UNKNOWN}):
        taken = 0
        for part in store.read(Where(cameras=(camera,)), batch=MOST_OF_CAMERA):
            one = part[np.unique(tracklet_numbers(part), return_index=True)[1]]
            parts.append(one[: MOST_OF_CAMERA - taken])
            taken += len(parts[-1])
            if taken >= MOST_OF_CAMERA:
                break
    if not parts:
        parts = [part[:MOST_OF_CAMERA] for part in store.read(batch=MOST_OF_CAMERA)][:1]
    if not parts:
        return Sightings([], np.empty((0, store.about.dimensions), np.float32))
    joined = Sightings.joined(parts)
    return joined[np.argsort(joined.ids, kind="stable")]


def _persons(store: Store, sightings: Sightings) -> NDArray[np.int64]:
    """Who is known of N sightings: those with a name that people gave, and those of reviewed pairs
    of one person; -1 for the others. Names of a linking are guesses of the distances themselves."""
    named = sightings.persons != UNKNOWN
    named &= ~np.char.startswith(sightings.persons, "linked/")
    persons = np.where(named, numbered(sightings.persons), -1)
    if not store.about.answers:
        return persons
    pairs = reviewed_pairs(store)
    rows = {sighting: row for row, sighting in enumerate(sightings.ids.tolist())}
    said: Sequence[tuple[str, str]] = [
        *zip(
            pairs.first.ids[pairs.same].tolist(), pairs.second.ids[pairs.same].tolist(), strict=True
        )
    ]
    for number, (one, other) in enumerate(said, len(sightings)):
        both = [rows[each] for each in (one, other) if each in rows]
        if len(both) == 2 and (persons[both] < 0).all():
            persons[both] = number
    return persons
