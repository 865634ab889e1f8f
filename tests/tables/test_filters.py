"""The meaning of a filter on arrays; that engines agree with it is the conformance suite's part."""

from __future__ import annotations

import unicodedata
from datetime import UTC, datetime, timedelta, timezone

import numpy as np
import pytest

from passerby.tables.filters import Where, moment
from passerby.tables.sightings import Sightings

EIGHT = datetime(2026, 5, 1, 8, tzinfo=UTC)
SIGHTINGS = Sightings(
    ["a", "b", "c", "d"],
    np.eye(4),
    persons=["x", "", "y", ""],
    cameras=["1", "2", "", "1"],
    times=np.array(["2026-05-01T08:00", "2026-05-01T09:00", "NaT", "2026-05-02"], "M8[us]"),
    qualities=[0.2, 0.9, 0.9, np.nan],
)


@pytest.mark.parametrize(
    ("where", "kept"),
    [
        (Where(), "abcd"),
        (Where(cameras=("1",)), "ad"),
        (Where(not_cameras=("1",)), "bc"),
        (Where(since=EIGHT), "abd"),
        (Where(until=EIGHT), ""),
        (Where(since=EIGHT, until=EIGHT + timedelta(hours=1)), "a"),
        (Where(since=EIGHT.astimezone(timezone(timedelta(hours=5)))), "abd"),
        (Where(known=True), "ac"),
        (Where(known=False), "bd"),
        (Where(min_quality=0.5), "bc"),
        (Where(persons=("x", "y"), cameras=("1",)), "a"),
        (Where(ids=("b", "d")), "bd"),
    ],
)
def test_what_is_kept(where, kept):
    assert "".join(SIGHTINGS[where.keeps(SIGHTINGS)].ids) == kept


def test_times_without_a_zone_are_refused():
    with pytest.raises(ValueError, match="since needs a time zone"):
        Where(since=datetime(2026, 5, 1))
    with pytest.raises(ValueError, match="must lie before until"):
        Where(since=EIGHT, until=EIGHT)
    assert moment(EIGHT.astimezone(timezone(timedelta(hours=5)))) == np.datetime64(
        "2026-05-01T08:00"
    )


def test_quality_lies_between_0_and_1():
    with pytest.raises(ValueError, match="between 0 and 1, got 3"):
        Where(min_quality=3)


def test_what_is_said_of_a_filter():
    assert Where().everything
    assert not Where(known=False).everything
    assert Where(since=EIGHT, known=True).timed
    assert Where(since=EIGHT, known=True).without_time() == Where(known=True)


def test_names_find_themselves_in_either_spelling():
    stored = Sightings(["a"], np.eye(1), persons=["Ju\u0308rgen"], cameras=["cafe\u0301"])
    for form in ("NFC", "NFD"):
        named = unicodedata.normalize(form, "Jürgen")
        assert Where(persons=(named,)).keeps(stored).all()
        assert not Where(not_cameras=(unicodedata.normalize(form, "café"),)).keeps(stored).any()


@pytest.mark.parametrize("name", ["a\0b", "\ud800", "\udcff.jpg"])
def test_names_that_no_sighting_can_have_are_refused(name):
    with pytest.raises(ValueError, match=r"cameras cannot be .* not valid Unicode"):
        Where(cameras=(name,))


def test_times_that_no_sighting_can_have_are_refused():
    with pytest.raises(ValueError, match="outside the years 1 to 9999"):
        Where(until=datetime(9999, 12, 31, 23, tzinfo=timezone(-timedelta(hours=5))))


def test_names_may_come_in_any_sequence_but_not_as_one_text():
    given = Where(persons=["anna", np.str_("berta")], cameras=np.array(["1"]))
    assert given == Where(persons=("anna", "berta"), cameras=("1",))
    assert hash(given) == hash(Where(persons=("anna", "berta"), cameras=("1",)))
    with pytest.raises(ValueError, match=r"persons takes several names: expected \('anna',\)"):
        Where(persons="anna")
