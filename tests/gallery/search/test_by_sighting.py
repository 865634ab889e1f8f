"""A search with a sighting that the gallery has."""

import numpy as np
import pytest

from passerby.gallery.gallery import Gallery
from passerby.gallery.search.by_sighting import search_like
from passerby.gallery.search.options import SearchOptions
from passerby.tables.looks import Looks, pool
from passerby.tables.sightings import Sightings, with_columns


@pytest.fixture
def gallery(make_store, crowd):
    """Two persons twice; the first sighting is a passage of three looks that differ."""
    store = make_store(crowd.shots(crowd.persons(2)[[0, 0, 1, 1]], 0.1))
    one = Sightings.joined([*store.read()])[[0]]
    vectors = crowd.shots(np.repeat(one.vectors, 3, axis=0), 0.3)
    times = np.datetime64("2026-05-01", "us") + np.arange(3) * np.timedelta64(1, "s")
    boxes = np.zeros((3, 4), np.float32)
    looks = Looks((0.0, 2.0), np.arange(3.0), times, np.arange(3), boxes, vectors)
    pooled, coherence = pool(vectors)
    passage = with_columns(one, vectors=pooled[None], coherences=[coherence], looks=[looks])
    store.write(passage, replace=True)
    return Gallery(store)


def test_of_a_passage_the_middle_look_asks_and_it_is_left_out(gallery):
    kept = Sightings.joined([*gallery.store.read(with_thumbnails=True)])
    (passage,) = [row for row, looks in enumerate(kept.looks) if looks is not None]
    looks = kept.looks[passage]
    found = search_like(gallery, kept[[passage]], SearchOptions(10))
    own = str(kept.ids[passage])
    assert own not in {match.sighting for match in found}
    asked = gallery.search_with(looks.vectors[looks.middle], SearchOptions(10))
    expected = {one.sighting: one.distance for one in asked if one.sighting != own}
    assert {one.sighting: one.distance for one in found} == pytest.approx(expected)
    pooled = gallery.search_with(kept.vectors[passage], SearchOptions(10))
    others = [one for one in pooled if one.sighting != own]
    assert all(one.distance != pytest.approx(expected[one.sighting], abs=1e-4) for one in others)
