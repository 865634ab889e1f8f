"""The opt-out list: who asked to be forgotten is not enrolled again. Held against every writing.

A sighting is refused where it is one of the very pictures that were forgotten, told by a digest, or
where its mean distance to the pictures that an entry was pooled from is below its threshold.
Distances are those of vectors as the network makes them; an entry of another model refuses by
digests alone.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from passerby.stores.about import About, OptOut
from passerby.tables.looks import distances_to_looks
from passerby.tables.sightings import Sightings
from passerby.tables.unit_length import unit

DIGEST = 8
"""Bytes that tell a forgotten picture."""


def refusals(sightings: Sightings, about: About) -> NDArray[np.int64]:
    """For each of N sightings with vectors the entry of the list that refuses it [N], −1 for none.

    Raises:
        ValueError: An entry is damaged.
    """
    found = np.full(len(sightings), -1)
    for number, entry in enumerate(about.opt_outs):
        found[(found < 0) & _refused(sightings, entry, about)] = number
    return found


def distances_to(sightings: Sightings, entry: OptOut, dimensions: int) -> NDArray[np.float64]:
    """The mean cosine distance [N] of the looks of each sighting to the pictures of an entry."""
    vector = vector_of(entry, dimensions)
    plain = 1 - sightings.vectors.astype(np.float64) @ vector.astype(np.float64)
    to_looks = distances_to_looks(plain, sightings.coherences)
    return distances_to_looks(to_looks, np.full(len(sightings), entry.coherence, np.float32))


def vector_of(entry: OptOut, dimensions: int) -> NDArray[np.float32]:
    """The pooled vector [D] of length 1. Raises ValueError for what is damaged."""
    return _vector(entry.vector, entry.id, dimensions)


def require_whole(about: About) -> None:
    """ValueError for a list with a damaged entry, as a file from elsewhere may bring."""
    for entry in about.opt_outs:
        _digests(entry.pictures, entry.id)
        if (entry.model, entry.pooling) == (about.model, about.pooling):
            vector_of(entry, about.dimensions)


def encoded(vector: NDArray[np.float32]) -> str:
    """A vector as an entry keeps it: float16 in base 64."""
    return base64.b64encode(vector.astype("<f2").tobytes()).decode()


def digests_of(entry_id: str, ids: Sequence[str]) -> str:
    """Of pictures, by their ids as sightings, as an entry keeps them: nobody finds an id by them
    who has not got it, and two entries have nothing in common."""
    return base64.b64encode(b"".join(sorted(_digest(entry_id, one) for one in ids))).decode()


def count_pictures(entry: OptOut) -> int:
    """How many pictures it refuses by digest."""
    return len(_digests(entry.pictures, entry.id))


def _refused(sightings: Sightings, entry: OptOut, about: About) -> NDArray[np.bool_]:
    known = _digests(entry.pictures, entry.id)
    same = np.array([_digest(entry.id, one) in known for one in sightings.ids.tolist()], bool)
    ours = (entry.model, entry.pooling) == (about.model, about.pooling)
    if not ours or entry.distance is None or not len(sightings):
        return same
    near: NDArray[np.bool_] = distances_to(sightings, entry, about.dimensions) < entry.distance
    return same | near


def _digest(entry_id: str, sighting: str) -> bytes:
    return hashlib.blake2b(sighting.encode(), key=entry_id.encode(), digest_size=DIGEST).digest()


@lru_cache(maxsize=64)
def _digests(text: str, entry_id: str) -> frozenset[bytes]:
    data = _decoded(text, entry_id)
    if len(data) % DIGEST:
        raise ValueError(_DAMAGED.format(id=entry_id))
    return frozenset(data[n : n + DIGEST] for n in range(0, len(data), DIGEST))


@lru_cache(maxsize=64)
def _vector(text: str, entry_id: str, dimensions: int) -> NDArray[np.float32]:
    data = _decoded(text, entry_id)
    try:
        return unit(np.frombuffer(data, "<f2").astype(np.float32).reshape(1, dimensions))[0]
    except ValueError:
        raise ValueError(_DAMAGED.format(id=entry_id)) from None


def _decoded(text: str, entry_id: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except ValueError:
        raise ValueError(_DAMAGED.format(id=entry_id)) from None


_DAMAGED = (
    "the entry {id} of the opt-out list is damaged: nothing is enrolled before it is removed "
    "(passerby gallery opt-out remove) and, with pictures of the person, made again"
)
