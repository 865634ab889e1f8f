"""What is one passage, where it was, and when two cannot be of one person."""

from __future__ import annotations

import numpy as np
import pytest

from passerby.gallery.link.passages import Stays, in_two_places, passages_of, places_of, stays_of
from passerby.tables.sightings import Sightings

EIGHT = np.datetime64("2026-05-01T08:00:00", "us")


def sightings(cameras, seconds, tracklets=None, sources=None, frames=None):
    times = [
        np.datetime64("NaT") if s is None else EIGHT + np.timedelta64(round(1e6 * s), "us")
        for s in seconds
    ]
    return Sightings(
        [str(n) for n in range(len(cameras))],
        np.empty((len(cameras), 0)),
        cameras=cameras,
        times=np.array(times, "datetime64[us]"),
        tracklets=tracklets,
        sources=sources,
        frames=frames,
    )


def names(*given):
    return np.array(given, np.str_)


def groups(passages):
    """The rows of each passage, as sets."""
    return {frozenset(np.flatnonzero(passages.of == p).tolist()) for p in range(len(passages))}


def test_tracklets_and_known_persons_hold_together():
    given = sightings(
        ["1", "1", "2", "1", "2", "2"], [0, 1, 2, 3, 4, 5], tracklets=[7, 7, 7, -1, -1, 8]
    )
    found = passages_of(given, names("", "", "", "", "", ""))
    assert groups(found) == {frozenset(s) for s in ([0, 1], [2], [3], [4], [5])}
    found = passages_of(given, names("", "anna", "", "anna", "", ""))
    assert groups(found) == {frozenset(s) for s in ([0, 1, 3], [2], [4], [5])}
    assert found.names[found.of].tolist() == ["anna", "anna", "", "anna", "", ""]
    assert found.torn == 0


def test_equal_numbers_of_two_sources_are_two_tracklets():
    given = sightings(["1", "1"], [0, 0], tracklets=[7, 7], sources=["a", "b"])
    assert len(passages_of(given, names("", ""))) == 2
    assert len(np.unique(places_of(given))) == 2


def test_a_tracklet_with_two_names_holds_nothing_together():
    given = sightings(["1"] * 4, [0, 1, 2, 3], tracklets=[7] * 4)
    found = passages_of(given, names("anna", "", "berta", "anna"))
    assert groups(found) == {frozenset(s) for s in ([0, 3], [1], [2])}
    assert found.torn == 1


def test_a_tracklet_is_represented_by_four_of_its_frames():
    given = sightings(["1"] * 10, [None] * 10, tracklets=[3] * 9 + [-1], frames=range(10, 0, -1))
    found = passages_of(given, names(*[""] * 10))
    assert found.representatives.tolist() == [0, 3, 5, 8, 9]
    assert (found.of[found.representatives] == found.shown).all()


def test_stays_are_from_the_first_to_the_last_of_a_tracklet():
    given = sightings(
        ["1", "1", "1", "2", "", "1"], [5, 0, 9, None, 3, 20], tracklets=[1, 1, 1, -1, -1, -1]
    )
    passages = passages_of(given, names("", "", "", "", "", "anna"))
    stays = stays_of(given, passages)
    spans = {
        int(passages.of[row]): [
            (int(a - EIGHT.astype(int)) / 1e6, int(b - EIGHT.astype(int)) / 1e6)
            for a, b in zip(
                stays[passages.of[row]].first, stays[passages.of[row]].last, strict=True
            )
        ]
        for row in range(6)
    }
    assert [spans[int(passages.of[row])] for row in (0, 3, 4, 5)] == [[(0, 9)], [], [], [(20, 20)]]


def test_no_sighting_at_all():
    given = sightings([], [])
    found = passages_of(given, given.persons)
    assert len(found) == len(found.representatives) == 0
    assert stays_of(given, found) == []


def slow_in_two_places(one, other, tolerance, joined, mirrored):
    for a in range(len(one)):
        for b in range(len(other)):
            here = one.place[a] == other.place[b]
            tracks = {int(one.track[a]), int(other.track[b])}
            if here:
                two = len(tracks) == 2 and -1 not in tracks and not mirrored[one.place[a]]
                if two and max(one.first[a], other.first[b]) <= min(one.last[a], other.last[b]):
                    return True
                continue
            if joined[one.place[a], other.place[b]]:
                continue
            gap = max(one.first[a], other.first[b]) - min(one.last[a], other.last[b])
            if gap <= tolerance * 1e6:
                return True
    return False


@pytest.mark.parametrize("seed", range(30))
def test_two_places_against_a_slow_version(seed):
    random = np.random.default_rng(seed)

    def stays():
        first = random.integers(0, 60_000_000, 3)
        last = first + random.integers(0, 4_000_000, 3)
        return Stays(first, last, random.integers(0, 3, 3), random.integers(-1, 4, 3))

    mirrored = np.array([seed % 3 == 0, False, False])
    joined = np.eye(3, dtype=bool)
    joined[0, 1] = joined[1, 0] = seed % 2 == 0
    one, other = stays(), stays()
    for tolerance in (0, 2.5):
        assert in_two_places(one, other, tolerance, joined, mirrored) == slow_in_two_places(
            one, other, tolerance, joined, mirrored
        )


def test_one_place_and_one_moment():
    none = np.array([-1])
    here = Stays(np.array([0]), np.array([0]), np.array([0]), none)
    there = Stays(np.array([0]), np.array([0]), np.array([1]), none)
    later = Stays(np.array([1_000_001]), np.array([2_000_000]), np.array([1]), none)
    apart, plain = np.eye(2, dtype=bool), np.zeros(2, bool)
    assert in_two_places(here, there, 0, apart, plain)
    assert not in_two_places(here, here, 0, apart, plain)
    assert not in_two_places(here, later, 1, apart, plain)
    assert in_two_places(here, later, 1.000001, apart, plain)
    assert not in_two_places(here, there, 0, np.ones((2, 2), bool), plain)
    assert len(here.joined_with(later)) == 2


def test_two_tracks_at_once_by_one_camera_are_two_persons():
    """Not one and the same track, nor one after the other, nor where there is a mirror."""

    def stay(first, last, track):
        return Stays(np.array([first]), np.array([last]), np.array([0]), np.array([track]))

    joined, plain, mirror = np.ones((1, 1), bool), np.zeros(1, bool), np.ones(1, bool)
    one = stay(0, 10, 4)
    assert in_two_places(one, stay(5, 15, 7), 1, joined, plain)
    assert in_two_places(one, stay(10, 15, 7), 1, joined, plain)
    assert not in_two_places(one, stay(5, 15, 7), 1, joined, mirror)
    assert not in_two_places(one, stay(5, 15, 4), 1, joined, plain)
    assert not in_two_places(one, stay(5, 15, -1), 1, joined, plain)
    assert not in_two_places(one, stay(11, 15, 7), 1, joined, plain)
