"""Paths: order, what cannot be, and what is said of it."""

from __future__ import annotations

import csv
import io
import json

import numpy as np
import pytest

from passerby.gallery.gallery import Gallery
from passerby.gallery.paths.gallery_transits import Transits
from passerby.gallery.paths.path import (
    TWO_PLACES,
    judged,
    path_of_matches,
    path_of_sightings,
)
from passerby.gallery.paths.transits import EDGES, Transit
from passerby.tables.sightings import Sightings

EIGHT = np.datetime64("2026-05-01T08:00:00", "us")
SECONDS = np.array([600, 0, 10, 5, 30, 0])


def ann(vectors=None):
    """a from 0 to 10 s, b at 5 s (meanwhile), c at 30 s and at 600 s, one more without a time."""
    times = EIGHT + SECONDS.astype("timedelta64[s]")
    times[5] = np.datetime64("NaT")
    return Sightings(
        [f"{number:032x}" for number in range(6)],
        np.eye(6, 12) if vectors is None else vectors,
        persons=["ann"] * 6,
        cameras=["c", "a", "a", "b", "c", "a"],
        tracklets=[-1, 7, 7, -1, -1, -1],
        times=times,
    )


def test_a_path_is_in_order_and_what_cannot_be_is_said():
    path = path_of_sightings("ann", ann())
    assert [stay.camera for stay in path.stays] == ["a", "b", "c", "c", "a"]
    assert [stay.sightings for stay in path.stays] == [2, 1, 1, 1, 1]
    curve = np.zeros(len(EDGES) - 1)
    slow = Transit(("/a", "/c"), curve, 30, 30, 0.5, np.array([25.0, 60.0]), np.array([]))
    found = judged(path, Transits((slow,), 3, 30))
    assert [stay.seconds_before for stay in found.stays] == [None, -5.0, 20.0, 570.0, None]
    reasons = [stay.impossible for stay in found.stays]
    assert reasons == ["", TWO_PLACES, "faster than anybody: 0:25 at least", "", ""]
    assert found.impossible == 2
    assert "1 passage has no time" in str(found)
    assert "! in two places at once" in str(found)
    assert json.loads(found.to_json())["impossible"] == 2
    rows = [*csv.DictReader(io.StringIO(found.to_csv()))]
    assert [row["camera"] for row in rows] == ["a", "b", "c", "c", "a"]
    allowed = judged(path, None, [("a", "b")])
    assert allowed.impossible == 0
    assert "too fast is not told" in str(allowed)


def test_a_path_without_sightings_is_refused():
    with pytest.raises(ValueError, match="there is no path"):
        path_of_sightings("ann", ann()[:0])


@pytest.fixture
def place(tmp_path, crowd, crowd_about):
    with Gallery.create(tmp_path / "lobby", crowd_about) as gallery:
        gallery.store.write(ann(crowd.shots(np.eye(12)[[0] * 6], 0.02)))
    return tmp_path / "lobby"


def test_the_command_and_its_page(passerby_command, place, tmp_path):
    page = tmp_path / "path.html"
    words = ("gallery", "path", place, "--person", "ann")
    done = passerby_command(*words, "--out", page)
    assert done.code == 0, done.err
    assert done.out.startswith("ann: 5 passages by 3 cameras; 1 cannot be")
    drawn = page.read_text("utf-8")
    assert "<svg" in drawn
    assert TWO_PLACES in drawn
    assert json.loads(passerby_command(*words, "--json").out)["name"] == "ann"
    done = passerby_command("gallery", "path", place)
    assert (done.code, "expected one person by name" in done.err) == (2, True)
    done = passerby_command("gallery", "transits", place)
    assert done.code == 0, done.err
    assert "transit times say nothing" in done.out


def test_a_path_by_a_vector(place):
    with Gallery.open(place) as gallery:
        found = gallery.search(np.eye(12)[0])
    path = path_of_matches("like", found, 1.0)
    assert len(path.stays) == 5
    assert all(stay.llr is not None and stay.llr > 1 for stay in path.stays)
    with pytest.raises(ValueError, match="there is no path"):
        path_of_matches("like", found, 500.0)
