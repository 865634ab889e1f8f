"""Cameras of a site see what a pinhole camera sees; only those that are said to overlap do."""

import numpy as np
import pytest

from passerby.synthesis.motion.plan import plan_of
from passerby.synthesis.motion.site import Site


def seen_by_hand(view, point):
    """Column, row and depth by turning the world step by step."""
    x, y, z = point[0] - view.x, point[1] - view.y, point[2] - view.z
    x, z = (
        x * np.cos(view.yaw) - z * np.sin(view.yaw),
        x * np.sin(view.yaw) + z * np.cos(view.yaw),
    )
    y, z = (
        y * np.cos(view.pitch) + z * np.sin(view.pitch),
        z * np.cos(view.pitch) - y * np.sin(view.pitch),
    )
    return view.width / 2 + view.focal * x / z, view.height / 2 - view.focal * y / z, z


def test_projection_is_that_of_a_pinhole_camera():
    points = np.random.default_rng(0).uniform((-9, 0, 0), (9, 2, 6), (50, 3))
    for view in plan_of(Site(seed=1)).viewpoints:
        around = points + np.array([view.x, 0, 0])
        column, row, depth = view.project(around)
        for number, point in enumerate(around):
            expected = seen_by_hand(view, point)
            assert (column[number], row[number], depth[number]) == pytest.approx(expected)


def test_a_person_is_seen_where_most_of_them_is_in_the_picture():
    view = plan_of(Site()).viewpoints[2]
    ahead = view.x + (2 - view.z) * np.tan(view.yaw)
    spots = np.array([ahead, ahead + 40, ahead, ahead]), np.array([2.0, 2.0, 6.5, view.z - 5])
    assert view.sees(*spots, 1.7).tolist() == [True, False, False, False]


def test_pairs_of_one_place_overlap_and_no_others_do():
    ground = np.stack(np.meshgrid(np.arange(-24.0, 400, 0.5), np.arange(0.5, 5.5, 0.5)), -1)
    for seed in range(8):
        plan = plan_of(Site(seed=seed, cameras=7))
        assert plan.overlapping() == [(1, 2), (5, 6)]
        sees = {one.camera: one.sees(ground[..., 0], ground[..., 1], 1.7)
                for one in plan.viewpoints}  # fmt: skip
        both = [(a, b) for a in sees for b in sees if a < b and (sees[a] & sees[b]).sum() > 8]
        assert both == [(1, 2), (5, 6)]


def test_the_plan_depends_on_the_seed_alone():
    assert plan_of(Site(seed=3)) == plan_of(Site(seed=3, persons=2, minutes=1))
    assert plan_of(Site(seed=3)) != plan_of(Site(seed=4))


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"cameras": 0}, "expected cameras of 1 or more, got 0"),
        ({"persons": 0}, "expected persons of 1 or more"),
        ({"seed": -1}, "expected seed of 0 or more"),
        ({"minutes": 0}, "expected minutes for at least one frame, got 0"),
        ({"width": 641}, "even sides, got 641"),
    ],
)
def test_impossible_sites_are_refused(wrong, said):
    with pytest.raises(ValueError, match=said):
        Site(**wrong)
