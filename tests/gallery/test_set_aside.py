"""What was set aside as no person is hidden from those who look for people, and from nobody who
keeps, moves or removes what there is."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from passerby.assistants.tools import Filter, Tools
from passerby.data.crops import Labels
from passerby.gallery.adapting import adapt
from passerby.gallery.gallery import Gallery
from passerby.tables.embeddings import Embeddings
from passerby.tables.filters import Where
from passerby.tables.sightings import NOT_A_PERSON

START = np.datetime64("2026-05-01T08:00", "us")
ASIDE = Where(persons=(NOT_A_PERSON,))


def ids(*numbers):
    return [f"{number:032x}" for number in numbers]


@pytest.fixture
def door(make_store, crowd):
    """Twelve sightings, an hour apart; the first four, by the door of monday, are set aside."""
    store = make_store(
        crowd.persons(12),
        cameras=["door"] * 4 + ["hall"] * 8,
        sources=["monday"] * 4 + ["tuesday"] * 8,
        times=START + np.arange(12) * np.timedelta64(1, "h"),
        thumbnails=[b"jpeg"] * 12,
    )
    gallery = Gallery(store)
    gallery.ledger.not_a_person(ids(0, 1, 2, 3))
    return gallery


@pytest.mark.parametrize(
    "where",
    [
        Where(cameras=("door",)),
        Where(sources=("monday",)),
        Where(until=datetime(2026, 5, 1, 12, tzinfo=UTC)),
        Where(ids=tuple(ids(0, 1, 2, 3))),
        ASIDE,
    ],
    ids=["camera", "source", "time", "sightings", "as such"],
)
def test_a_removal_reaches_it(door, where):
    assert door.count(where) == 4
    assert door.remove(where).count == 4
    assert (len(door), door.store.count(ASIDE), door.about.not_persons) == (8, 0, 0)


def test_retention_reaches_it(door):
    age = datetime.now(UTC) - datetime(2026, 5, 1, 12, tzinfo=UTC)
    assert door.keep(age + timedelta(minutes=1)).count == 4
    assert door.about.not_persons == 0


def test_what_was_learnt_is_forgotten_with_the_last_person(door):
    adapt(door.store)
    door.remove(Where(cameras=("hall",)))
    assert door.people.count() == 0
    assert not door.about.adapted
    assert len(door) == 4


def test_a_dump_carries_it_and_it_stays_hidden(door, tmp_path, memory_place):
    door.dump(tmp_path / "door.zip")
    Gallery.restore(tmp_path / "door.zip", memory_place)
    with Gallery.open(memory_place) as back:
        assert (len(back), back.people.count(), back.store.count(ASIDE)) == (12, 8, 4)
        assert back.thumbnails(ids(0)) == {ids(0)[0]: b"jpeg"}
        back.ledger.undo()
        assert back.people.count() == 12


@pytest.mark.parametrize("how", ["files", "pixels", "embeddings"])
def test_nobody_is_added_as_set_aside(gallery, draw_crop, tmp_path, how):
    """It would be hidden without anybody's decision, and nothing could take that back."""
    file, about = draw_crop(tmp_path / "a.png", 1), gallery.about
    vectors = np.eye(about.dimensions, dtype=np.float32)[:1]
    made = Embeddings(vectors, persons=[-1], model=about.model, pooling=about.pooling)
    add = {
        "files": lambda: gallery.add([file], Labels(person=NOT_A_PERSON)),
        "pixels": lambda: gallery.add([file.read_bytes()], person=NOT_A_PERSON),
        "embeddings": lambda: gallery.add(made, Labels(person=NOT_A_PERSON)),
    }
    with pytest.raises(ValueError, match=r"no name of a person.*set them aside"):
        add[how]()
    assert len(gallery) == 0


def test_assistants_are_not_told_of_it(door):
    found = Tools(door).passages(Filter(), 20, 0)
    assert (found["sightings"], found["in_all"]) == (8, 8)
    assert Tools(door).passages(Filter(person=NOT_A_PERSON), 20, 0)["sightings"] == 4
