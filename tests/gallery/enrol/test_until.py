"""The end of a passage, as tables, crops in memory and saved embeddings give it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from PIL import Image

from passerby.data.crops import Labels, read_crops
from passerby.embedding.saving import embed_to_file
from passerby.tables.embeddings import Embeddings
from passerby.tables.sightings import Sightings

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
HELD = np.datetime64("2026-05-01T12:04", "us")


@pytest.fixture
def table(tmp_path):
    random = np.random.default_rng(0)
    for name in ("a", "b"):
        Image.fromarray(random.integers(0, 256, (40, 20, 3), np.uint8)).save(
            tmp_path / f"{name}.png"
        )
    path = tmp_path / "images.csv"
    path.write_text(
        "image,camera,time,until\n"
        "a.png,hall,2026-05-01T14:00:00+02:00,2026-05-01T14:04:00+02:00\n"
        "b.png,hall,2026-05-01T12:00:00Z,\n"
    )
    return path


def stored(gallery) -> Sightings:
    found = Sightings.joined([*gallery.store.read()])
    return found[np.argsort(found.untils)]  # NaT comes last


def test_of_a_table(gallery, table):
    assert gallery.add(table).added == 2
    np.testing.assert_array_equal(stored(gallery).untils, np.array([HELD, "NaT"], "M8[us]"))


def test_of_saved_embeddings(gallery, table, tmp_path):
    saved = embed_to_file(gallery.embedder, read_crops(table).crops, tmp_path / "out")
    assert Embeddings.load(saved.path).untils[0] == HELD
    assert gallery.add(saved.path).added == 2
    assert stored(gallery).untils[0] == HELD


def test_of_crops_in_memory(gallery):
    crops = list(np.random.default_rng(1).integers(0, 256, (2, 40, 20, 3), np.uint8))
    gallery.add(crops, time=NOON, until=[NOON + timedelta(minutes=4), None], camera="hall")
    np.testing.assert_array_equal(stored(gallery).untils, np.array([HELD, "NaT"], "M8[us]"))
    with pytest.raises(ValueError, match="untils must not lie before times"):
        gallery.add([255 - crops[0]], time=NOON, until=NOON - timedelta(minutes=4))


def test_one_time_for_all_has_no_end(gallery, table):
    gallery.add(table, Labels(time=NOON))
    assert np.isnat(stored(gallery).untils).all()


@pytest.mark.parametrize("time", ["", "2026-05-01T15:00:00Z"])
def test_an_end_before_the_time_is_named_with_its_line(gallery, table, time):
    table.write_text(f"image,time,until\na.png,{time},2026-05-01T14:04:00Z\n")
    with pytest.raises(ValueError, match=r"line 2.*until is '2026-05-01T14:04:00Z'"):
        gallery.add(table)
