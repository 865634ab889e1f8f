"""Pseudo persons: made of plain vectors, and refused where nothing can be learnt."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from passerby.embedding.embedder import Embedder, load
from passerby.fine_tuning.pseudo_persons import PseudoPersons, gallery_of_crops, pseudo_persons
from passerby.gallery.binding import describe
from passerby.gallery.enrol.enrolment import enrol_crops
from passerby.gallery.reviewed_pairs import answer, record_answers
from passerby.stores.engines.memory import MemoryStore
from passerby.tables.filters import Where
from passerby.tables.looks import Looks
from passerby.tables.records import Crop
from passerby.tables.sightings import Sightings, with_columns

DIMENSIONS = 512
DrawCrop = Callable[[Path, int], Path]
MakeModel = Callable[[int], Path]


@pytest.fixture(scope="module")
def embedder(small_model: Path) -> Embedder:
    return load(small_model)


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory, draw_crop: DrawCrop) -> list[Path]:
    folder = tmp_path_factory.mktemp("crops")
    return [draw_crop(folder / f"{number}.jpg", number) for number in range(160)]


def store_of(embedder: Embedder, images: list[Path], cameras: int = 2) -> MemoryStore:
    """Each person once by each camera, with vectors that say so, and 20 like nobody."""
    store = MemoryStore(describe(embedder))
    crops = [Crop(str(image), camera=f"c{n % cameras}") for n, image in enumerate(images)]
    enrol_crops(store, embedder, crops)
    (stored,) = store.read()
    random = np.random.default_rng(0)
    persons = random.normal(size=(len(images), DIMENSIONS))
    rows = {name: number for number, name in enumerate(map(str, images))}
    numbers = np.array([rows[name] for name in stored.images.tolist()])
    who = np.where(numbers < 140, numbers // 2, numbers)
    vectors = persons[who] + 0.5 * random.normal(size=(len(images), DIMENSIONS))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    store.write(with_columns(stored, vectors=vectors.astype(np.float32)), replace=True)
    return store


def number_of(image: str) -> int:
    return int(Path(image).stem)


def test_those_alike_are_one_and_those_like_no_other_left_out(
    embedder: Embedder, images: list[Path], tmp_path: Path
) -> None:
    found = pseudo_persons(store_of(embedder, images), embedder, tmp_path / "pictures")
    people = {number_of(i): p for i, p in zip(found.images, found.persons.tolist(), strict=True)}
    together = [people[2 * n] == people[2 * n + 1] >= 0 for n in range(70)]
    assert np.mean(together) > 0.9
    assert np.mean([people[number] < 0 for number in range(140, 160)]) > 0.9
    assert found.count == len({*people.values()} - {-1})
    assert {r.source for r in found.split.train} == {"sightings"}
    assert len(found.split.train) == sum(person >= 0 for person in people.values())
    assert (
        f"{sum(p < 0 for p in people.values())} that are linked to no other camera's are left out"
        in str(found)
    )


def test_what_people_said_of_pairs_is_obeyed(
    embedder: Embedder, images: list[Path], tmp_path: Path
) -> None:
    store = store_of(embedder, images)
    (stored,) = store.read()
    ids = {number_of(i): n for i, n in zip(stored.images, stored.ids.tolist(), strict=True)}
    record_answers(store, [answer(ids[0], ids[1], False), answer(ids[140], ids[141], True)])
    found = pseudo_persons(store, embedder, tmp_path / "pictures")
    people = {number_of(i): p for i, p in zip(found.images, found.persons.tolist(), strict=True)}
    assert people[0] != people[1] or people[0] == people[1] == -1
    assert people[140] == people[141] >= 0


def test_pictures_that_are_gone_take_no_part(
    embedder: Embedder, tmp_path: Path, draw_crop: DrawCrop
) -> None:
    own = [draw_crop(tmp_path / f"{number}.jpg", number) for number in range(160)]
    store = store_of(embedder, own)
    own[0].unlink()
    draw_crop(own[1], 999)
    found = pseudo_persons(store, embedder, tmp_path / "pictures")
    assert len(found.images) == 158
    assert not {str(own[0]), str(own[1])} & {*found.images.tolist()}


def as_passages(store: MemoryStore, pictures: int) -> None:
    """Every sighting becomes a passage of three looks, with so many of them kept as pictures."""
    (stored,) = store.read()
    made = []
    for row in range(len(stored)):
        vectors = np.repeat(stored.vectors[[row]], 3, axis=0)
        times = np.datetime64("2026-05-01", "us") + np.arange(3) * np.timedelta64(1, "s")
        looks = Looks(
            (0.0, 2.0), np.arange(3.0), times, np.arange(3), np.zeros((3, 4), np.float32), vectors
        )
        jpegs = [Path(stored.images[row]).read_bytes()] * pictures
        one = with_columns(
            stored[[row]], images=None, coherences=[1.0], looks=[looks], pictures=[jpegs]
        )
        made.append(one)
    store.write(Sightings.joined(made), replace=True)


def test_kept_pictures_of_a_passage_are_one_person(
    embedder: Embedder, images: list[Path], tmp_path: Path
) -> None:
    store = store_of(embedder, images)
    plain = pseudo_persons(store, embedder, tmp_path / "none")
    assert not (tmp_path / "none").exists()
    as_passages(store, 3)
    folder = tmp_path / "pictures"
    found = pseudo_persons(store, embedder, folder)
    taken = {*plain.sightings[plain.persons >= 0].tolist()}
    assert {*found.sightings[found.persons >= 0].tolist()} == taken
    for name in taken:
        rows = found.sightings == name
        assert rows.sum() == 3
        assert len({*found.persons[rows].tolist()}) == len({*found.cameras[rows].tolist()}) == 1
    trained = [record.image for record in found.split.train]
    assert {*map(Path, trained)} == {*folder.iterdir()}, "nobody else's pictures leave the gallery"
    assert len(trained) == len({*trained}) == 3 * len(taken)
    (first,) = store.read(Where(ids=(Path(trained[0]).name[:32],)), with_thumbnails=True)
    assert Path(trained[0]).read_bytes() == first.pictures[0][0]
    assert os.name != "posix" or folder.stat().st_mode & 0o077 == 0
    assert (found.seen, found.count) == (plain.seen, plain.count)
    assert f"{len(taken)} of 160 sightings are taken for {plain.count} persons" in str(found)
    assert f"by {len(trained)} pictures" in str(found)


def test_passages_are_seen_by_another_model_from_their_pictures(
    embedder: Embedder, images: list[Path], make_model: MakeModel, tmp_path: Path
) -> None:
    store = store_of(embedder, images)
    other = load(make_model(1))
    plain = pseudo_persons(store, other, tmp_path / "none")
    as_passages(store, 2)
    found = pseudo_persons(store, other, tmp_path / "pictures")
    taken = plain.sightings[plain.persons >= 0].tolist()
    assert sorted(found.sightings[found.persons >= 0].tolist()) == sorted(2 * taken)


def test_passages_without_a_picture_take_no_part(
    embedder: Embedder, images: list[Path], tmp_path: Path
) -> None:
    store = store_of(embedder, images)
    as_passages(store, 0)
    with pytest.raises(ValueError, match="too little to learn from: 0 sightings with a picture"):
        pseudo_persons(store, embedder, tmp_path / "pictures")


def test_another_model_sees_the_same_sightings(
    embedder: Embedder, images: list[Path], make_model: MakeModel, tmp_path: Path
) -> None:
    store = store_of(embedder, images)
    before = store.about
    found = pseudo_persons(store, load(make_model(1)), tmp_path / "pictures")
    assert {*found.images.tolist()} == {*map(str, images)}
    assert store.about == before


@pytest.mark.parametrize(
    ("count", "cameras", "said"), [(60, 2, "60 sightings"), (160, 1, "by one camera")]
)
def test_too_little_is_refused(
    embedder: Embedder, images: list[Path], tmp_path: Path, *, count: int, cameras: int, said: str
) -> None:
    with pytest.raises(ValueError, match=said):
        pseudo_persons(store_of(embedder, images[:count], cameras), embedder, tmp_path / "pictures")


def test_strangers_alone_are_refused(
    embedder: Embedder, images: list[Path], tmp_path: Path
) -> None:
    store = store_of(embedder, images)
    (stored,) = store.read()
    random = np.random.default_rng(1).normal(size=stored.vectors.shape)
    random /= np.linalg.norm(random, axis=1, keepdims=True)
    store.write(with_columns(stored, vectors=random.astype(np.float32)), replace=True)
    with pytest.raises(ValueError, match="too few links"):
        pseudo_persons(store, embedder, tmp_path / "pictures")


def test_they_are_kept_for_a_call_that_goes_on(tmp_path: Path) -> None:
    made = PseudoPersons(
        np.array(["a", "b"]), np.array(["1f", "1f"]), np.array([3, -1]), np.array([0, 1])
    )
    made.write(tmp_path / "p.json")
    read = PseudoPersons.read(tmp_path / "p.json")
    assert {name: column.tolist() for name, column in vars(read).items()} == {
        "images": ["a", "b"], "sightings": ["1f", "1f"], "persons": [3, -1], "cameras": [0, 1],
    }  # fmt: skip


def test_a_folder_for_each_camera(small_model: Path, tmp_path: Path, draw_crop: DrawCrop) -> None:
    for number in range(6):
        draw_crop(tmp_path / f"door{number % 2}" / f"{number}.jpg", number)
    store = gallery_of_crops(str(small_model), (str(tmp_path),), None)
    (stored,) = store.read()
    assert store.groups("camera") == {"door0": 3, "door1": 3}
    assert isinstance(stored, Sightings)
    assert {*stored.persons.tolist()} == {""}
