"""How one piece of a track goes on from another."""

import numpy as np
import pytest

from passerby.video.continuity import Course, continuity, course

SHAPE = (400, 800, 3)


def walk(left, top, speed, seconds, height=100):
    """Boxes half as wide as high, ten a second."""
    return [
        (t, np.array([left + speed * t, top, left + speed * t + height / 2, top + height]))
        for t in np.arange(0, seconds + 0.01, 0.1)
    ]


def at(x, y, speed=0.0, edge=False):
    return Course(np.array([x, y]), np.array([speed, 0.0]), 100.0, 320_000.0, edge)


def test_a_course_is_of_the_last_or_the_first_second():
    seen = [*walk(0, 50, 0, 2), *[(t + 2.1, box) for t, box in walk(100, 50, 80, 2)]]
    end, begin = course(seen, SHAPE, ending=True), course(seen, SHAPE, ending=False)
    np.testing.assert_allclose(end.speed, [80, 0], atol=1e-6)
    np.testing.assert_allclose(end.place, [285, 100], atol=1e-6)
    np.testing.assert_allclose(begin.speed, 0, atol=1e-6)
    assert (end.height, end.area) == (100, 320_000)
    assert (begin.at_edge, end.at_edge) == (True, False)


def test_one_box_has_no_speed():
    assert course(walk(100, 50, 0, 0), SHAPE, ending=True).speed.tolist() == [0, 0]


@pytest.mark.parametrize(
    ("box", "edge"),
    [([3, 100, 60, 200], True), ([100, 100, 150, 398], True), ([100, 100, 150, 200], False)],
)
def test_the_edge_of_the_picture(box, edge):
    assert course([(0.0, np.array(box))], SHAPE, ending=True).at_edge is edge


def test_near_and_soon_speaks_for_and_elsewhere_against():
    near, far = (continuity(at(400, 200), at(x, 200), 1.0) for x in (420, 40))
    assert near > 1
    assert -3 < far < -1  # who is hidden may come out anywhere
    later = continuity(at(400, 200), at(420, 200), 8.0)
    assert near > later


def test_ratios_are_ratios():
    """Averaged over where anybody begins, a likelihood ratio of density to density is one."""
    for gap in (0.2, 0.5):
        xs, ys = np.arange(1, 800, 4.0), np.arange(1, 400, 4.0)
        ratios = [np.exp(continuity(at(400, 200), at(x, y), gap)) for x in xs for y in ys]
        assert np.mean(ratios) == pytest.approx(1, abs=0.02)


def test_who_left_at_the_edge_is_mostly_gone():
    inside = continuity(at(400, 200), at(420, 200), 1.0)
    assert continuity(at(400, 200, edge=True), at(420, 200), 1.0) < inside - 1
    assert continuity(at(400, 200, edge=True), at(420, 200, edge=True), 1.0) < inside - 2


def test_speed_carries_on_but_not_for_ever():
    for gap, farthest in ((0.2, 20), (10.0, 130)):
        places = np.arange(0, 400)
        llrs = [continuity(at(200, 200, 100), at(200 + x, 200, 100), gap) for x in places]
        assert places[int(np.argmax(llrs))] == pytest.approx(min(farthest, 100), abs=3)
