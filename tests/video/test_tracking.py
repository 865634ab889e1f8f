"""Tracks of boxes that walk, by each tracker."""

import numpy as np
import pytest

from passerby.video.detectors.detections import NOTHING, Detections
from passerby.video.tracking import TRACKERS, Tracker


def walking(step, shift=0.0):
    """Two persons who walk towards each other on lines of their own."""
    left, right = 20 + 6 * step, 500 - 6 * step
    boxes = [[left, 50 + shift, left + 40, 150 + shift], [right, 250, right + 40, 350]]
    return Detections(np.array(boxes, np.float32), np.array([0.9, 0.8], np.float32))


@pytest.mark.parametrize("name", TRACKERS)
def test_each_person_keeps_a_number(name):
    tracker = Tracker(name, 0.5)
    seen = [tracker.update(walking(step), step / 10) for step in range(30)]
    for step, tracked in enumerate(seen):
        assert (tracked.tracks >= 1).all()  # what is not confirmed is left out
        for track, box in zip(tracked.tracks, tracked.boxes, strict=True):
            assert box[1] == (50 if track == seen[-1].tracks[seen[-1].boxes[:, 1] == 50] else 250)
        assert len(tracked.tracks) == 2 or step < 3
    assert sorted(seen[-1].tracks.tolist()) == [1, 2]


def test_numbers_do_not_depend_on_other_trackers():
    for _ in range(2):
        tracker = Tracker("bytetrack", 0.5)
        for step in range(5):
            tracked = tracker.update(walking(step), step / 10)
        assert sorted(tracked.tracks.tolist()) == [1, 2]


def test_what_is_away_for_longer_than_it_is_held_comes_back_as_another():
    """Time counts, not frames: a gap of three seconds between two frames ends tracks."""
    for gap, expected in ((0.5, [1, 2]), (3.0, [3, 4])):
        tracker = Tracker("bytetrack", 0.5)
        for step in range(10):
            tracker.update(walking(0), step / 10)
        for step in range(5):
            tracked = tracker.update(walking(0), 0.9 + gap + step / 10)
        assert sorted(tracked.tracks.tolist()) == expected


def test_nothing_is_no_track():
    tracker = Tracker("bytetrack", 0.5)
    for second in range(3):
        tracked = tracker.update(NOTHING, float(second))
        assert (tracked.tracks.shape, tracked.boxes.shape) == ((0,), (0, 4))


def test_a_faint_box_begins_no_track():
    tracker = Tracker("bytetrack", 0.5)
    faint = Detections(walking(0).boxes, np.array([0.4, 0.3], np.float32))
    assert all(len(tracker.update(faint, step / 10).tracks) == 0 for step in range(10))


def test_an_unknown_tracker_is_named():
    with pytest.raises(ValueError, match="did you mean 'bytetrack'"):
        Tracker("bytetrak", 0.5)
