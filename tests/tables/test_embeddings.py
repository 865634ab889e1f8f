"""Embeddings: their columns, files, records and rows."""

import io
import zipfile
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import numpy as np
import pytest

from passerby.tables import npz_files
from passerby.tables.embeddings import Embeddings
from passerby.tables.records import Record

STORED = Path(__file__).with_name("stored_embeddings.npz")
COLUMNS = {
    "images": ["a.jpg", "ü.jpg", "c.jpg"],
    "times": np.array(["2026-01-02T03:04:05.678901", "NaT", "1999-12-31"], "datetime64[us]"),
    "tracklets": [4, -1, 2],
    "sources": ["market1501", "x", "market1501"],
    "local": np.arange(24, dtype=np.float32).reshape(3, 2, 4),
}
VECTORS = np.array([[1, 2], [3, 4], [5, 6]], np.float32)


def make(**columns):
    return Embeddings(VECTORS, [7, -1, 0], [1, 2, 1], **columns)


def assert_same(first, second):
    for name in ("vectors", "persons", "cameras", *COLUMNS):
        a, b = getattr(first, name), getattr(second, name)
        assert (a is None) == (b is None), name
        if a is not None:
            assert a.dtype == b.dtype, name
            np.testing.assert_array_equal(a, b)
    assert first.model == second.model


def test_types():
    made = make(**COLUMNS, model="abc")
    assert made.vectors.dtype == made.local.dtype == np.float32
    assert made.persons.dtype == made.cameras.dtype == made.tracklets.dtype == np.int64
    assert made.times.dtype == "datetime64[us]"
    assert made.images.dtype.kind == made.sources.dtype.kind == "U"
    assert len(made) == 3


def test_what_comes_as_lists_or_other_numbers_is_converted():
    made = Embeddings([[1, 2], [3, 4]], np.array([1, 2], np.uint8), cameras=(3, 4))
    assert made.vectors.dtype == np.float32
    assert made.persons.dtype == made.cameras.dtype == np.int64
    assert len(Embeddings(np.empty((0, 8)), [], [])) == 0


@pytest.mark.parametrize("kept", [(), *[(name,) for name in COLUMNS], tuple(COLUMNS)])
@pytest.mark.parametrize("cameras", [True, False])
def test_files_bring_back_every_column(kept, cameras, tmp_path):
    columns = {name: COLUMNS[name] for name in kept}
    made = Embeddings(VECTORS, [7, -1, 0], [1, 2, 1] if cameras else None, **columns, model="é")
    path = made.save(tmp_path / "deep" / "down.npz")
    assert path == tmp_path / "deep" / "down.npz"
    assert_same(Embeddings.load(path), made)


def test_a_suffix_is_added_and_the_path_returned(tmp_path):
    path = make().save(str(tmp_path / "query.v1"))
    assert path == tmp_path / "query.v1.npz"
    assert [p.name for p in tmp_path.iterdir()] == ["query.v1.npz"]


def test_empty_embeddings_survive_a_file(tmp_path):
    made = Embeddings(np.empty((0, 4)), [], None)
    assert_same(Embeddings.load(made.save(tmp_path / "none")), made)


def test_files_hold_no_pickle(tmp_path):
    path = make(**COLUMNS, model="abc").save(tmp_path / "all.npz")
    with np.load(path, allow_pickle=False) as stored:
        assert {stored[name].dtype.kind for name in stored.files} <= set("fiUM")


def test_a_file_with_objects_is_refused(tmp_path):
    class Trap:
        def __reduce__(self):
            return (open, (str(tmp_path / "sprung"), "w"))

    path = tmp_path / "objects.npz"
    trap = np.empty(1, object)
    trap[0] = Trap()
    np.savez(path, vectors=VECTORS[:1], persons=np.array([1]), images=trap)
    with pytest.raises(ValueError, match="is not an embeddings file"):
        Embeddings.load(path)
    assert not (tmp_path / "sprung").exists()


def test_a_failing_write_leaves_the_old_file(tmp_path, monkeypatch):
    old = make(model="old")
    path = old.save(tmp_path / "gallery.npz")

    def fail(archive, name, shape, column):
        with archive.open(name, "w") as member:
            member.write(b"half of it")
        raise OSError("no space left on device")

    monkeypatch.setattr(npz_files, "_write", fail)
    with pytest.raises(OSError, match="no space left"):
        make(model="new").save(path)
    assert_same(Embeddings.load(path), old)
    assert [p.name for p in tmp_path.iterdir()] == ["gallery.npz"]


def array_file():
    content = io.BytesIO()
    np.save(content, VECTORS)
    return content.getvalue()


