"""``passerby gallery visitors``, from words to output and page."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import numpy as np
import pytest

from passerby.gallery.gallery import Gallery
from passerby.gallery.visitors.parts import on_day
from passerby.tables.filters import EVERYTHING, Where
from passerby.tables.sightings import Sightings

EIGHT = np.datetime64("2026-05-01T08:00:00", "us")


@pytest.fixture
def place(tmp_path, crowd, crowd_about):
    """Five persons, each by two cameras an hour apart; one is a guard, one camera is called <b>."""
    owners, views = np.repeat(np.arange(5), 2), np.tile(np.arange(2), 5)
    gallery = Gallery.create(tmp_path / "lobby", crowd_about)
    gallery.store.write(
        Sightings(
            [f"{number:032x}" for number in range(10)],
            crowd.shots(np.eye(12)[owners], 0.05),
            persons=["guard" if owner == 0 else "" for owner in owners],
            cameras=[("hall", "<b>")[view] for view in views],
            times=EIGHT + (views * 3600 + owners * 60).astype("timedelta64[s]"),
        )
    )
    gallery.close()
    return tmp_path / "lobby"


def test_visitors_by_hour(passerby_command, place, tmp_path):
    words = ("gallery", "visitors", place, "--day", "2026-05-01", "--zone", "Europe/Berlin")
    words = (*words, "--by", "hour", "--without", "guard")
    page = tmp_path / "visitors.html"
    done = passerby_command(*words, "--back", "7d", "--out", page)
    assert done.code == 0, done.err
    assert done.out.startswith("4 different persons (95 %: 4 to ")
    assert "2026-05-01 10:00" in done.out
    drawn = page.read_text("utf-8")
    assert "<svg" in drawn
    assert "2026-05-01 11:00" in drawn
    counted = json.loads(passerby_command(*words, "--json").out)
    assert counted["whole"]["persons"]["low"] == counted["whole"]["persons"]["middle"] == 4
    assert counted["whole"]["passages"] == 8
    rows = passerby_command(*words, "--csv").out.splitlines()
    assert len(rows) == 4
    assert rows[0].startswith("part,passages,persons,persons_low")


def test_names_of_cameras_do_nothing_in_a_page(passerby_command, place, tmp_path):
    page = tmp_path / "page.html"
    done = passerby_command("gallery", "visitors", place, "--by", "camera", "--out", page)
    assert done.code == 0, done.err
    assert "<b>" in done.out
    drawn = page.read_text("utf-8")
    assert "&lt;b&gt;" in drawn
    assert "<th><b>" not in drawn


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--json", "--csv"), "contradict each other"),
        (("--day", "yesterday"), "expected a day such as 2026-05-01"),
        (("--day", "2026-05-01", "--since", "2026-05-01T00:00:00Z"), "contradict each other"),
        (("--without", "gard"), "guard"),
        (("--back", "7d"), "name the day"),
        (("--day", "2026-05-01", "--back", "soon"), "30d"),
        (("--day", "2020-01-01"), "nobody to count"),
    ],
)
def test_mistakes_are_named(passerby_command, place, words, said):
    done = passerby_command("gallery", "visitors", place, *words)
    assert done.code == 2
    assert said in done.err
    assert "Traceback" not in done.err


def test_a_day_is_of_its_zone():
    found = on_day(EVERYTHING, "2026-05-01", UTC)
    assert found == Where(
        since=datetime(2026, 5, 1, tzinfo=UTC), until=datetime(2026, 5, 2, tzinfo=UTC)
    )
