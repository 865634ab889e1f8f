"""Joints, silhouettes and occlusion agree with each other and with the picture."""

from dataclasses import replace

import numpy as np
import pytest

from passerby.synthesis.chance import generator
from passerby.synthesis.drawn.body import assemble
from passerby.synthesis.drawn.drawing import Light, View, render, rotation, solidify
from passerby.synthesis.drawn.joints import JOINTS, joints_of
from passerby.synthesis.drawn.pose import strike_pose
from passerby.synthesis.figures import observe
from passerby.synthesis.truth import Truth, truth_of
from passerby.synthesis.wardrobe import dress

SEEN = [
    observe(0, person, 1 + person % 5, person % 3, style=style)
    for style in ("plain", "street")
    for person in range(1, 16)
]
MIRRORED = [JOINTS.index(name.replace("left", "?").replace("right", "left").replace("?", "right"))
            for name in JOINTS]  # fmt: skip


def seen_at(yaw: float, mirrored: bool = False) -> Truth:
    """A walking person with hanging arms, or the same with left and right exchanged."""
    look = dress(0, 3)
    pose = strike_pose(generator(0, "moment", 3), look)
    pose = replace(pose, arm=(0.3, -0.2), abduction=(0.2, 0.25), elbow=(0.2, 0.3), inward=(0, 0))
    if mirrored:
        pairs = ("thigh", "knee", "arm", "abduction", "elbow", "inward")
        swapped = {name: getattr(pose, name)[::-1] for name in pairs}
        pose = replace(pose, head_yaw=-pose.head_yaw, **swapped)
    parts = assemble(replace(look, bag="none"), pose)
    view = View(256, 128, 120, 1.0, 64, 240)
    solids = solidify(parts, yaw, 0.2)
    figure = render(parts, solids, look, view, Light((0, 1, 0), 0.5))
    joints = joints_of(parts) @ rotation(yaw, 0.2).T
    return truth_of(figure, joints, view, np.zeros((256, 128), bool))


def test_joints_are_cocos_in_cocos_order() -> None:
    assert JOINTS[:5] == ("nose", "left_eye", "right_eye", "left_ear", "right_ear")
    assert JOINTS[5:7] == ("left_shoulder", "right_shoulder")
    assert JOINTS[-2:] == ("left_ankle", "right_ankle")
    assert len(JOINTS) == 17


@pytest.mark.parametrize("number", range(len(SEEN)))
def test_joints_lie_in_the_silhouette(number: int) -> None:
    truth = SEEN[number].truth
    for name, (column, row, visibility) in zip(JOINTS, truth.joints, strict=True):
        if visibility:
            top, left = max(0, int(row) - 3), max(0, int(column) - 3)
            near = truth.mask[top : top + 7, left : left + 7]
            assert near.any(), f"{name} is beside the person"
        else:
            assert (column, row) == (0, 0)


def test_limbs_hang_together() -> None:
    """From head to foot in every standing or walking person."""
    for one in SEEN:
        rows = {name: row for name, (_, row, v) in zip(JOINTS, one.truth.joints, strict=True) if v}
        chain = [rows[name] for name in ("nose", "left_shoulder", "left_hip", "left_knee",
                                         "left_ankle") if name in rows]  # fmt: skip
        assert chain == sorted(chain)


@pytest.mark.parametrize("yaw", [0.0, 0.6, 1.5, 2.6, 3.14, -1.1])
def test_mirrored_views_exchange_left_and_right(yaw: float) -> None:
    one, other = seen_at(yaw), seen_at(-yaw, mirrored=True)
    assert np.mean(one.mask[:, ::-1] != other.mask) < 0.002
    columns, rows, seen = one.joints[MIRRORED].T
    np.testing.assert_allclose(128 - columns, other.joints[:, 0], atol=0.01)
    np.testing.assert_allclose(rows, other.joints[:, 1], atol=0.01)
    assert np.mean(seen == other.joints[:, 2]) > 0.9  # an edge falls on one pixel or the next


def test_faces_are_seen_from_the_front_only() -> None:
    front, back = seen_at(0.0).joints[:, 2], seen_at(np.pi).joints[:, 2]
    assert (front[:3] == 2).all()
    assert (back[:3] == 1).all()
    assert (front[[5, 6]] == 2).all()


def test_left_is_the_persons_left() -> None:
    front, back = seen_at(0.0).joints, seen_at(np.pi).joints
    left, right = JOINTS.index("left_shoulder"), JOINTS.index("right_shoulder")
    assert front[left, 0] > front[right, 0], "who faces us has the left arm at our right"
    assert back[left, 0] < back[right, 0]


def test_what_stands_before_somebody_hides_them() -> None:
    look = dress(0, 3)
    parts = assemble(look, strike_pose(generator(0, "moment", 3), look))
    view = View(256, 128, 120, 1.0, 64, 240)
    figure = render(parts, solidify(parts, 0, 0.2), look, view, Light((0, 1, 0), 0.5))
    joints = joints_of(parts) @ rotation(0, 0.2).T
    hidden = np.zeros((256, 128), bool)
    free = truth_of(figure, joints, view, hidden)
    assert free.occlusion == 0
    hidden[150:] = True
    half = truth_of(figure, joints, view, hidden)
    below = free.joints[:, 1] >= 150
    assert (half.joints[below, 2] == 1).all()
    np.testing.assert_array_equal(half.joints[~below], free.joints[~below])
    assert half.occlusion == pytest.approx(free.mask[150:].astype(bool).sum() / free.seen)
    assert half.box[1] + half.box[3] == 150
    assert half.seen + np.count_nonzero(half.mask == 128) == free.seen
    nobody = truth_of(figure, joints, view, np.ones((256, 128), bool))
    assert (nobody.occlusion, nobody.box, nobody.seen) == (1.0, (0, 0, 0, 0), 0)


def test_the_box_holds_what_is_seen() -> None:
    for one in SEEN:
        left, top, width, height = one.truth.box
        rows, columns = np.nonzero(one.truth.mask == 255)
        assert (left, top) == (columns.min(), rows.min())
        assert (width, height) == (np.ptp(columns) + 1, np.ptp(rows) + 1)


def test_a_joint_is_at_the_same_share_of_a_larger_picture() -> None:
    small, large = (observe(0, 4, 2, 1, height=side, width=side // 2).truth for side in (128, 256))
    inside = (small.joints[:, 2] > 0) & (large.joints[:, 2] > 0)
    assert inside.sum() > 10
    np.testing.assert_allclose(2 * small.joints[inside, :2], large.joints[inside, :2], atol=0.01)
