"""The opt-out list: at which rate others are refused, and on which ways nobody comes back."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from passerby.data.crops import Labels
from passerby.embedding.embedder import load
from passerby.gallery.alerts.keeping import Wanted, add_alert
from passerby.gallery.forgetting.forgetting import Request, forget
from passerby.gallery.forgetting.opting_out import (
    entries_text,
    opt_out,
    opt_out_images,
    opt_outs,
    withdraw,
)
from passerby.gallery.gallery import Gallery
from passerby.stores.opting_out import distances_to
from passerby.tables.embeddings import Embeddings
from passerby.tables.looks import Looks
from passerby.tables.sightings import Sightings
from passerby.video.enrolling import Enroller
from passerby.video.passages import Look, Passage

REQUEST = Request("Ann", "art. 17", opt_out=True)
OWN = [f"{number:032x}" for number in range(12)]


def sightings(vectors, first=5000, **columns):
    return Sightings([f"{first + n:032x}" for n in range(len(vectors))], vectors, **columns)


def test_the_person_is_refused_and_others_at_the_rate(sharp, crowd):
    done = forget(sharp, OWN, replace(REQUEST, opt_out_rate=0.01)).certificate
    (entry,) = opt_outs(sharp.store)
    assert done.opted_out.id == entry.id
    assert entry.basis == "counted among 708 sightings of others"
    assert entry.false_match_rate == pytest.approx(7 / 709)
    again = crowd.shots(np.repeat(sharp.centres[:1], 50, axis=0), 0.08)
    written = sharp.store.write(sightings(again))
    assert written.refused == 50
    strangers = crowd.shots(crowd.persons(3000), 0.08)
    written = sharp.store.write(sightings(strangers, 9000))
    assert written.added + written.refused == 3000
    # Of 3,000 with the probability 7/709: 29.6, 5.4 standard deviations, with its own uncertainty.
    assert written.refused < 3000 * 0.025
    assert opt_outs(sharp.store)[0].refused == 50 + written.refused
    assert (
        "counted"
        in json.loads(entries_text(opt_outs(sharp.store), as_json=True))["opt_outs"][0]["basis"]
    )


def test_a_passage_is_measured_by_the_mean_distance_of_its_looks(sharp, crowd):
    made = opt_out(sharp.store, next(iter(sharp.store.read()))[:12], OWN, 0.01)
    looks = crowd.shots(np.repeat(sharp.centres[:1], 4, axis=0), 0.3).astype(np.float32)
    own = next(iter(sharp.store.read())).vectors[:12].astype(np.float64)
    slow = np.mean([[1 - a @ b for a in own] for b in looks.astype(np.float64)])
    mean = looks.astype(np.float64).mean(0)
    length = np.linalg.norm(mean)
    one = Sightings(
        ["a" * 32],
        (mean / length)[None],
        coherences=[length],
        looks=[
            Looks(
                (0.0, 1.0), np.zeros(4), np.full(4, "NaT", "M8[us]"), np.zeros(4, np.int64),
                np.zeros((4, 4), np.float32), looks,
            )
        ],
    )  # fmt: skip
    assert distances_to(one, made, 12)[0] == pytest.approx(slow, abs=2e-3)  # kept in float16


def test_few_sightings_are_judged_by_the_calibration(make_store, sharp_about, crowd):
    store = make_store(crowd.persons(20), about=sharp_about)
    theirs = sightings(crowd.persons(1))
    made = opt_out(store, theirs, [], 0.01)
    assert made.basis == "the gallery's calibration, of pairs on average"
    assert 0 < made.false_match_rate <= 0.01
    assert 0 < made.share <= 1
    assert made.distance > 0


def test_without_any_measure_only_the_pictures_are_refused(make_store, sharp_about, crowd):
    store = make_store(crowd.persons(20), about=replace(sharp_about, calibrations={}))
    theirs = sightings(crowd.persons(1))
    made = opt_out(store, theirs, theirs.ids.tolist())
    assert made.distance is None
    assert "pictures alone" in entries_text(opt_outs(store))
    assert store.write(theirs).refused == 1
    assert store.write(sightings(theirs.vectors, 7000)).added == 1


def test_nothing_of_the_sightings_is_kept_but_the_entry(sharp):
    forget(sharp, OWN, REQUEST)
    text = sharp.store.refresh_about().to_json()
    assert not any(one in text for one in OWN)
    (entry,) = sharp.store.refresh_about().opt_outs
    assert len(entry.vector) == 4 * -(-12 * 2 // 3)  # 12 numbers of two bytes in base 64


def test_who_withdraws_is_enrolled_again(sharp, crowd):
    forget(sharp, OWN, REQUEST)
    again = sightings(crowd.shots(sharp.centres[:1], 0.05))
    assert sharp.store.write(again).refused == 1
    (entry,) = opt_outs(sharp.store)
    with pytest.raises(ValueError, match="expected the id of an entry"):
        withdraw(sharp.store, "ffff")
    assert withdraw(sharp.store, entry.id[:8]).refused == 1
    assert sharp.store.write(again).added == 1
    assert entries_text(opt_outs(sharp.store)) == "nobody is on the opt-out list"


def test_who_was_written_while_the_entry_was_made_is_taken_back(sharp, crowd, monkeypatch):
    new = sightings(crowd.shots(sharp.centres[:2], 0.05))
    plain = sharp.store._write

    def slow(given, *, replace):
        done = plain(given, replace=replace)
        monkeypatch.setattr(sharp.store, "_write", plain)
        forget(sharp, OWN, REQUEST)  # by another process, at this moment
        return done

    monkeypatch.setattr(sharp.store, "_write", slow)
    written = sharp.store.write(new)
    assert (written.added, written.refused) == (1, 1)
    assert sharp.store.count() == 708 + 1


def test_a_damaged_entry_enrols_nobody(sharp, crowd):
    forget(sharp, OWN, REQUEST)
    sharp.store.change_about(
        lambda about: replace(
            about, opt_outs=tuple(replace(one, vector="AAAA") for one in about.opt_outs)
        )
    )
    with pytest.raises(ValueError, match="is damaged"):
        sharp.store.write(sightings(crowd.persons(1)))


@pytest.mark.parametrize("rate", [0, 0.5, -1])
def test_rates_that_are_none(sharp, rate):
    with pytest.raises(ValueError, match="share of others"):
        opt_out(sharp.store, sightings(sharp.centres[:1]), [], rate)


# Every way into a gallery.


@pytest.fixture
def left(gallery, crops):
    """A gallery of ten crops from which the first person's two were forgotten for ever."""
    gallery.add(crops)
    rows = Sightings.joined([*gallery.store.read()])
    own = sorted(rows.ids[np.char.find(rows.images, "0001_") >= 0].tolist())
    assert len(own) == 2
    forget(gallery, own, REQUEST)
    gallery.own, gallery.paths = own, sorted(crops.glob("0001_*"))
    gallery.own_vectors = rows.vectors[np.isin(rows.ids, own)]
    return gallery


