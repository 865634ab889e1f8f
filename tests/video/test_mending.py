"""Pieces joined by appearance, never two that overlap."""

import numpy as np

from passerby.video.continuity import course
from passerby.video.mending import Embedded, Mender, looks_llr
from passerby.video.passages import Passage


def piece(track, first, last, angle):
    """Vectors in a plane: the angle is the appearance."""
    passage = Passage("door", (track,), first, last, 5, [], ((first, last),))
    vector = np.array([[np.cos(angle), np.sin(angle)]], np.float32)
    return Embedded(passage, (), vector)


def ratio(first, second):
    return float(20 * ((first @ second.T).mean() - 0.8))


def mended(*pieces, gap=5.0):
    mender = Mender(ratio, gap)
    for one in sorted(pieces, key=lambda one: one.passage.last):
        mender.take(one)
    return sorted(one.passage.tracks for one in mender.end())


def test_alike_pieces_within_the_gap_are_one():
    assert mended(piece(1, 0, 2, 0.0), piece(2, 4, 6, 0.1), piece(3, 8, 9, 0.05)) == [(1, 2, 3)]


def test_the_other_person_stays_apart():
    assert mended(piece(1, 0, 2, 0.0), piece(2, 4, 6, 1.5)) == [(1,), (2,)]


def test_the_gap_is_a_limit():
    assert mended(piece(1, 0, 2, 0.0), piece(2, 7.5, 9, 0.0)) == [(1,), (2,)]


def test_who_is_seen_at_once_is_two():
    """Also by way of a third: 2 follows 1, and 3 overlaps 1."""
    assert mended(piece(1, 0, 4, 0.0), piece(2, 3, 6, 0.0)) == [(1,), (2,)]
    three = mended(piece(1, 0, 4, 0.0), piece(2, 5, 6, 0.0), piece(3, 3.5, 8, 0.0))
    assert three == [(1, 2), (3,)]


def test_the_more_alike_one_is_chosen():
    pieces = piece(1, 0, 2, 0.2), piece(2, 0, 2.5, 0.0), piece(3, 3, 4, 0.02)
    assert mended(*pieces) == [(1,), (2, 3)]


def test_pieces_are_given_when_nothing_can_follow():
    mender = Mender(ratio, 5.0)
    mender.take(piece(1, 0, 2, 0.0))
    assert mender.ready(6.9, float("inf")) == []
    assert mender.ready(9.0, 6.0) == []  # something that goes on began in time to be its end
    assert [one.passage.tracks for one in mender.ready(9.0, 8.0)] == [(1,)]
    assert mender.end() == []


def test_the_better_pair_comes_first_whoever_asks_first():
    """2 resembles 3 a little, but 3 is 1's; 2 goes on as 4, which ends later."""
    pieces = piece(1, 0, 2, 0.0), piece(2, 0, 1.9, 0.4), piece(3, 3, 4, 0.1), piece(4, 3.5, 5, 0.45)
    assert mended(*pieces) == [(1, 3), (2, 4)]
    assert mended(*pieces[:3]) == [(1, 3), (2,)]


def test_a_person_goes_on_where_she_was_going():
    """Equal looks: who walks right comes out on the right."""

    def walking(track, first, last, left, speed):
        made = piece(track, first, last, 0.0)
        seen = [
            (t, np.array([left + speed * (t - first), 100, left + speed * (t - first) + 40, 200]))
            for t in np.arange(first, last + 0.01, 0.2)
        ]
        made.passage.entry = course(seen, (400, 800, 3), ending=False)
        made.passage.exit = course(seen, (400, 800, 3), ending=True)
        return made

    pieces = (
        walking(1, 0, 2, 300, 50), walking(2, 0, 2.1, 440, -50),
        walking(3, 3, 5, 440, 50), walking(4, 3, 5.1, 300, -50),
    )  # fmt: skip
    assert mended(*pieces) == [(1, 3), (2, 4)]


def test_looks_count_with_the_one_that_they_are_most_like():
    first = np.array([[1, 0], [0, 1]], np.float32)
    second = np.array([[0, 1]], np.float32)
    # Distances 1 and 0: the best of each row are -1 and 0, of the column 0.
    assert looks_llr(lambda d: -d.astype(float), first, second) == (-0.5 + 0) / 2
