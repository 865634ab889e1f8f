"""Dumps that somebody made up: refused as a whole, or restored to something that works."""

from __future__ import annotations

import hashlib
import itertools
import json
import zipfile

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from passerby.gallery.upkeep.dumps import restore
from passerby.stores.about import About
from passerby.stores.opening import open_store
from passerby.tables.filters import Where

pytestmark = pytest.mark.hostile

PLACES = itertools.count()
COLUMNS = {
    "ids": ["a" * 32, "b" * 32],
    "persons": ["anna", ""],
    "cameras": ["1", "2"],
    "sources": ["", ""],
    "images": ["a.jpg", ""],
    "frames": [1, -1],
    "tracklets": [-1, 7],
    "times": ["2026-05-01T08:00:00", None],
    "qualities": [0.5, None],
    "thumbnails": [3, 0],
}
ABOUT = About("abc", "flip", 2).to_json()
VECTORS = np.eye(2, dtype="<f4").tobytes()


def write(path, columns=COLUMNS, *, about=ABOUT, vectors=VECTORS, compression=zipfile.ZIP_STORED):
    """A dump whose lengths and hashes are right, whatever it says."""
    members = {
        "about.json": about.encode(),
        "part-000000.json": columns if isinstance(columns, bytes) else json.dumps(columns).encode(),
        "part-000000.vectors": vectors,
        "part-000000.thumbnails": b"jpg",
    }
    listed = {
        name: {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
        for name, data in members.items()
    }
    manifest = json.dumps({"format": 1, "sightings": 2, "members": listed})
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in [*members.items(), ("manifest.json", manifest)]:
            archive.writestr(name, data, compression)
    return path


def tried(path):
    """Restores it; whether that was done. What is done must be searched, counted and dumped."""
    place = f"memory://hostile-{next(PLACES)}"
    try:
        restore(path, place)
    except ValueError:
        with pytest.raises(ValueError, match="no gallery"):
            open_store(place)
        return False
    store = open_store(place)
    hits = store.search(np.eye(2, dtype=np.float32), 2)
    assert [time for part in store.read() for time in part.times.tolist()]
    assert len(hits.sightings) == 2 * store.count(Where())
    return True


def test_the_dump_that_is_changed_below_is_one(tmp_path):
    assert tried(write(tmp_path / "g.zip"))


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("times", ["+300000-01-01T00:00:00", None]),
        ("times", ["-0044-03-15", None]),
        ("times", [1e300, None]),
        ("times", ["yesterday", None]),
        ("qualities", [float("-inf"), None]),
        ("qualities", [float("nan"), None]),
        ("qualities", [7, None]),
        ("frames", [2**63, 0]),
        ("frames", [10**400, 0]),
        ("frames", [0.5, 0]),
        ("tracklets", [True, None]),
        ("persons", ["x" * 1_000_000, ""]),
        ("persons", ["nul\0", ""]),
        ("persons", ["\ud800", ""]),
        ("persons", [["a"], ""]),
        ("ids", ["a" * 32]),
        ("thumbnails", [-1, 4]),
        ("thumbnails", [2**62, 3 - 2**62]),
        ("thumbnails", ["3", 0]),
        ("cameras", None),
        ("cameras", {"0": "1"}),
    ],
)
def test_sightings_that_only_a_made_up_dump_can_hold(name, values, tmp_path):
    assert not tried(write(tmp_path / "g.zip", {**COLUMNS, name: values}))


@pytest.mark.parametrize(
    ("what", "content"),
    [
        ("columns", b"[" * 100_000),
        ("columns", b'{"ids": ' + b'{"a":' * 900 + b"1" + b"}" * 900 + b"}"),
        ("columns", b"\xff\xfe"),
        ("about", "[" * 100_000),
        ("about", "null"),
        ("vectors", np.full((2, 2), np.nan, "<f4").tobytes()),
        ("vectors", np.full((2, 2), 3, "<f4").tobytes()),
        ("vectors", b"odd"),
    ],
)
def test_contents_that_are_no_columns(what, content, tmp_path):
    assert not tried(write(tmp_path / "g.zip", **{what: content}))


def test_a_nested_manifest(tmp_path):
    for text in ("[" * 100_000, '{"format": 1, "members": 3}', '{"format": "1"}', "{}", "\xff"):
        path = tmp_path / "g.zip"
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("manifest.json", text)
        assert not tried(path)


def test_members_in_other_compressions_and_bombs(tmp_path):
    for compression in (zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA):
        assert not tried(write(tmp_path / "g.zip", compression=compression))
    with zipfile.ZipFile(tmp_path / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("manifest.json", b" " * 40_000_000)
    assert not tried(tmp_path / "bomb.zip")


def test_encrypted_and_damaged_members(tmp_path):
    whole = bytearray(write(tmp_path / "g.zip").read_bytes())
    encrypted = whole.replace(b"PK\x03\x04\x14\x00\x00", b"PK\x03\x04\x14\x00\x01")
    encrypted = encrypted.replace(
        b"PK\x01\x02\x14\x03\x14\x00\x00", b"PK\x01\x02\x14\x03\x14\x00\x01"
    )
    assert encrypted != whole
    (tmp_path / "encrypted.zip").write_bytes(encrypted)
    assert not tried(tmp_path / "encrypted.zip")
    assert not tried(tmp_path)  # a folder


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=2),
    max_leaves=4,
)


def fuzz(tmp_path, trials):
    """``trials`` dumps with columns of anything, and as many with bytes changed."""
    options = settings(
        max_examples=trials, deadline=None, suppress_health_check=[*HealthCheck], database=None
    )
    path = tmp_path / "fuzzed.zip"
    outcomes = []

    @options
    @given(st.sampled_from([*COLUMNS]), st.lists(VALUES, min_size=2, max_size=2) | VALUES)
    def columns(name, values):
        outcomes.append(tried(write(path, {**COLUMNS, name: values})))

    whole = write(path).read_bytes()

    @options
    @given(st.lists(st.tuples(st.integers(0, len(whole) - 1), st.binary(max_size=4)), max_size=4))
    def changed(changes):
        data = bytearray(whole)
        for place, new in changes:
            data[place : place + len(new)] = new
        path.write_bytes(data)
        outcomes.append(tried(path))

    columns()
    changed()
    return outcomes


def test_fuzzed_dumps(tmp_path, pytestconfig):
    outcomes = fuzz(tmp_path, 5000 if pytestconfig.getoption("long") else 60)
    assert outcomes.count(False) > len(outcomes) / 2