def test_by_images_files_and_folders(left, crops):
    added = left.add(crops)
    assert (added.added, added.present, added.refused) == (0, 8, 2)
    assert "2 refused by the opt-out list" in str(added)
    assert left.add([*left.paths], replace=True).refused == 2
    assert len(left) == 8


def test_by_embeddings(left):
    vectors = left.embedder([str(path) for path in left.paths])
    hashed = Embeddings(
        vectors, np.array([1, 1]), model=left.about.model, hashes=np.array(left.own)
    )
    assert left.add(hashed, Labels()).refused == 2
    assert len(left) == 8


def test_by_arrays_that_look_like_the_person(left, crops):
    _let_looks_decide(left)
    pixels = _pixels(left.paths)
    added = left.add(pixels)
    assert (added.added, added.refused) == (0, 2)


def test_by_watching(left, tmp_path):
    _let_looks_decide(left)
    told = []
    enroller = Enroller(left.store, left.embedder, ended=told.append)
    box = np.array([0, 0, 8, 16], np.float32)
    looks = [
        Look(float(n), None, n, "clip", box, 0.9, crop)
        for n, crop in enumerate(_pixels(left.paths))
    ]
    passage = Passage("clip", (1,), 0.0, 1.0, 2, looks, [(0.0, 1.0)])
    assert not enroller.take(enroller.embed(passage), "door")
    enroller.flush()
    assert (enroller.refused, enroller.added, told) == (1, 0, [])
    assert len(left) == 8


