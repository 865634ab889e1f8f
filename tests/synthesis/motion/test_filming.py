"""Frames show who is there, in perspective, and their truth says what is seen of them."""

from dataclasses import replace

import numpy as np
import pytest

from passerby.synthesis.drawn.drawing import Light
from passerby.synthesis.motion import filming
from passerby.synthesis.motion.filming import film
from passerby.synthesis.motion.plan import Viewpoint, plan_of
from passerby.synthesis.motion.site import Site
from passerby.synthesis.motion.sprites import STANDING, STEPS, Cast, Pose
from passerby.synthesis.motion.walks import Walk, walks_of
from passerby.synthesis.rendered.assets import AssetsMissing, people

SITE = Site(minutes=1 / 60, rate=4)
LAMPS = Light((0.3, 0.9, 0.3), 0.7)
PLAN = replace(plan_of(SITE), obstacles=())
VIEW = Viewpoint(1, 0, 0.0, 3.0, -4.0, 0.0, 0.3, 520.0, 640, 360)


def standing(person, x, z):
    """Somebody who stands there all the time, and came straight from the left."""
    times = np.array([-20.0, -10.0, 20.0])
    return Walk(person, times, np.array([x - 9.0, x, x]), np.array([z, z, z]))


def filmed(*walks, plan=PLAN, site=SITE):
    return list(film(site, plan, list(walks), VIEW))


def test_a_box_is_around_what_differs_from_the_empty_hall(monkeypatch):
    monkeypatch.setattr(filming._Scene, "_darken_ground", lambda *_: None)
    empty, peopled = filmed()[1], filmed(standing(1, 0.4, 2.0))[1]
    (box,) = peopled.boxes
    changed = np.abs(peopled.pixels.astype(int) - empty.pixels).max(-1) > 30
    rows, columns = np.flatnonzero(changed.any(1)), np.flatnonzero(changed.any(0))
    edges = columns[0], rows[0], columns[-1] + 1, rows[-1] + 1
    said = box.left, box.top, box.left + box.width, box.top + box.height
    assert np.abs(np.subtract(edges, said)).max() <= 3
    assert box.visibility > 0.97


def test_persons_are_as_tall_as_perspective_makes_them():
    stature = Cast(SITE, 100.0, LAMPS).look(1).stature
    for z in (0.5, 2.0, 5.0):
        (box,) = filmed(standing(1, 0.0, z))[0].boxes
        _, _, depth = VIEW.project(np.array([0.0, stature / 2, z]))
        # Seen from above a person is a little shorter, with shoes, hair and hat a little taller.
        assert box.height == pytest.approx(stature * VIEW.focal / depth, rel=0.12)


def test_who_stands_behind_somebody_is_less_seen():
    behind, before = standing(2, 0.0, 3.0), standing(1, 0.05, 2.0)
    boxes = filmed(behind, before)[0].boxes
    assert [box.walk for box in boxes] == [0, 1]
    assert boxes[0].visibility < 0.6
    assert boxes[1].visibility > 0.97
    assert filmed(behind)[0].boxes[0].visibility > 0.97


def test_a_pillar_hides_and_is_drawn_before_who_is_behind_it():
    pillar = replace(plan_of(SITE).obstacles[0], x=0.0, z=1.0, width=0.8, height=6.0)
    plan = replace(PLAN, obstacles=(pillar,))
    (hidden,) = filmed(standing(1, 0.0, 3.0), plan=plan)[0].boxes
    (seen,) = filmed(standing(1, 0.0, 0.5), plan=plan)[0].boxes
    assert hidden.visibility < 0.2
    assert seen.visibility > 0.97


def test_behind_the_wall_is_seen_through_doors_only():
    plan = replace(PLAN, doors=(0.0,))
    (inside,) = filmed(standing(1, 0.0, 6.6), plan=plan)[0].boxes
    (walled,) = filmed(standing(1, 3.0, 6.6), plan=plan)[0].boxes
    assert inside.visibility > 0.3
    assert walled.visibility == 0


def test_light_changes_and_the_same_frame_comes_again():
    site = Site(seed=4, cameras=1, persons=3, minutes=0.2, rate=2)
    plan = plan_of(site)
    frames = [list(film(site, plan, walks_of(site, plan), plan.viewpoints[0])) for _ in range(2)]
    for one, other in zip(*frames, strict=True):
        assert np.array_equal(one.pixels, other.pixels)
        assert one.boxes == other.boxes
    means = [one.pixels.mean() for one in frames[0]]
    assert max(means) / min(means) > 1.05


@pytest.fixture(params=["drawn", "rendered"])
def cast(request):
    if request.param == "rendered":
        try:
            people()
        except AssetsMissing:
            pytest.skip("no copies of MakeHuman's bodies and clothes")
    return Cast(replace(SITE, style=request.param), 60.0, LAMPS)


def test_a_walker_moves_legs_from_step_to_step_and_keeps_the_rest(cast):
    walking = [cast.sprite(1, Pose(1.5, 0.2, step)) for step in range(STEPS)]
    widths = [sprite.picture.width for sprite in walking]
    assert max(widths) > 1.3 * min(widths)  # legs apart and together, seen from the side
    still = cast.sprite(1, Pose(1.5, 0.2, STANDING))
    assert still.picture.width <= np.median(widths)
    heights = [sprite.picture.height for sprite in walking]
    assert max(heights) < 1.1 * min(heights)


def test_a_person_looks_alike_from_all_sides_and_unlike_another(cast):
    def colour(person, yaw):
        pixels = np.asarray(cast.sprite(person, Pose(yaw, 0.2, STANDING)).picture, float)
        return np.average(pixels[..., :3].reshape(-1, 3), 0, pixels[..., 3].ravel())

    apart = [np.abs(colour(one, 0.0) - colour(one, np.pi)).max() for one in (1, 2, 3)]
    others = [np.abs(colour(one, 0.0) - colour(one + 1, 0.0)).max() for one in (1, 2, 3)]
    assert np.mean(apart) < np.mean(others)


def test_poses_that_are_nearly_alike_are_drawn_once(cast):
    first = cast.sprite(1, Pose(0.5, 0.21, 3))
    assert cast.sprite(1, Pose(0.5 + 2 * np.pi, 0.22, 3)) is first
    assert cast.sprite(1, Pose(0.5, 0.21, 4)) is not first
