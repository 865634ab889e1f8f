"""What is removed by condition and by age, and what is said of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from passerby.cli.gallery import remove as remove_command
from passerby.cli.options import Filter
from passerby.gallery.upkeep.removal import older_than, period, remove
from passerby.tables.filters import Where
from passerby.tables.sightings import Sightings

NOW = datetime(2026, 5, 31, 12, tzinfo=UTC)


@pytest.fixture
def filled(gallery):
    """Eight sightings: of two cameras, one seen every ten days, the last two at no known time."""
    times = np.array([np.datetime64("2026-05-01T12:00") + np.timedelta64(10 * n, "D")
                      for n in range(6)] + ["NaT"] * 2, "M8[us]")  # fmt: skip
    gallery.store.write(
        Sightings(
            [f"{n:032x}" for n in range(8)],
            np.eye(8, gallery.about.dimensions),
            persons=["anna", "bert", "", "anna"] * 2,
            cameras=["lobby", "hall"] * 4,
            times=times,
        )
    )
    return gallery


def ids(gallery):
    return sorted(int(i, 16) for part in gallery.store.read() for i in part.ids)


@pytest.mark.parametrize(
    ("where", "left"),
    [
        (Where(persons=("anna",)), [1, 2, 5, 6]),
        (Where(cameras=("hall",), known=True), [0, 2, 4, 6]),
        (Where(ids=("0" * 31 + "4",)), [0, 1, 2, 3, 5, 6, 7]),
        (Where(since=NOW - timedelta(days=20), until=NOW), [0, 3, 4, 5, 6, 7]),
    ],
)
def test_removal_by_condition(where, left, filled):
    removed = filled.remove(where)
    assert ids(filled) == left
    assert removed.count == 8 - len(left)
    assert "gallery compact" in str(removed)
    assert "dumps" in str(removed)


def test_everything_is_not_removed_by_accident(filled):
    with pytest.raises(ValueError, match="needs a condition"):
        filled.remove(Where())
    assert len(filled) == 8


def test_sightings_without_a_time_are_told_of_and_go_when_asked(filled):
    where = Where(until=NOW, cameras=("hall",))
    removed = filled.remove(where)
    assert (removed.count, removed.timeless) == (1, 1)
    assert "1 sighting has no time" in str(removed)
    removed = filled.remove(where, timeless=True)
    assert (removed.count, removed.timeless) == (1, 0)
    assert ids(filled) == [0, 2, 3, 4, 5, 6]


def test_retention(filled):
    removed = remove(filled.store, older_than(period("2w"), Where(), NOW), compact=True)
    assert (removed.count, removed.timeless) == (2, 2)
    assert ids(filled) == [2, 3, 4, 5, 6, 7]
    assert removed.erased is not None
    assert filled.keep("1h", timeless=True).count + len(filled) == 6
    with pytest.raises(ValueError, match="not both"):
        filled.keep("1h", Where(until=NOW))


@pytest.mark.parametrize("text", ["30", "d", "-3d", "30 d ays", "1y", "1.5d"])
def test_periods_that_are_none(text):
    with pytest.raises(ValueError, match="hours, days or weeks"):
        period(text)


def test_periods():
    assert period(" 12H ") == timedelta(hours=12)
    assert period("8w") == timedelta(weeks=8)
    with pytest.raises(ValueError, match="before all calendars"):
        older_than(period("999999w"), Where(), NOW)


def test_on_a_terminal_it_is_asked(filled, memory_place, monkeypatch):
    answers, asked = ["n", "Y "], []

    def answer(question):
        asked.append(question)
        return answers.pop(0)

    chosen = Filter(person=("anna",))
    monkeypatch.setattr("sys.stdin.isatty", lambda: True)
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setattr("builtins.input", answer)
    with pytest.raises(ValueError, match="nothing was done"):
        remove_command(memory_place, filter=chosen)
    assert len(filled) == 8
    assert asked[0].startswith("remove 4 sightings for good?")
    remove_command(memory_place, filter=chosen)
    assert len(filled) == 4


def test_where_nobody_can_be_asked_it_is_refused(filled, memory_place, monkeypatch):
    monkeypatch.setattr("sys.stdin.isatty", lambda: False)
    with pytest.raises(ValueError, match="2 sightings would be removed for good: confirm with"):
        remove_command(memory_place, filter=Filter(sighting=("0" * 32, "0" * 31 + "1")))
    assert len(filled) == 8
