"""Passages of tracks: when they end, and which looks stand for them."""

import numpy as np
import pytest

from passerby.video.passages import Passages
from passerby.video.sources.frames import Frame
from passerby.video.tracking import Tracked


def frame(seconds, index=0):
    pixels = np.zeros((100, 200, 3), np.uint8)
    pixels[:, :, 0] = index % 251
    return Frame(pixels, seconds, None, index, "door", "a" * 32)


def tracked(*tracks):
    boxes = np.array([[10.4 * one, 20, 10.4 * one + 30, 90] for one in tracks], np.float32)
    return Tracked(np.array(tracks, np.int64), boxes.reshape(-1, 4), np.full(len(tracks), 0.9))


def watched(steps, rate=10.0, **how):
    """steps: the tracks in each frame."""
    passages = Passages("door", **how)
    found = []
    for index, tracks in enumerate(steps):
        found += passages.take(frame(index / rate, index), tracked(*tracks))
    return found, list(passages.end())


def test_a_passage_ends_when_it_was_not_seen_for_a_while():
    ended, open_ones = watched([[1]] * 10 + [[1, 2]] * 10 + [[2]] * 20)
    assert [one.tracks for one in ended] == [(1,)]
    assert (ended[0].first, ended[0].last, ended[0].count) == (0.0, 1.9, 20)
    assert [one.tracks for one in open_ones] == [(2,)]
    assert open_ones[0].spans == ((1.0, 3.9),)


def test_what_is_seen_twice_is_no_passage():
    ended, open_ones = watched([[1], [1]] + [[]] * 30 + [[2], [2]])
    assert ended == open_ones == []


@pytest.mark.parametrize("frames", [5, 16, 17, 40, 333, 5000])
def test_looks_stay_few_and_spread(frames):
    _, (passage,) = watched([[1]] * frames)
    seconds = np.array([look.seconds for look in passage.looks])
    assert len(seconds) <= max(17, 3 * passage.last / 25)
    assert (seconds[0], seconds[-1]) == (0.0, pytest.approx(passage.last))
    assert (np.diff(seconds) > 0).all()
    spread = [look.seconds for look in passage.spread()]
    assert len(spread) >= min(5, frames)
    # No fifth of the time is without a look, and none of a long stay is further than a minute.
    assert max(np.diff([0.0, *spread, passage.last])) <= max(0.45 * passage.last, 0.11)
    assert max(np.diff(spread)) < 60


def test_crops_are_of_the_box_and_the_frame():
    _, (passage,) = watched([[3]] * 4)
    look = passage.looks[2]
    assert look.crop.shape == (70, 31, 3)  # 31.2 to 61.2: whole pixels that it touches
    assert (look.crop[:, :, 0] == 2).all()


def test_a_box_beside_the_picture_leaves_a_pixel():
    outside = Tracked(
        np.ones(1, np.int64), np.array([[250, 120, 260, 130]], np.float32), np.ones(1, np.float32)
    )
    passages = Passages("door")
    for index in range(3):
        assert list(passages.take(frame(index / 10, index), outside)) == []
    (passage,) = passages.end()
    assert passage.looks[0].crop.shape == (1, 1, 3)


def test_ids_are_of_the_file_the_frame_and_the_box():
    first, second = (watched([[1]] * 5)[1][0] for _ in range(2))
    assert first.id == second.id
    assert len({look.id for look in first.looks}) == 5
    assert watched([[2]] * 5)[1][0].id != first.id
