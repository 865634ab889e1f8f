"""Columns of sightings: shapes, missing values, choosing rows."""

from __future__ import annotations

import numpy as np
import pytest

from passerby.tables.sightings import Sightings


def test_what_is_not_given_is_not_known():
    sightings = Sightings(["a" * 32, "b" * 32], np.eye(2))
    assert sightings.persons.tolist() == sightings.cameras.tolist() == ["", ""]
    assert np.isnat(sightings.times).all()
    assert np.isnan(sightings.qualities).all()
    assert sightings.frames.tolist() == sightings.tracklets.tolist() == [-1, -1]
    assert sightings.thumbnails == (b"", b"")


def test_rows_are_chosen_by_index_mask_and_slice():
    sightings = Sightings(["a", "b", "c"], np.eye(3), persons=["x", "", "z"], frames=[1, 2, 3])
    for rows in ([2, 0], np.array([2, 0]), slice(None, None, -2)):
        assert sightings[rows].ids.tolist() == ["c", "a"]
        assert sightings[rows].frames.tolist() == [3, 1]
    assert sightings[sightings.persons != ""].ids.tolist() == ["a", "c"]
    assert len(sightings[:0]) == 0


@pytest.mark.hostile
@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"persons": ["x"]}, r"persons must be \[2\] like the ids, got \[1\]"),
        ({"thumbnails": [b""]}, "thumbnails must be 2, got 1"),
        ({"cameras": ["a\0b", "c"]}, "cameras must not hold the character NUL"),
    ],
)
def test_columns_that_do_not_fit_are_refused(columns, message):
    with pytest.raises(ValueError, match=message):
        Sightings(["a", "b"], np.eye(2), **columns)


def test_vectors_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match=r"vectors must be \[1, D\]"):
        Sightings(["a"], [1.0, 2.0])


@pytest.mark.hostile
@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"times": np.array([300_000 - 1970], "M8[Y]")}, "the year 300000"),
        ({"qualities": [-np.inf]}, "qualities must lie between 0 and 1"),
        ({"frames": [2**63]}, "beyond 64-bit integers"),
        ({"tracklets": [2**64]}, "tracklets must be integers"),
        ({"images": ["a\udcff.jpg"]}, "images hold text that is not valid Unicode"),
        ({"persons": ["\ud800"]}, "persons hold text that is not valid Unicode"),
    ],
)
def test_what_only_a_hostile_file_can_say_is_refused(columns, message):
    with pytest.raises(ValueError, match=message):
        Sightings(["a"], np.eye(1), **columns)


def test_names_are_in_one_spelling():
    made = Sightings(["a"], np.eye(1), persons=["u\u0308"], cameras=["e\u0301"])
    assert (made.persons[0], made.cameras[0]) == ("\u00fc", "\u00e9")
    joined = Sightings.joined([made, made])
    assert joined.persons.tolist() == ["\u00fc", "\u00fc"]
