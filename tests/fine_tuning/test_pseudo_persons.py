"""Pseudo persons: made of plain vectors, and refused where nothing can be learnt."""

from __future__ import annotations

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
    embedder: Embedder, images: list[Path]
) -> None:
    found = pseudo_persons(store_of(embedder, images), embedder)
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


def test_what_people_said_of_pairs_is_obeyed(embedder: Embedder, images: list[Path]) -> None:
    store = store_of(embedder, images)
    (stored,) = store.read()
    ids = {number_of(i): n for i, n in zip(stored.images, stored.ids.tolist(), strict=True)}
    record_answers(store, [answer(ids[0], ids[1], False), answer(ids[140], ids[141], True)])
    found = pseudo_persons(store, embedder)
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
    found = pseudo_persons(store, embedder)
    assert len(found.images) == 158
    assert not {str(own[0]), str(own[1])} & {*found.images.tolist()}


def test_another_model_sees_the_same_sightings(
    embedder: Embedder, images: list[Path], make_model: MakeModel
) -> None:
    store = store_of(embedder, images)
    before = store.about
    found = pseudo_persons(store, load(make_model(1)))
    assert {*found.images.tolist()} == {*map(str, images)}
    assert store.about == before


@pytest.mark.parametrize(
    ("count", "cameras", "said"), [(60, 2, "60 sightings"), (160, 1, "by one camera")]
)
def test_too_little_is_refused(
    embedder: Embedder, images: list[Path], count: int, cameras: int, said: str
) -> None:
    with pytest.raises(ValueError, match=said):
        pseudo_persons(store_of(embedder, images[:count], cameras), embedder)


def test_strangers_alone_are_refused(embedder: Embedder, images: list[Path]) -> None:
    store = store_of(embedder, images)
    (stored,) = store.read()
    random = np.random.default_rng(1).normal(size=stored.vectors.shape)
    random /= np.linalg.norm(random, axis=1, keepdims=True)
    store.write(with_columns(stored, vectors=random.astype(np.float32)), replace=True)
    with pytest.raises(ValueError, match="too few links"):
        pseudo_persons(store, embedder)


def test_they_are_kept_for_a_call_that_goes_on(tmp_path: Path) -> None:
    made = PseudoPersons(np.array(["a", "b"]), np.array([3, -1]), np.array([0, 1]))
    made.write(tmp_path / "p.json")
    read = PseudoPersons.read(tmp_path / "p.json")
    assert (read.images.tolist(), read.persons.tolist(), read.cameras.tolist()) == (
        ["a", "b"], [3, -1], [0, 1],
    )  # fmt: skip


def test_a_folder_for_each_camera(small_model: Path, tmp_path: Path, draw_crop: DrawCrop) -> None:
    for number in range(6):
        draw_crop(tmp_path / f"door{number % 2}" / f"{number}.jpg", number)
    store = gallery_of_crops(str(small_model), (str(tmp_path),), None)
    (stored,) = store.read()
    assert store.groups("camera") == {"door0": 3, "door1": 3}
    assert isinstance(stored, Sightings)
    assert {*stored.persons.tolist()} == {""}
