"""What one engine dumps another restores, column by column."""

from __future__ import annotations

import numpy as np
import pytest

from passerby.gallery.upkeep.dumps import dump, restore
from passerby.stores.opening import create_store, open_store
from passerby.tables.sightings import Sightings

HOSTILE = ("o'brien", '"; drop table', "new\nline", "人 🚶", "back\\slash", "")


@pytest.fixture
def given(sightings):
    rows = sightings(60)
    texts = [HOSTILE[row % len(HOSTILE)] for row in range(60)]
    return Sightings(
        rows.ids, rows.vectors, persons=texts, cameras=texts[1:] + texts[:1], images=texts,
        times=rows.times, frames=rows.frames, tracklets=rows.tracklets, qualities=rows.qualities,
        thumbnails=rows.thumbnails,
    )  # fmt: skip


def same(store, expected):
    read = Sightings.joined([*store.read(with_thumbnails=True)])
    one, two = read[np.argsort(read.ids)], expected[np.argsort(expected.ids)]
    for name in Sightings.__dataclass_fields__:
        if name != "vectors":
            np.testing.assert_array_equal(getattr(one, name), getattr(two, name), name)
    np.testing.assert_allclose(one.vectors, two.vectors, atol=1e-6)


def test_from_any_engine(store, given, tmp_path):
    store.write(given)
    assert dump(store, tmp_path / "g.zip") == 60
    place = f"memory://{tmp_path.name}"
    assert restore(tmp_path / "g.zip", place).added == 60
    again = open_store(place)
    assert again.about == store.about
    same(again, given)


def test_into_any_engine(place, about, given, tmp_path):
    source = create_store(f"memory://{tmp_path.name}-source", about)
    source.write(given)
    dump(source, tmp_path / "g.zip")
    assert restore(tmp_path / "g.zip", place).added == 60
    again = restore(tmp_path / "g.zip", place)
    assert (again.added, again.present) == (0, 60)
    store = open_store(place)
    assert store.about == about
    same(store, given)
    store.close()