def test_by_an_alert(left):
    """Its reference images would be kept of them."""
    wanted = Wanted("thief", 1.0)
    with pytest.raises(ValueError, match="opt-out list keeps out"):
        add_alert(left.store, left.embedder, [left.paths[0]], wanted)
    assert left.store.refresh_about().alerts == ()


def test_by_a_dump(left, tmp_path, memory_place, crops):
    old = f"{memory_place}-old"
    with Gallery.create(old, left.embedder) as before:  # what a backup from before brings
        before.add(crops)
        before.store.change_about(lambda a: replace(a, created=left.about.created))
        before.dump(tmp_path / "old.zip")
    restored = Gallery.restore(tmp_path / "old.zip", memory_place)
    assert (restored.added, restored.present, restored.refused) == (0, 8, 2)
    left.dump(tmp_path / "new.zip")  # the list goes along
    Gallery.restore(tmp_path / "new.zip", f"{memory_place}-new")
    with Gallery.open(f"{memory_place}-new") as new:
        assert new.add(crops).refused == 2


@pytest.mark.parametrize("damage", [{"vector": "AAAA"}, {"vector": "%"}, {"pictures": "AAAA"}])
def test_a_dump_with_a_damaged_list_is_refused_before_anything(
    damage, left, tmp_path, memory_place
):
    left.store.change_about(
        lambda a: replace(a, opt_outs=tuple(replace(one, **damage) for one in a.opt_outs))
    )
    left.dump(tmp_path / "bad.zip")
    with pytest.raises(ValueError, match="is damaged"):
        Gallery.restore(tmp_path / "bad.zip", f"{memory_place}-bad")
    with pytest.raises(ValueError, match="no gallery of this process"):
        Gallery.open(f"{memory_place}-bad")


def test_by_embedding_anew(left, memory_place, crops, make_model, tmp_path):
    other = load(make_model(1), device="cpu")
    moved = left.reembed(other, f"{memory_place}-other")
    assert (moved.added, moved.opt_outs) == (8, 1)
    with Gallery.open(f"{memory_place}-other") as new:
        assert not opt_outs(new.store)[0].holds
        assert new.add(crops).refused == 2  # the very pictures, whatever the model
        opt_out_images(new, [*left.paths])
        assert len(opt_outs(new.store)) == 2
    from_before = f"{memory_place}-again"
    left.store.change_about(lambda a: replace(a, opt_outs=()))
    left.add([*left.paths])
    opt_out(left.store, sightings(left.own_vectors), left.own)
    assert left.reembed(other, from_before).refused == 2


def test_on_disk_by_another_process(tmp_path, embedder, crops):
    with Gallery.create(tmp_path / "g", embedder) as one, Gallery.open(tmp_path / "g") as other:
        one.add(crops)
        ids = next(iter(one.store.read())).ids.tolist()
        forget(one, ids[:3], REQUEST)
        assert other.add(crops).refused == 3
        assert len(one) == 7


def test_the_commands(passerby_command, left, memory_place, crops):
    done = passerby_command("gallery", "add", memory_place, crops)
    assert "2 refused by the opt-out list" in done.out
    done = passerby_command("gallery", "opt-out", "list", memory_place)
    entry = done.out.splitlines()[2].split()[0]
    assert "1 on the opt-out list" in done.out
    done = passerby_command("gallery", "opt-out", "remove", memory_place, entry)
    assert "confirm with --yes" in done.err
    done = passerby_command("gallery", "opt-out", "remove", memory_place, entry, "--yes")
    assert "it had refused 2 sightings" in done.out
    assert "nobody" in passerby_command("gallery", "opt-out", "list", memory_place).out
    done = passerby_command("gallery", "opt-out", "add", memory_place, left.paths[0])
    assert "on the opt-out list: " in done.out
    assert passerby_command("gallery", "add", memory_place, left.paths[0]).code == 0
    assert len(left) == 8


def _let_looks_decide(gallery):
    """With a threshold that the person's own pictures are below, as so few crops give none."""
    (entry,) = gallery.store.refresh_about().opt_outs
    own = distances_to(sightings(gallery.own_vectors), entry, gallery.about.dimensions)
    made = replace(entry, distance=float(own.max()) + 1e-3, pictures="")
    gallery.store.change_about(lambda about: replace(about, opt_outs=(made,)))


def _pixels(paths):
    from PIL import Image

    return [np.asarray(Image.open(path).convert("RGB")) for path in paths]
