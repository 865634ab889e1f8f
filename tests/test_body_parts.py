"""Maps of joints and parts against a slow version, cell by cell; what is hidden is nowhere."""

import math

import pytest
import torch

from passerby.body_parts import JOINTS, PARTS, attended, body_maps
from passerby.synthesis.drawn.joints import JOINTS as DRAWN

HEIGHT, WIDTH = 12, 6
SPREAD = max(0.04 * HEIGHT, 0.7)
LIMBS = {
    "left_upper_arm": (5, 7), "right_upper_arm": (6, 8), "left_lower_arm": (7, 9),
    "right_lower_arm": (8, 10), "left_thigh": (11, 13), "right_thigh": (12, 14),
    "left_calf": (13, 15), "right_calf": (14, 16),
}  # fmt: skip


def bell(distance):
    return math.exp(-(distance**2) / (2 * SPREAD**2))


def to_line(x, y, first, second):
    """The least distance to a thousand points of the line."""
    steps = [number / 1000 for number in range(1001)]
    return min(
        math.hypot(x - (first[0] + s * (second[0] - first[0])),
                   y - (first[1] + s * (second[1] - first[1])))
        for s in steps
    )  # fmt: skip


def to_rectangle(x, y, points):
    left, right = min(p[0] for p in points), max(p[0] for p in points)
    top, bottom = min(p[1] for p in points), max(p[1] for p in points)
    return math.hypot(max(left - x, 0, x - right), max(top - y, 0, y - bottom))


def rectangle_points(name, places, known):
    def middle(first, second):
        if known[first] and known[second]:
            a, b = places[first], places[second]
            return [((a[0] + b[0]) / 2, (a[1] + b[1]) / 2)]
        return []

    middles = middle(5, 11) + middle(6, 12)
    wanted = {"head_shoulders": range(7), "upper_torso": (5, 6), "lower_torso": (11, 12)}[name]
    own = [places[number] for number in wanted if known[number]]
    return own if name == "head_shoulders" else own + middles


def slow(joints, name, x, y):
    """One cell of one map of one image."""
    places = [(column * WIDTH, row * HEIGHT) for column, row, _ in joints]
    known = [v > 0 for _, _, v in joints]
    seen = [v == 2 for _, _, v in joints]
    if name in JOINTS:
        number = JOINTS.index(name)
        distance = math.hypot(x - places[number][0], y - places[number][1])
        return bell(distance) * seen[number]
    if name in LIMBS:
        first, second = LIMBS[name]
        if not (known[first] and known[second]):
            return 0.0
        return bell(to_line(x, y, places[first], places[second])) * (seen[first] + seen[second]) / 2
    belonging = range(7) if name == "head_shoulders" else (5, 6, 11, 12)
    points = rectangle_points(name, places, known)
    share = sum(seen[number] for number in belonging) / len(belonging)
    return bell(to_rectangle(x, y, points)) * share if points else 0.0


@pytest.fixture
def joints():
    """Three images: all seen, some hidden or unknown, none known."""
    torch.manual_seed(3)
    given = torch.rand(3, 17, 3)
    given[0, :, 2] = 2
    given[1, :, 2] = torch.randint(0, 3, (17,)).float()
    given[1, given[1, :, 2] == 0] = 0
    given[2] = 0
    return given


def test_names_are_those_of_drawn_joints():
    assert JOINTS == DRAWN
    assert len(PARTS) == 11


def test_against_cells(joints):
    maps = body_maps(joints, (HEIGHT, WIDTH))
    assert maps.shape == (3, 28, HEIGHT, WIDTH)
    for image, own in enumerate(joints.tolist()):
        for number, name in enumerate((*JOINTS, *PARTS)):
            expected = [
                [slow(own, name, column + 0.5, row + 0.5) for column in range(WIDTH)]
                for row in range(HEIGHT)
            ]
            torch.testing.assert_close(
                maps[image, number], torch.tensor(expected), atol=2e-3, rtol=0
            )
    assert not maps[2].any()


def test_attention_is_what_the_last_stage_says_above_nothing():
    maps = torch.randn(2, 2, 28, 4, 3) * 2
    attention, visibility = attended(maps)
    for image in range(2):
        for part in range(11):
            cells = maps[image, 1, 17 + part].flatten().tolist()
            positive = [max(value, 0.0) for value in cells]
            assert attention[image, part].flatten().tolist() == positive
            assert visibility[image, part].item() == min(max(positive), 1.0)


def test_a_part_half_seen_is_half_as_visible(joints):
    joints[0, JOINTS.index("left_wrist")] = torch.tensor([0.5, 0.5, 1.0])
    joints[0, JOINTS.index("left_elbow")] = torch.tensor([0.5, 0.3, 2.0])
    _, visibility = attended(body_maps(joints, (96, 48))[:, None])
    assert visibility[0, PARTS.index("left_lower_arm")].item() == pytest.approx(0.5, abs=0.01)
    assert visibility[0, PARTS.index("right_calf")].item() > 0.97
    assert not visibility[2].any()
