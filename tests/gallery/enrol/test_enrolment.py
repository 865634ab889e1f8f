"""Adding to a gallery: each sighting once, acknowledged on disk, what cannot be read set aside."""

from __future__ import annotations

import os
import struct
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest

from passerby.data.crops import Labels, content_id, read_crops
from passerby.embedding.batches.parts import embed_to_parts
from passerby.embedding.embedder import load
from passerby.embedding.saving import embed_to_file
from passerby.gallery.enrol import enrolment
from passerby.gallery.enrol.enrolment import Pace, enrol_crops, enrol_embeddings, sightings_of
from passerby.gallery.gallery import Gallery
from passerby.process.interruption import Stopped
from passerby.tables.embeddings import Embeddings
from passerby.tables.filters import Where
from passerby.tables.sightings import Sightings

EIGHT = datetime(2026, 5, 1, 8, tzinfo=UTC)


def everything(gallery):
    read = Sightings.joined([*gallery.store.read(with_thumbnails=True)])
    return read[np.argsort(read.images)]


def test_a_folder(gallery, crops, steps):
    enrolled = gallery.add(crops)
    assert (enrolled.added, enrolled.present, enrolled.timeless) == (10, 0, 10)
    stored, files = everything(gallery), sorted(crops.iterdir())
    assert stored.images.tolist() == [str(file) for file in files]
    assert stored.ids.tolist() == [content_id(file.read_bytes()) for file in files]
    assert stored.persons[0] == "crops/1"
    assert stored.cameras[:2].tolist() == ["1", "2"]
    assert stored.frames.tolist() == list(range(10))
    assert np.isnat(stored.times).all()
    assert stored.thumbnails == (b"",) * 10
    expected = gallery.embedder(files)
    expected /= np.linalg.norm(expected, axis=1, keepdims=True)
    np.testing.assert_allclose(stored.vectors, expected, atol=1e-5)
    assert steps[-1] == (10, 10)


def test_what_is_there_is_not_embedded_again(gallery, crops, draw_crop, monkeypatch):
    gallery.add(crops)
    draw_crop(crops / "new.jpg", 50)
    (crops / "copy.jpg").write_bytes(sorted(crops.iterdir())[0].read_bytes())
    embedded = []
    of_inputs = gallery.embedder.of_inputs

    def counting(images, cameras=None):
        embedded.append(len(images))
        return of_inputs(images, cameras)

    monkeypatch.setattr(gallery.embedder, "of_inputs", counting)
    enrolled = gallery.add(crops)
    assert (enrolled.added, enrolled.present) == (1, 11)
    assert embedded[1:] == [1]  # the first is the question whether it compares stripes
    assert len(gallery) == 11


def test_the_first_of_two_copies_counts_and_replace_lets_the_new_one_in(
    gallery, tmp_path, draw_crop
):
    one = draw_crop(tmp_path / "one.jpg", 0)
    two = tmp_path / "two.jpg"
    two.write_bytes(one.read_bytes())
    enrolled = gallery.add([one, two], Labels(camera="lobby"))
    assert (enrolled.added, enrolled.present) == (1, 1)
    gallery.add(two, Labels(camera="hall"))
    assert everything(gallery).cameras.tolist() == ["lobby"]
    enrolled = gallery.add(two, Labels(camera="hall"), replace=True)
    assert (enrolled.added, enrolled.replaced) == (0, 1)
    assert everything(gallery).cameras.tolist() == ["hall"]
    assert everything(gallery).images.tolist() == [str(two)]


def test_labels_and_a_table(gallery, tmp_path, draw_crop):
    for number in range(2):
        draw_crop(tmp_path / f"{number}.jpg", number)
    text = "image,person,camera,time,frame,tracklet,quality\n"
    text += "0.jpg,Anna B.,lobby,2026-05-01T10:00:00+02:00,7,3,0.5\n1.jpg,,,,,,\n"
    (tmp_path / "seen.csv").write_text(text, encoding="utf-8")
    assert gallery.add(tmp_path / "seen.csv").timeless == 1
    first, second = (everything(gallery)[[row]] for row in (0, 1))
    assert (first.persons[0], first.cameras[0], first.tracklets[0]) == ("Anna B.", "lobby", 3)
    assert first.times[0] == np.datetime64("2026-05-01T08:00")
    assert (first.frames[0], first.qualities[0]) == (7, np.float32(0.5))
    assert (second.persons[0], second.frames[0]) == ("", -1)
    assert np.isnan(second.qualities[0])


