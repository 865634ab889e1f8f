"""Columns: every value that comes from outside is of its type, or refused in words."""

from datetime import UTC, datetime, timedelta, timezone

import numpy as np
import pyarrow as pa
import pytest

from passerby.tables.columns import (
    EMBEDDING_COLUMNS,
    FRAMES,
    IMAGES,
    PERSON_NUMBERS,
    PERSONS,
    QUALITIES,
    SIGHTING_COLUMNS,
    TIMES,
    matrix,
)
from passerby.tables.embeddings import Embeddings
from passerby.tables.records import Record
from passerby.tables.sightings import Sightings
from passerby.tables.times import moment


def test_tables_have_the_declared_columns():
    beside = {"vectors", "thumbnails", "looks", "pictures"}
    names = {column.name for column in SIGHTING_COLUMNS}
    assert names | beside == set(Sightings.__dataclass_fields__)
    assert {c.name for c in EMBEDDING_COLUMNS} | {"vectors", "local", "model", "pooling"} == set(
        Embeddings.__dataclass_fields__
    )


@pytest.mark.parametrize("column", [*SIGHTING_COLUMNS, *EMBEDDING_COLUMNS], ids=lambda c: c.name)
def test_nothing_known_is_of_the_columns_type_in_numpy_and_arrow(column):
    absent = column.absent(2)
    assert absent.dtype.kind == column.dtype.kind
    np.testing.assert_array_equal(column.checked(absent, 2), absent)
    assert pa.array(absent).cast(column.arrow).type == column.arrow


def test_values_of_records():
    east = timezone(timedelta(hours=5, minutes=30))
    records = [
        Record("a.jpg", 3, 1, "x", frame=4, time=datetime(2026, 1, 1, 2, tzinfo=east)),
        Record("b.jpg", -1, 0, "y"),
    ]
    assert FRAMES.of(records).tolist() == [4, -1]
    assert IMAGES.of(records).tolist() == ["a.jpg", "b.jpg"]
    assert TIMES.of(records)[0] == np.datetime64("2025-12-31T20:30:00")
    assert np.isnat(TIMES.of(records)[1])
    assert PERSON_NUMBERS.of([]).dtype == np.int64


@pytest.mark.parametrize(
    ("column", "values", "message"),
    [
        (FRAMES, np.array([2**63], np.uint64), "9223372036854775808, which is beyond 64-bit"),
        (FRAMES, [2**70], "frames must be integers, got object"),
        (FRAMES, [1.0], "frames must be integers, got float64"),
        (FRAMES, [1j], "frames must be integers, got complex128"),
        (QUALITIES, [1.5], "qualities must lie between 0 and 1, got 1.5 to 1.5"),
        (QUALITIES, [-np.inf], "qualities must lie between 0 and 1, got -inf"),
        (QUALITIES, ["high"], "qualities must be numbers from 0 to 1, got <U4"),
        (QUALITIES, [0.5j], "qualities must be numbers from 0 to 1, got complex"),
        (TIMES, np.array([300_000 - 1970], "M8[Y]"), "times must lie .* got the year 300000"),
        (TIMES, np.array([2**55], "M8[s]"), "times must lie in the years 1 to 9999"),
        (TIMES, np.array([-(2**62)], "M8[us]"), "times must lie in the years 1 to 9999"),
        (TIMES, [5], "times must be times, got int64"),
        (TIMES, [datetime(2026, 1, 1)], "has no zone"),
        (TIMES, ["yesterday"], "yesterday"),
        (PERSONS, ["a\0b"], "persons must not hold the character NUL"),
        (PERSONS, ["a\ud800"], "persons hold text that is not valid Unicode"),
        (PERSONS, [None], "persons must be text, got object"),
        (PERSONS, np.array([0x110000], np.uint32).view("<U1"), "no characters of Unicode"),
        (PERSONS, np.array([0xFFFFFFFF], np.uint32).view("<U1"), "no characters of Unicode"),
        (IMAGES, [b"a"], "images must be text, got |S1"),
    ],
)
def test_what_a_column_cannot_hold_is_refused(column, values, message):
    with pytest.raises(ValueError, match=message.replace("|", r"\|")):
        column.checked(values, 1)


def test_names_are_kept_in_one_spelling_and_paths_as_they_are():
    decomposed, composed = "Ame\u0301lie", "Am\u00e9lie"
    assert PERSONS.checked([decomposed, "x"], 2).tolist() == [composed, "x"]
    assert IMAGES.checked([decomposed], 1).tolist() == [decomposed]
    assert IMAGES.checked(["a\udcff.jpg"], 1).tolist() == ["a\udcff.jpg"]  # bytes of a file name


def test_other_byte_orders_and_objects_of_text_are_read():
    assert PERSONS.checked(np.array(["ü", "b"], ">U1"), 2).tolist() == ["ü", "b"]
    assert PERSONS.checked(np.array(["ü", "b"], object), 2).tolist() == ["ü", "b"]
    assert FRAMES.checked(np.array([3], ">i2"), 1).tolist() == [3]
    times = [datetime(2026, 1, 1, tzinfo=UTC), None]
    assert TIMES.checked(times, 2)[0] == np.datetime64("2026-01-01")


@pytest.mark.parametrize(
    "time",
    [
        datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=5))),
        datetime(9999, 12, 31, 23, tzinfo=timezone(-timedelta(hours=5))),
    ],
)
def test_the_ends_of_the_calendar_are_refused_in_words(time):
    with pytest.raises(ValueError, match="lies outside the years 1 to 9999 in UTC"):
        moment(time)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([[1j]], "v must be real numbers, got complex128"),
        ([["1"]], "v must be real numbers, got <U1"),
        (np.array([[1e60]]), "v hold numbers beyond the range of float32"),
        ([1.0], r"v must be \[N, D\], got the shape \[1\]"),
    ],
)
def test_what_is_no_matrix_is_refused(values, message):
    with pytest.raises(ValueError, match=message):
        matrix("v", values, "N, D")


def test_infinite_vectors_are_for_whoever_compares_them():
    assert np.isinf(matrix("v", np.array([[np.inf]]), "N, D")).all()
