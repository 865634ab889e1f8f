"""A gallery as one file: the same in every engine, checked before anything is made of it."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import numpy as np
import pytest

from passerby.gallery.upkeep import dumps
from passerby.gallery.upkeep.dumps import dump, restore
from passerby.stores.opening import create_store, open_store
from passerby.tables.filters import Where
from passerby.tables.sightings import Sightings


@pytest.fixture
def filled(gallery):
    """Twelve sightings with something in every column."""
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(12, gallery.about.dimensions))
    texts = ["o'brien", "", "人 🚶", "new\nline", '"quoted"', "back\\slash"] * 2
    times = np.array(["2026-05-01T08:00:00.123456", "NaT", "1969-12-31"] * 4, "M8[us]")
    gallery.store.write(
        Sightings(
            [f"{n:032x}" for n in range(12)],
            vectors / np.linalg.norm(vectors, axis=1, keepdims=True),
            persons=texts,
            cameras=texts[1:] + texts[:1],
            sources=texts[2:] + texts[:2],
            times=times,
            frames=rng.integers(-1, 5, 12),
            tracklets=rng.integers(-1, 5, 12),
            qualities=[0.1, np.nan, 1.0] * 4,
            images=[f"crops/{text}" for text in texts],
            thumbnails=[b"\xff\xd8" + bytes(n) if n % 3 else b"" for n in range(12)],
        )
    )
    return gallery


def everything(store):
    read = Sightings.joined([*store.read(with_thumbnails=True)])
    return read[np.argsort(read.ids)]


def same(one, two):
    for name in Sightings.__dataclass_fields__:
        np.testing.assert_array_equal(getattr(one, name), getattr(two, name), name)


def test_what_is_dumped_is_restored(filled, tmp_path, memory_place, monkeypatch, steps):
    monkeypatch.setattr(dumps, "_ROWS", 5)  # three parts
    assert filled.dump(tmp_path / "g.zip") == 12
    assert steps[-1] == (12, 12)
    written = restore(tmp_path / "g.zip", f"{memory_place}-again")
    assert (written.added, written.present) == (12, 0)
    again = open_store(f"{memory_place}-again")
    assert again.about == filled.about
    same(everything(again), everything(filled.store))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["g.zip"]


def test_an_empty_gallery(gallery, tmp_path, memory_place):
    assert gallery.dump(tmp_path / "g.zip") == 0
    assert restore(tmp_path / "g.zip", f"{memory_place}-again").added == 0
    assert open_store(f"{memory_place}-again").about == gallery.about


def test_a_restore_goes_on_where_it_stopped(filled, tmp_path, memory_place):
    filled.dump(tmp_path / "g.zip")
    restore(tmp_path / "g.zip", f"{memory_place}-again")
    open_store(f"{memory_place}-again").delete(Where(ids=("0" * 31 + "3",)))
    written = restore(tmp_path / "g.zip", f"{memory_place}-again")
    assert (written.added, written.present) == (1, 11)


def test_another_gallery_is_not_filled(filled, tmp_path, memory_place):
    from dataclasses import replace

    filled.dump(tmp_path / "g.zip")
    create_store(f"{memory_place}-other", replace(filled.about, model="another"))
    with pytest.raises(ValueError, match="another gallery at"):
        restore(tmp_path / "g.zip", f"{memory_place}-other")


def rewritten(path, target, change):
    """The same archive, members changed or left out by ``change(name, data)``."""
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(target, "w") as new:
        for name in old.namelist():
            data = change(name, old.read(name))
            if data is not None:
                new.writestr(name, data)
    return target


def manifest(**values):
    def change(name, data):
        if name != "manifest.json":
            return data
        content = json.loads(data)
        members = values.pop("members", {})
        content["members"] |= members
        return json.dumps({**content, **values})

    return change


CHANGES = {
    "a vector": lambda name, data: data[:-1] + b"\x77" if name.endswith("vectors") else data,
    "a name": lambda n, d: d.replace(b"quoted", b"forged") if n == "part-000000.json" else d,
    "a part is gone": lambda name, data: None if name == "part-000000.json" else data,
    "no manifest": lambda name, data: None if name == "manifest.json" else data,
    "no about": manifest(members={"about.json": None}),
    "newer": manifest(format=99),
    "path": manifest(members={"../../etc/passwd": {"bytes": 1, "sha256": ""}}),
    "other member": manifest(members={"run.py": {"bytes": 1, "sha256": ""}}),
    "nonsense": lambda name, data: b"[1]" if name == "manifest.json" else data,
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_changed_dump_makes_nothing(name, filled, tmp_path, memory_place):
    filled.dump(tmp_path / "g.zip")
    changed = rewritten(tmp_path / "g.zip", tmp_path / "changed.zip", CHANGES[name])
    with pytest.raises(ValueError, match=r"changed\.zip"):
        restore(changed, f"{memory_place}-again")
    with pytest.raises(ValueError, match="no gallery"):
        open_store(f"{memory_place}-again")


def test_a_cut_dump_and_what_is_none(filled, tmp_path, memory_place):
    filled.dump(tmp_path / "g.zip")
    whole = (tmp_path / "g.zip").read_bytes()
    for content in (whole[:-100], whole[: len(whole) // 2], b"", b"no zip at all"):
        (tmp_path / "cut.zip").write_bytes(content)
        with pytest.raises(ValueError, match="no whole dump"):
            restore(tmp_path / "cut.zip", f"{memory_place}-again")


def test_a_dump_that_fails_leaves_the_old_one(filled, tmp_path, monkeypatch):
    dump(filled.store, tmp_path / "g.zip")
    before = (tmp_path / "g.zip").read_bytes()

    def failing(**_):
        yield from ()
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(filled.store, "read", failing)
    with pytest.raises(ValueError, match="no room for"):
        dump(filled.store, tmp_path / "g.zip")
    assert (tmp_path / "g.zip").read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["g.zip"]


def test_a_stored_dump_is_restored(memory_place):
    restore(Path(__file__).with_name("stored_dump.zip"), memory_place)
    store = open_store(memory_place)
    assert (store.about.model, store.about.pooling, store.about.dimensions) == ("abc", "flip", 2)
    read = everything(store)
    assert read.ids.tolist() == [f"{n:032x}" for n in range(3)]
    np.testing.assert_array_equal(read.vectors, np.array([[1, 0], [0, 1], [0.6, 0.8]], np.float32))
    assert read.persons.tolist() == ["o'brien", "", "人 🚶"]
    assert read.cameras.tolist() == ["1", "lobby", ""]
    assert read.sources.tolist() == ["x", "", '"q"']
    times = np.array(["2026-05-01T08:00:00.123456", "NaT", "1969-12-31"], "M8[us]")
    np.testing.assert_array_equal(read.times, times)
    assert (read.frames.tolist(), read.tracklets.tolist()) == ([5, -1, 0], [-1, 3, 2**62])
    np.testing.assert_array_equal(read.qualities, np.array([0.25, np.nan, 1], np.float32))
    assert read.images.tolist() == ["crops/a.jpg", "", "b\\c.png"]
    assert read.thumbnails == (b"\xff\xd8\x00", b"", b"\x01")