def test_a_file_of_embeddings_gives_the_same_sightings(
    gallery, crops, embedder, tmp_path, memory_place
):
    gallery.add(crops)
    path = embed_to_file(embedder, read_crops(crops).crops, tmp_path / "e.npz").path
    with Gallery.create(f"{memory_place}-npz", gallery.about) as other:
        enrolled = other.add(path)
        assert (enrolled.added, enrolled.timeless) == (10, 10)
        one, two = everything(gallery), everything(other)
        for name in ("ids", "persons", "cameras", "sources", "frames", "images"):
            np.testing.assert_array_equal(getattr(one, name), getattr(two, name), name)
        np.testing.assert_allclose(one.vectors, two.vectors, atol=1e-5)
        assert other.add(crops, Labels(camera="x")).added == 0  # nothing is embedded
        labelled = other.add(path, Labels(person="anna", time=EIGHT), replace=True)
        assert labelled.replaced == 10
        assert {*everything(other).persons} == {"anna"}
        assert {*everything(other).times} == {np.datetime64("2026-05-01T08:00", "us")}


def test_parts_give_the_same_sightings_as_their_file(gallery, crops, embedder, tmp_path):
    (crops / "0009_c1s1_000001_01.jpg").write_bytes(b"\xff\xd8\xff")
    found = read_crops(crops).crops
    expected = sightings_of(Embeddings.load(embed_to_file(embedder, found, tmp_path / "e").path))
    path = embed_to_parts(embedder, found, tmp_path / "p").path
    enrolled = gallery.add(path)
    assert (enrolled.added, gallery.add(crops).present) == (10, 10)
    stored = everything(gallery)
    for name in ("ids", "persons", "cameras", "sources", "frames", "images", "vectors"):
        np.testing.assert_array_equal(getattr(stored, name), getattr(expected, name), name)
    assert enrolled.notes == (f"{path}: 1 image has no vector, see {path / '_unreadable.csv'}",)


def test_embeddings_without_hashes_are_told_apart_by_their_vectors():
    part = Embeddings(
        [[3.0, 4.0], [1.0, 0.0]], [-1, 7], [-1, 2], sources=["a", "a"], model="m", pooling="plain"
    )
    found = sightings_of(part)
    np.testing.assert_allclose(found.vectors, [[0.6, 0.8], [1, 0]])
    assert found.persons.tolist() == ["", "a/7"]
    assert found.cameras.tolist() == ["", "2"]
    assert len({*found.ids}) == 2
    assert {len(name) for name in found.ids} == {32}
    assert sightings_of(replace_model(part, "other")).ids[0] != found.ids[0]


def replace_model(part, model):
    return Embeddings(part.vectors, part.persons, part.cameras, sources=part.sources, model=model)


def test_embeddings_of_another_model_are_refused(gallery, embedder):
    width, own = gallery.about.dimensions, gallery.about.model

    def part(dimensions=width, value=1.0, **columns):
        return Embeddings(np.full((1, dimensions), value), [1], **columns)

    wrong = {
        "different models": part(model="another"),
        f"{width + 1} numbers": part(width + 1, model=own),
        "flip": part(model=own, pooling="flip"),
        r"plain\+cameras": part(model=own, pooling="plain+cameras"),
        "do not say which model": part(),
        "stripes": part(model=own, local=np.ones((1, 2, 3))),
        "no direction": part(value=0.0, model=own),
        "zero or not finite": part(value=np.nan, model=own),
    }
    for message, given in wrong.items():
        with pytest.raises(ValueError, match=message):
            enrol_embeddings(gallery.store, [given], 1)
    assert len(gallery) == 0
    assert enrol_embeddings(gallery.store, [part(model=own)], 1).added == 1  # pooling not said


def test_another_model_is_refused(gallery, crops, make_model, small_model):
    found = read_crops(crops).crops
    for other in (load(make_model(1), device="cpu"), load(small_model, flip=True, device="cpu")):
        with pytest.raises(ValueError, match="the gallery is of small0"):
            enrol_crops(gallery.store, other, found)


def test_systems_with_stripes_are_refused(make_model, memory_place):
    with pytest.raises(ValueError, match="vectors of stripes"):
        Gallery.create(memory_place, load(make_model(0, "aligned"), device="cpu"))


def test_what_cannot_be_read_is_set_aside(gallery, crops):
    files = sorted(crops.iterdir())
    files[0].write_bytes(b"")
    files[1].write_bytes(files[1].read_bytes()[:300])
    bmp = struct.pack("<2sIIIIiiHH24x", b"BM", 54, 0, 54, 40, 60_000, 60_000, 1, 24)
    (crops / "huge.bmp").write_bytes(bmp)
    enrolled = gallery.add(crops, Labels(person="anna"))
    assert enrolled.added == 8
    reasons = {os.path.basename(image.path): image.reason for image in enrolled.set_aside}
    assert reasons.keys() == {files[0].name, files[1].name, "huge.bmp"}
    assert "pixels" in reasons["huge.bmp"]
    assert "3 images cannot be read" in str(enrolled)
    for file in files[2:]:
        file.unlink()
    with pytest.raises(ValueError, match="none of 3 images can be read"):
        gallery.add(crops)


HOSTILE = ("o'brien.jpg", "a;b $(x) {id}.jpg", "人 🚶 ü.jpg", "100%_[bold]red.jpg")


