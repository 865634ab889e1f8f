"""Counts of a made site: the whole, its parts, who does not count; and what is refused."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from passerby.evaluation.decisions.conditions import Conditions
from passerby.gallery.link.rules import Rules
from passerby.gallery.visitors import counting
from passerby.gallery.visitors.counting import (
    Draws,
    Estimate,
    Sampling,
    at_a_threshold,
    estimate,
)
from passerby.gallery.visitors.parts import Question
from passerby.gallery.visitors.visitors import count_visitors
from passerby.stores.about import About
from passerby.tables.filters import EVERYTHING, Where

EIGHT = np.datetime64("2026-05-01T08:00:00", "us")
DAY = Where(since=datetime(2026, 5, 1, tzinfo=UTC), until=datetime(2026, 5, 2, tzinfo=UTC))
SHORT = Sampling(sweeps=10, burn_in=10)


@pytest.fixture
def site(make_store, crowd):
    """Twelve persons, each by three cameras, an hour after the other; the first is staff, and two
    others were there the day before."""
    centres = np.eye(12)
    owners = np.concatenate([np.repeat(np.arange(12), 3), [1, 2]])
    views = np.concatenate([np.tile(np.arange(3), 12), [0, 0]])
    hours = np.concatenate([np.tile(np.arange(3), 12), [-24, -24]])
    return make_store(
        crowd.shots(centres[owners], 0.05),
        persons=["guard" if o == 0 and v == 0 else "" for o, v in zip(owners, views, strict=True)],
        cameras=[f"cam {view}" for view in views],
        times=EIGHT + (hours * 3600 + owners * 120).astype("timedelta64[s]"),
    )


def test_visitors_of_a_day(site):
    question = Question(DAY, "hour", UTC, without=("guard",), back=timedelta(days=2))
    found = count_visitors(site, question, Rules(), SHORT)
    assert found.whole.persons.low <= 11 <= found.whole.persons.high
    assert found.whole.persons.high - found.whole.persons.low <= 2
    assert found.whole.passages == 35
    assert found.whole.returning == Estimate(2, 2, 2)
    assert [part.name for part in found.parts] == [f"2026-05-01 {h:02}:00" for h in (8, 9, 10)]
    assert [part.passages for part in found.parts] == [11, 12, 12]
    first, second, _ = found.parts
    assert first.returning == Estimate(2, 2, 2)
    assert second.new is not None
    assert second.new.low == 0
    assert second.returning is not None
    assert second.returning.low >= 10
    text = str(found)
    assert "different persons (95 %:" in text
    assert "2026-05-01 09:00" in text
    content = json.loads(found.to_json())
    assert content["whole"]["persons"] == asdict(found.whole.persons)
    rows = [*csv.DictReader(io.StringIO(found.to_csv()))]
    assert [row["part"] for row in rows] == [*(part.name for part in found.parts), "all"]
    assert rows[-1]["returning_high"] == "2"


def test_by_camera_and_by_day_of_a_zone(site):
    by_camera = count_visitors(site, Question(EVERYTHING, "camera", UTC), Rules(), SHORT)
    assert [part.name for part in by_camera.parts] == ["cam 0", "cam 1", "cam 2"]
    assert all(part.new is None for part in by_camera.parts)
    assert by_camera.whole.passages == 38
    zone = ZoneInfo("Pacific/Auckland")  # twelve hours ahead: 8 UTC is 20 o'clock
    by_day = count_visitors(site, Question(EVERYTHING, "day", zone), Rules(), SHORT)
    assert [part.name for part in by_day.parts] == ["2026-04-30", "2026-05-01"]
    assert [part.passages for part in by_day.parts] == [2, 36]
    one = count_visitors(site, Question(Where(cameras=("cam 1",)), None, UTC), Rules(), SHORT)
    assert one.parts == ()
    assert one.whole.persons.low <= 12 <= one.whole.persons.high


def test_the_same_question_has_the_same_answer(site):
    question = Question(DAY, None, UTC)
    one, other = (count_visitors(site, question, Rules(), SHORT).to_json() for _ in range(2))
    assert one == other


def test_counts_of_partitions():
    sampled = Draws(np.array([[0, 0, 1, 2], [0, 1, 1, 1]]))
    there, before = np.array([1, 1, 1, 0], bool), np.array([0, 0, 0, 1], bool)
    nobody = np.zeros(4, bool)
    assert sampled.counts(there, before, nobody).tolist() == [[2, 0], [2, 1]]
    assert sampled.counts(there, before, before).tolist() == [[2, 0], [1, 0]]
    assert estimate([3] * 95 + [9] * 5) == Estimate(3, 3, 9)
    assert str(Estimate(3, 3, 3)) == "3"
    assert str(Estimate(4, 3, 6)) == "4 (3–6)"
    chain = np.array([[0, 5, 0, 0], [5, 0, 5, 0], [0, 5, 0, 0], [0, 0, 0, 0]], np.float32)
    assert at_a_threshold(chain, 4) == 2
    assert at_a_threshold(chain, 6) == 4


def test_what_cannot_be_counted(site, make_store, crowd, crowd_about, crowd_calibration):
    with pytest.raises(ValueError, match="nobody to count"):
        count_visitors(site, Question(Where(cameras=("none",)), None, UTC), Rules())
    with pytest.raises(ValueError, match="beginning of a time"):
        Question(EVERYTHING, None, UTC, back=timedelta(days=1))
    uncalibrated = make_store(crowd.persons(3), about=About("crowd", "plain", 12))
    with pytest.raises(ValueError, match="uncalibrated here"):
        count_visitors(uncalibrated, Question(EVERYTHING, None, UTC), Rules())
    across = replace(crowd_calibration, pairs="across cameras")
    about = replace(crowd_about, calibrations={"single": asdict(across)})
    with pytest.raises(ValueError, match="two passages by one camera"):
        count_visitors(make_store(crowd.persons(3), about=about), Question(DAY, None, UTC), Rules())
    untimed = make_store(crowd.persons(3))
    with pytest.raises(ValueError, match="no hour to count by"):
        count_visitors(untimed, Question(EVERYTHING, "hour", UTC), Rules(), SHORT)
    ages = make_store(
        crowd.persons(2), cameras=["a", "a"], times=[EIGHT, EIGHT + np.timedelta64(2000, "h")]
    )
    with pytest.raises(ValueError, match="count a shorter time"):
        count_visitors(ages, Question(EVERYTHING, "hour", UTC), Rules(), SHORT)


def test_too_many_passages_are_refused(site, monkeypatch):
    monkeypatch.setattr(counting, "MOST", 10)
    with pytest.raises(ValueError, match="at most 10 passages to count at once, got 38"):
        count_visitors(site, Question(EVERYTHING, None, UTC), Rules())


@pytest.mark.parametrize(("learnt", "told"), [("here", False), ("elsewhere", True)])
def test_ratios_of_other_cameras_are_told_of(make_store, crowd, crowd_calibration, learnt, told):
    conditions = Conditions((f"{learnt}/door", f"{learnt}/hall"), 800)
    calibration = replace(crowd_calibration, conditions=conditions)
    store = make_store(
        crowd.shots(np.eye(12)[[0, 0, 1]], 0.05),
        about=About("crowd", "plain", 12, calibrations={"single": asdict(calibration)}),
        cameras=["door", "hall", "hall"],
        sources=["here"] * 3,
        times=EIGHT + np.arange(3) * np.timedelta64(600, "s"),
    )
    found = count_visitors(store, Question(EVERYTHING, None, UTC), Rules(), SHORT)
    notes = [note for note in found.notes if "learnt by other cameras" in note]
    assert len(notes) == told
    if told:
        assert "elsewhere/door, elsewhere/hall" in notes[0]
        assert "here/door, here/hall" in notes[0]
