"""Crops in memory become sightings, with what is known of each."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest
from PIL import Image

from passerby.data.crops import Labels
from passerby.tables.sightings import Sightings

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)


@pytest.fixture
def pictures():
    return list(np.random.default_rng(0).integers(0, 256, (3, 40, 20, 3), np.uint8))


def test_crops_in_memory_are_added_once(gallery, pictures):
    added = gallery.add(
        pictures,
        camera="door",
        time=[NOON, NOON, None],
        tracklet=7,
        person=["anna", "", "-1"],
        quality=[0.5, 1.0, 0.0],
        keep_thumbnails=True,
    )
    assert (added.added, added.present, added.timeless) == (3, 0, 1)
    again = gallery.add(np.stack(pictures), camera="other")
    assert (again.added, again.present) == (0, 3)
    stored = Sightings.joined([*gallery.store.read(with_thumbnails=True)])
    assert sorted(stored.persons.tolist()) == ["", "", "anna"]
    assert set(stored.cameras.tolist()) == {"door"}
    assert set(stored.tracklets.tolist()) == {7}
    assert set(stored.images.tolist()) == {""}
    assert all(stored.thumbnails)
    expected = gallery.embedder(pictures[:1])[0]
    row = stored.persons.tolist().index("anna")
    np.testing.assert_allclose(stored.vectors[row], expected / np.linalg.norm(expected), atol=1e-5)
    assert stored.times[row] == np.datetime64("2026-05-01T12:00")


def test_one_image_of_any_kind(gallery, pictures):
    assert gallery.add(pictures[0]).added == 1
    assert gallery.add(Image.fromarray(pictures[0])).present == 1
    assert gallery.add([Image.fromarray(pictures[1])], person="bert").added == 1


def test_bytes_of_a_file_are_the_sighting_that_the_file_is(gallery, pictures, tmp_path):
    path = tmp_path / "a.png"
    Image.fromarray(pictures[0]).save(path)
    assert gallery.add(path.read_bytes(), camera="door").added == 1
    assert gallery.add([path.read_bytes()]).present == 1
    assert gallery.add(path).present == 1
    assert gallery.add(pictures[0]).added == 1  # pixels tell nothing of a file


@pytest.mark.parametrize(
    ("given", "options", "message"),
    [
        ([None], {}, "None"),
        ([np.zeros((4, 4), np.uint8)], {}, "uint8"),
        ("PICTURES", {"camera": ["a"]}, "cameras must be one for all or 3, got 1"),
        ("PICTURES", {"time": datetime(2026, 5, 1)}, "zone"),
        ("PICTURES", {"labels": Labels(camera="a")}, "labels are of files"),
        (["a.jpg"], {"camera": "a"}, "give Labels"),
        (["a.jpg", np.zeros((4, 4, 3), np.uint8)], {}, "not both at once"),
    ],
)
def test_what_cannot_be_added(gallery, pictures, given, options, message):
    with pytest.raises(ValueError, match=message):
        gallery.add(pictures if given == "PICTURES" else given, **options)
    assert len(gallery) == 0
