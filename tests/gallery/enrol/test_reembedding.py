"""A gallery moved to another model: what is known stays, what is gone is told of."""

from __future__ import annotations

import os

import numpy as np
import pytest

from passerby.data.crops import Labels
from passerby.embedding.embedder import load
from passerby.gallery.gallery import Gallery
from passerby.gallery.reviewed_pairs import answer, record_answers
from passerby.tables.filters import Where
from passerby.tables.sightings import Sightings


@pytest.fixture(scope="module")
def other(make_model):
    return load(make_model(1), device="cpu")


def everything(gallery):
    read = Sightings.joined([*gallery.store.read(with_thumbnails=True)])
    return read[np.argsort(read.images)]


def test_persons_names_and_thumbnails_are_kept(gallery, crops, other, memory_place):
    gallery.add(crops, keep_thumbnails=True)
    gallery.store.name_persons([str(everything(gallery).ids[0])], ["anna"])
    place = f"{memory_place}-new"
    moved = gallery.reembed(other, place)
    assert (moved.added, moved.present, moved.left_out) == (10, 0, ())
    with Gallery.open(place) as new:
        assert new.about.model == other.fingerprint != gallery.about.model
        old_rows, rows = everything(gallery), everything(new)
        for name in ("ids", "persons", "cameras", "sources", "frames", "images", "thumbnails"):
            np.testing.assert_array_equal(getattr(rows, name), getattr(old_rows, name), name)
        assert rows.persons[0] == "anna"
        expected = other([str(image) for image in rows.images])
        expected /= np.linalg.norm(expected, axis=1, keepdims=True)
        np.testing.assert_allclose(rows.vectors, expected, atol=1e-5)
    again = gallery.reembed(other, place)
    assert (again.added, again.present) == (0, 10)


def test_answers_about_pairs_go_along(gallery, crops, other, memory_place):
    gallery.add(crops)
    rows = everything(gallery)
    given = [answer(rows.ids[0], rows.ids[3], True), answer(rows.ids[3], rows.ids[5], None)]
    record_answers(gallery.store, given)
    (crops / rows.images[5].rpartition("/")[2]).unlink()
    gallery.reembed(other, f"{memory_place}-new")
    with Gallery.open(f"{memory_place}-new") as new:
        assert new.about.answers == (given[0],)


def test_images_that_are_gone_or_changed_are_left_out(
    gallery, crops, other, memory_place, draw_crop
):
    gallery.add(crops)
    files = sorted(crops.iterdir())
    files[0].unlink()
    draw_crop(files[1], 99)
    moved = gallery.reembed(other, f"{memory_place}-new")
    assert moved.added == 8
    reasons = {os.path.basename(image.path): image.reason for image in moved.left_out}
    assert reasons.keys() == {files[0].name, files[1].name}
    assert reasons[files[1].name] == "it is not the file that was enrolled"
    trusting = gallery.reembed(other, f"{memory_place}-trusting", trust_paths=True)
    assert trusting.added == 9


def test_sightings_without_an_image(gallery, other, memory_place):
    gallery.store.write(Sightings(["a" * 32], np.eye(1, gallery.about.dimensions)))
    moved = gallery.reembed(other, f"{memory_place}-new")
    assert moved.added == 0
    assert "no image file is known" in str(moved)


def test_refusals(gallery, crops, other, memory_place, embedder):
    gallery.add(crops, Labels(person="anna"))
    with pytest.raises(ValueError, match="of this model already"):
        gallery.reembed(embedder, f"{memory_place}-new")
    Gallery.create(f"{memory_place}-taken", embedder)
    with pytest.raises(ValueError, match="another gallery at"):
        gallery.reembed(other, f"{memory_place}-taken")
    assert gallery.store.count(Where(persons=("anna",))) == 10
