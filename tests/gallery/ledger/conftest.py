"""A gallery of a few linked persons, whose vectors say nothing."""

from __future__ import annotations

import numpy as np
import pytest

from passerby.gallery.gallery import Gallery
from passerby.stores import Store
from passerby.tables.sightings import Sightings


def name(number: int) -> str:
    return f"{number:032x}"


def persons(store: Store) -> dict[int, str]:
    """The person of each sighting, by number."""
    return {
        int(one, 16): person
        for part in store.read(with_vectors=False)
        for one, person in zip(part.ids.tolist(), part.persons.tolist(), strict=True)
    }


@pytest.fixture
def few(make_store) -> Gallery:
    """Ten sightings: three persons by linking, one by hand, two of nobody known."""
    given = ["linked/1"] * 3 + ["linked/2"] * 2 + ["linked/3"] + ["anna"] * 2 + [""] * 2
    vectors = np.eye(12, dtype=np.float32)[:10]
    return Gallery(make_store(vectors, persons=given, cameras=list("abcabcabca")))


__all__ = ["Sightings", "few", "name", "persons"]
