"""What a gallery says that it holds."""

import json

from passerby.gallery.upkeep.summary import summarise
from passerby.stores.opening import create_store
from passerby.tables.sightings import Sightings


def sightings_of(crowd, about):
    """Two single pictures, a passage by its end alone, one of a video without times."""
    vectors = crowd.persons(4).astype("float32")
    assert vectors.shape[1] == about.dimensions
    return Sightings(
        [f"{number:032x}" for number in range(4)], vectors,
        cameras=["door", "door", "hall", "hall"], persons=["anna", "", "", ""],
        times=["2026-05-01T12:00", "NaT", "2026-05-01T12:00", "NaT"],
        untils=["NaT", "NaT", "2026-05-01T12:03", "NaT"],
        coherences=[float("nan")] * 3 + [0.9],
    )  # fmt: skip


def test_passages_are_told_apart_from_single_pictures(memory_place, tmp_path, crowd, crowd_about):
    for place in (memory_place, str(tmp_path / "lobby")):
        store = create_store(place, crowd_about)
        store.write(sightings_of(crowd, crowd_about))
        found = summarise(store)
        store.close()
        first = found.to_text().splitlines()[0]
        assert first == (
            "4 sightings (2 passages, 2 single pictures): 1 of 1 known persons, 3 of unknown ones"
        )
        assert json.loads(found.to_json())["passages"] == 2


def test_where_there_is_none_nothing_is_said_of_them(memory_place, crowd, crowd_about):
    store = create_store(memory_place, crowd_about)
    store.write(sightings_of(crowd, crowd_about)[:2])
    text = summarise(store).to_text()
    assert text.startswith("2 sightings: 1 of 1 known persons")
