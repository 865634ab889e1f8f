"""A tracker's number is given again: tracklets end at gaps in time."""

from __future__ import annotations

import numpy as np
import pytest

from passerby.data.crops import Labels, read_crops
from passerby.data.datasets.table import session_tracklet
from passerby.gallery.tracklets import tracklet_numbers
from passerby.tables.embeddings import Embeddings
from passerby.tables.sightings import Sightings

EIGHT = np.datetime64("2026-05-01T08:00:00", "us")


def sightings(rows):
    """Of (camera, tracklet, seconds or None, frame)."""
    cameras, tracklets, seconds, frames = zip(*rows, strict=True)
    times = [
        np.datetime64("NaT") if s is None else EIGHT + np.timedelta64(round(1e6 * s), "us")
        for s in seconds
    ]
    ids = [f"{n:032x}" for n in range(len(rows))]
    return Sightings(
        ids,
        np.empty((len(rows), 0)),
        cameras=cameras,
        tracklets=tracklets,
        frames=frames,
        times=np.array(times, "M8[us]"),
    )


def groups(numbers):
    return {frozenset(np.flatnonzero(numbers == n).tolist()) for n in set(numbers.tolist())}


def slow(given, gap):
    """Row by row: together if a chain of sightings, each within the gap, leads from one to it."""
    keys = list(zip(given.cameras.tolist(), given.tracklets.tolist(), strict=True))
    found = []
    for key in sorted(set(keys)):
        rows = [row for row in range(len(given)) if keys[row] == key]
        if key[1] < 0:
            found += [frozenset([row]) for row in rows]
            continue
        rows.sort(key=lambda row: given.times[row])
        chain = [rows[0]]
        for row in rows[1:]:
            passed = (given.times[row] - given.times[chain[-1]]) / np.timedelta64(1, "s")
            if passed > gap:
                found.append(frozenset(chain))
                chain = []
            chain.append(row)
        found.append(frozenset(chain))
    return set(found)


def test_a_number_given_again_on_another_day_is_another_tracklet():
    day = 86_400
    given = sightings([("1", 7, 0, 1), ("1", 7, 4, 2), ("1", 7, day, 1), ("1", 7, day + 1, 2)])
    assert groups(tracklet_numbers(given)) == {frozenset([0, 1]), frozenset([2, 3])}
    assert groups(tracklet_numbers(given, gap=2 * day)) == {frozenset([0, 1, 2, 3])}


def test_without_times_a_frame_that_comes_twice_shows_it():
    once = sightings([("1", 7, None, 1), ("1", 7, None, 2), ("1", 8, None, -1), ("1", 8, None, -1)])
    assert groups(tracklet_numbers(once)) == {frozenset([0, 1]), frozenset([2, 3])}
    twice = sightings([("1", 7, None, 1), ("1", 7, None, 2), ("1", 7, None, 1)])
    assert groups(tracklet_numbers(twice)) == {frozenset([0]), frozenset([1]), frozenset([2])}


def test_a_sighting_without_a_time_stays_only_where_it_can_but_be_there():
    given = sightings([("1", 7, 0, 1), ("1", 7, None, 2)])
    assert groups(tracklet_numbers(given)) == {frozenset([0, 1])}
    given = sightings([("1", 7, 0, 1), ("1", 7, 500, 1), ("1", 7, None, 2)])
    assert groups(tracklet_numbers(given)) == {frozenset([0]), frozenset([1]), frozenset([2])}


@pytest.mark.parametrize("seed", range(20))
def test_against_a_slow_version(seed):
    random = np.random.default_rng(seed)
    rows = [
        (str(random.integers(2)), int(random.integers(-1, 3)), float(random.integers(600)), n)
        for n in range(60)
    ]
    given = sightings(rows)
    assert groups(tracklet_numbers(given, 30)) == slow(given, 30)


def test_nothing_at_all():
    assert tracklet_numbers(Sightings([], np.empty((0, 0)))).tolist() == []


def test_a_session_keeps_numbers_apart(tmp_path, gallery):
    (tmp_path / "crops.csv").write_text(
        "image,tracklet,session\na.jpg,7,monday\nb.jpg,7,monday\nc.jpg,7,tuesday\nd.jpg,7,\n"
    )
    crops = read_crops(tmp_path / "crops.csv").crops
    a, b, c, d = (crop.tracklet for crop in crops)
    assert a == b == session_tracklet("monday", 7) != c
    assert d == 7
    assert 0 <= a < 2**53
    labelled = read_crops(tmp_path / "crops.csv", Labels(session="x")).crops
    assert len({crop.tracklet for crop in labelled}) == 3
    vectors = np.eye(3, gallery.about.dimensions)
    part = Embeddings(
        vectors,
        [1, 2, 3],
        tracklets=[7, 7, -1],
        model=gallery.about.model,
        pooling=gallery.about.pooling,
    )
    gallery.add(part, Labels(session="monday"))
    stored = Sightings.joined([*gallery.store.read()])
    assert sorted(stored.tracklets.tolist()) == [-1, a, a]