def half_a_file(path):
    whole = make().save(path).read_bytes()
    path.write_bytes(whole[: len(whole) // 2])


def damaged(path):
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("vectors.npy", b"no array")
        file.writestr("persons.npy", b"no array")


@pytest.mark.parametrize(
    "write",
    [
        lambda path: path.write_bytes(b""),
        lambda path: path.write_text("vectors"),
        lambda path: np.savez(path, vectors=VECTORS),
        lambda path: np.savez(path, persons=np.arange(3)),
        lambda path: np.savez(path, vectors=VECTORS, persons=np.arange(2)),
        lambda path: path.write_bytes(array_file()),
        half_a_file,
        damaged,
    ],
    ids=["empty", "text", "no persons", "no vectors", "short", "npy", "half", "damaged"],
)
def test_other_files_are_refused(write, tmp_path):
    path = tmp_path / "other.npz"
    write(path)
    with pytest.raises(ValueError, match=r"other\.npz is not an embeddings file: expected an"):
        Embeddings.load(path)


def test_a_missing_file_is_a_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError):
        Embeddings.load(tmp_path / "absent.npz")


def test_unknown_columns_are_named(tmp_path):
    path = tmp_path / "more.npz"
    np.savez(path, vectors=VECTORS, persons=np.arange(3), colour=np.arange(3))
    with pytest.raises(ValueError, match=r"more\.npz is not .*unknown columns: 'colour'"):
        Embeddings.load(path)


@pytest.mark.parametrize(
    ("vectors", "persons", "cameras", "columns", "message"),
    [
        ([1.0, 2.0], [1, 2], None, {}, r"vectors must be \[N, D\], got the shape \[2\]"),
        (np.zeros((1, 2, 3)), [1], None, {}, r"vectors must be \[N, D\]"),
        (VECTORS, [1, 2], None, {}, r"persons must be \[3\] like the vectors, got \[2\]"),
        (VECTORS, [[1, 2, 3]], None, {}, r"persons must be \[3\]"),
        (VECTORS, [1.0, 2.0, 3.0], None, {}, "persons must be integers, got float64"),
        (VECTORS, [True, False, True], None, {}, "persons must be integers, got bool"),
        (VECTORS, ["1", "2", "3"], None, {}, "persons must be integers"),
        (VECTORS, [1, 2, 3], [1, 2], {}, r"cameras must be \[3\]"),
        (VECTORS, [1, 2, 3], [1, 2, None], {}, "cameras must be integers, got object"),
        (VECTORS, [1, 2, 3], None, {"images": ["a"]}, r"images must be \[3\]"),
        (VECTORS, [1, 2, 3], None, {"times": COLUMNS["times"][:2]}, r"times must be \[3\]"),
        (VECTORS, [1, 2, 3], None, {"tracklets": [0.5, 1, 2]}, "tracklets must be integers"),
        (VECTORS, [1, 2, 3], None, {"sources": "market1501"}, r"sources must be \[3\]"),
        (VECTORS, [1, 2, 3], None, {"local": VECTORS}, r"local must be \[3, S, D\], got .*2\]"),
        (VECTORS, [1, 2, 3], None, {"local": np.zeros((2, 1, 1))}, r"local must be \[3, S, D\]"),
    ],
)
def test_what_does_not_fit_is_refused(vectors, persons, cameras, columns, message):
    with pytest.raises(ValueError, match=message):
        Embeddings(vectors, persons, cameras, **columns)


@pytest.mark.parametrize(
    "rows",
    [[2, 0], np.array([2, 0]), np.array([True, False, True]), slice(1, None), slice(0, 0), []],
    ids=str,
)
def test_rows(rows):
    made = make(**COLUMNS, model="abc")
    index = np.array(rows, np.int64) if isinstance(rows, list) else rows
    chosen = made[rows]
    for name in ("vectors", "persons", "cameras", *COLUMNS):
        np.testing.assert_array_equal(getattr(chosen, name), getattr(made, name)[index])
    assert chosen.model == "abc"


def test_rows_without_the_optional_columns():
    chosen = Embeddings(VECTORS, [1, 2, 3])[[1]]
    assert chosen.persons.tolist() == [2]
    assert chosen.cameras is chosen.images is chosen.times is chosen.local is None


def test_embeddings_cannot_be_changed_in_place():
    with pytest.raises(AttributeError):
        make().persons = np.zeros(3)


def test_of_records():
    east = timezone(timedelta(hours=5, minutes=30))
    records = [
        Record("a.jpg", 3, 1, "x", tracklet=8, time=datetime(2026, 1, 1, 2, 0, 0, 5, tzinfo=east)),
        Record("b.jpg", -1, 0, "y"),
        Record("c.jpg", 0, 6, "x", tracklet=0, time=datetime(2026, 1, 1, tzinfo=UTC)),
    ]
    made = Embeddings.of_records(VECTORS, records, local=COLUMNS["local"], model="abc")
    assert made.persons.tolist() == [3, -1, 0]
    assert made.cameras.tolist() == [1, 0, 6]
    assert made.images.tolist() == ["a.jpg", "b.jpg", "c.jpg"]
    assert made.sources.tolist() == ["x", "y", "x"]
    assert made.tracklets.tolist() == [8, -1, 0]
    expected = np.array(["2025-12-31T20:30:00.000005", "NaT", "2026-01-01"], "datetime64[us]")
    np.testing.assert_array_equal(made.times, expected)
    np.testing.assert_array_equal(made.local, COLUMNS["local"])
    assert made.model == "abc"


def test_of_records_without_cameras_times_and_tracklets():
    made = Embeddings.of_records(VECTORS[:1], [Record("a.jpg", 3, None, "x")])
    assert made.cameras is made.times is made.tracklets is None
    empty = Embeddings.of_records(np.empty((0, 2)), [])
    assert len(empty) == 0


def test_of_records_refuses_half_known_cameras_and_other_counts():
    records = [Record("a.jpg", 3, 1, "x"), Record("b.jpg", 3, None, "x")]
    with pytest.raises(ValueError, match="some records have a camera and some have none"):
        Embeddings.of_records(VECTORS[:2], records)
    with pytest.raises(ValueError, match=r"persons must be \[3\]"):
        Embeddings.of_records(VECTORS, records[:1])


def test_what_galleries_need_is_kept(tmp_path):
    more = {
        "hashes": ["0" * 32, "1" * 32, "2" * 32],
        "frames": [4, -1, 6],
        "qualities": [0.5, np.nan, 1.0],
        "named_persons": ["anna", "", "人"],
        "named_cameras": ["lobby", "hall", ""],
    }
    made = Embeddings(VECTORS, [1, -1, 2], **more, model="abc", pooling="flip")
    again = Embeddings.load(made.save(tmp_path / "e.npz"))
    assert (again.model, again.pooling) == ("abc", "flip")
    for name, values in more.items():
        np.testing.assert_array_equal(getattr(again, name), np.array(values), name)
        np.testing.assert_array_equal(getattr(again[[2, 0]], name), np.array(values)[[2, 0]], name)
    assert again[1:].pooling == "flip"


def test_a_stored_file_is_read_as_it_was_written():
    stored = Embeddings.load(STORED)
    assert stored.vectors.tolist() == [[1, 2], [3, 4], [0.5, -6]]
    assert (stored.persons.tolist(), stored.cameras.tolist()) == ([7, -1, 0], [1, 2, 1])
    assert stored.images.tolist() == ["a.jpg", "ü.jpg", "c.jpg"]
    times = np.array(["2026-01-02T03:04:05.678901", "NaT", "1999-12-31"], "datetime64[us]")
    np.testing.assert_array_equal(stored.times, times)
    assert stored.sources.tolist() == ["market1501", "x", "market1501"]
    assert (stored.tracklets.tolist(), stored.frames.tolist()) == ([4, -1, 2], [4, -1, 6])
    np.testing.assert_array_equal(stored.qualities, np.array([0.5, np.nan, 1], np.float32))
    np.testing.assert_array_equal(stored.local.ravel(), np.arange(12, dtype=np.float32))
    assert stored.hashes.tolist() == ["0" * 32, "1" * 32, "2" * 32]
    assert stored.named_persons.tolist() == ["anna", "", "人"]
    assert stored.named_cameras.tolist() == ["lobby", "hall", ""]
    assert (stored.model, stored.pooling) == ("abc", "flip")


def test_the_same_columns_are_written_as_in_the_stored_file(tmp_path):
    with np.load(STORED) as old, np.load(Embeddings.load(STORED).save(tmp_path / "e.npz")) as new:
        assert sorted(old.files) == sorted(new.files)
        for name in old.files:
            assert old[name].dtype == new[name].dtype, name
            assert old[name].tobytes() == new[name].tobytes(), name


def test_columns_that_are_not_stored_are_not_known(tmp_path):
    columns = {"vectors": VECTORS, "persons": np.arange(3), "model": np.array("abc")}
    np.savez(tmp_path / "few.npz", **columns)
    few = Embeddings.load(tmp_path / "few.npz")
    assert (few.model, few.pooling) == ("abc", "")
    assert few.hashes is few.frames is few.qualities is few.named_persons is None