def test_hostile_file_names_are_only_names(gallery, tmp_path, draw_crop):
    names = HOSTILE if os.name == "nt" else (*HOSTILE, 'new\nline\t"quoted".jpg', "back\\slash.jpg")
    for number, name in enumerate(names):
        draw_crop(tmp_path / "crops" / name, number)
    assert gallery.add(tmp_path / "crops").added == len(names)
    found = {os.path.basename(path) for path in everything(gallery).images.tolist()}
    assert found == {*names}


@pytest.mark.skipif(os.name == "nt", reason="file names are text on Windows")
def test_file_names_that_are_no_text_are_set_aside(gallery, tmp_path, draw_crop):
    good = draw_crop(tmp_path / "crops" / "good.jpg", 0)
    try:
        os.rename(draw_crop(tmp_path / "x.jpg", 1), os.fsencode(good.parent) + b"/\xff\xfe.jpg")
    except OSError:
        pytest.skip("this file system keeps names as text")
    enrolled = gallery.add(tmp_path / "crops")
    assert enrolled.added == 1
    assert "not valid text" in enrolled.set_aside[0].reason


def test_thumbnails_are_small_and_carry_nothing_else(gallery, tmp_path):
    from PIL import Image

    pixels = np.random.default_rng(0).integers(0, 256, (800, 400, 3), np.uint8)
    secret = Image.Exif()
    secret[0x010E] = "taken at home"
    Image.fromarray(pixels).save(tmp_path / "big.jpg", exif=secret)
    Image.fromarray(pixels[:30, :10]).save(tmp_path / "small.png")
    gallery.add([tmp_path / "big.jpg", tmp_path / "small.png"], keep_thumbnails=True)
    from passerby.gallery.enrol.thumbnails import MOST_BYTES

    sizes = []
    for jpeg in everything(gallery).thumbnails:
        (tmp_path / "t.jpg").write_bytes(jpeg)
        with Image.open(tmp_path / "t.jpg") as image:
            sizes.append(image.size)
        assert len(jpeg) <= MOST_BYTES
        assert b"home" not in jpeg
    assert sizes == [(64, 128), (10, 30)]


def test_batches_are_acknowledged_when_they_are_written(gallery, crops, monkeypatch, steps):
    """Killed in the third write, two batches are there and the rest comes when called again."""
    monkeypatch.setattr(enrolment, "_LOOKED_UP", 2)
    told, writes, write = [], [], gallery.store.write

    def failing(sightings, *, replace=False):
        writes.append(len(sightings))
        if len(writes) == 3:
            raise RuntimeError("killed")
        return write(sightings, replace=replace)

    steps.at_each = lambda done, _: told.append((done, len(gallery)))
    monkeypatch.setattr(gallery.store, "write", failing)
    found = read_crops(crops).crops
    with pytest.raises(RuntimeError, match="killed"):
        enrol_crops(gallery.store, gallery.embedder, found, pace=Pace(4, 4))
    assert told
    assert all(done <= there for done, there in told)
    assert len(gallery) == 8
    monkeypatch.undo()
    enrolled = enrol_crops(gallery.store, gallery.embedder, found)
    assert (enrolled.added, enrolled.present) == (2, 8)


def test_asked_to_stop_it_writes_what_is_embedded(gallery, crops, monkeypatch):
    monkeypatch.setattr(gallery.embedder, "batch_size", 3)

    class Asked:
        number = 2

        def __enter__(self):
            return self

        def __exit__(self, *_):
            return None

    monkeypatch.setattr(enrolment, "StopRequest", Asked)
    with pytest.raises(Stopped, match="stopped; kept so far: 3 sightings added") as stopped:
        gallery.add(crops)
    assert stopped.value.exit_code == 130
    assert len(gallery) == 3


def test_persons_and_cameras_are_found_again(gallery, crops):
    gallery.add(crops)
    assert gallery.store.count(Where(persons=("crops/1",), cameras=("2",))) == 1
    summary = gallery.show()
    assert (summary.sightings, summary.known, summary.cameras) == (10, 10, {"1": 5, "2": 5})


def test_the_model_of_a_gallery_is_found_checked_and_asked_for(
    gallery, make_model, small_model, memory_place, tmp_path
):
    again = Gallery.open(memory_place, device="cpu")
    assert again.embedder.fingerprint == gallery.about.model
    with pytest.raises(ValueError, match="different models mean nothing"):
        _ = Gallery.open(memory_place, model=make_model(1), device="cpu").embedder
    again.store.change_about(lambda about: replace(about, place=str(tmp_path / "gone")))
    with pytest.raises(ValueError, match=r"is no longer at .*gone: say where it is with --model"):
        _ = Gallery.open(memory_place).embedder
    moved = Gallery.open(memory_place, model=small_model, device="cpu")
    assert moved.embedder.fingerprint == gallery.about.model


def test_embeddings_in_memory(gallery, embedder, tiny):
    made = embedder.embed(tiny.query).embeddings
    assert gallery.add(made).added == len(tiny.query)
    assert set(everything(gallery).sources) == {tiny.source}
