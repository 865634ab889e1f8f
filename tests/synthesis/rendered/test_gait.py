"""Gaits and poses on a made-up skeleton."""

import numpy as np
import pytest

from passerby.synthesis.rendered.body.gait import ARMS, Stance, leg_angles, posed, strike

BONES = {
    f"{name}_{side}": number
    for number, (name, side) in enumerate(
        (name, side) for name in ("upperarm", "lowerarm", "hand") for side in "lr"
    )
}
# Arms of the rest pose: 45 degrees out, forearms bent forwards.
PLACES = np.array(
    [[0.17, 0.5, 0], [-0.17, 0.5, 0], [0.32, 0.35, 0], [-0.32, 0.35, 0],
     [0.43, 0.25, 0.17], [-0.43, 0.25, 0.17]], np.float32,
)  # fmt: skip


def stance(**changes):
    values = {"phase": 0.2, "stride": 0.0, "arms": (ARMS["hanging"], ARMS["hanging"]),
              "swing": 1.0, "lean": 0.0, "twist": 1.0, "head_yaw": 0.0, "head_pitch": 0.0,
              "splay": 0.0}  # fmt: skip
    return Stance(**(values | changes))


def arm_directions(found, side):
    """Where upper arm and forearm point in the body's axes."""
    shoulder, elbow, hand = (PLACES[BONES[f"{name}_{side}"]]
                             for name in ("upperarm", "lowerarm", "hand"))  # fmt: skip
    upper = found[f"upperarm_{side}"]
    lower = upper @ found[f"lowerarm_{side}"]
    directions = upper @ (elbow - shoulder), lower @ (hand - elbow)
    return [direction / np.linalg.norm(direction) for direction in directions]


@pytest.mark.parametrize("name", ARMS)
def test_arms_are_bent_as_they_say(name):
    found = posed(stance(arms=(ARMS[name], ARMS[name])), PLACES, BONES)
    for side, left in (("l", 1), ("r", -1)):
        upper, lower = arm_directions(found, side)
        angle = np.arccos(np.clip(upper @ lower, -1, 1))
        assert angle == pytest.approx(ARMS[name].elbow, abs=1e-3)
        assert left * upper[0] > -1e-6  # away from the body, not into it
        assert np.arctan2(upper[2], -upper[1]) == pytest.approx(ARMS[name].forward, abs=0.05)


def test_hanging_arms_point_down():
    found = posed(stance(), PLACES, BONES)
    for side in "lr":
        upper, lower = arm_directions(found, side)
        assert upper[1] < -0.98
        assert lower[1] < -0.9
        assert lower[2] > 0


def test_one_leg_does_half_a_cycle_later_what_the_other_does():
    now = posed(stance(phase=0.1, stride=0.9), PLACES, BONES)
    later = posed(stance(phase=0.6, stride=0.9), PLACES, BONES)
    for name in ("calf", "foot"):
        np.testing.assert_allclose(now[f"{name}_l"], later[f"{name}_r"], atol=1e-6)


def test_knees_bend_backwards_only_and_hips_swing_both_ways():
    phases = np.linspace(0, 1, 40)
    hips, knees, _ = np.array([leg_angles(phase, 1.0) for phase in phases]).T
    assert knees.min() > 0
    assert hips.min() < -0.1 < 0.4 < hips.max()
    assert phases[knees.argmax()] == pytest.approx(0.73, abs=0.03)  # in the swing
    assert np.ptp([leg_angles(phase, 0.0) for phase in phases], axis=0).max() == 0


def test_who_carries_something_holds_that_arm_down():
    for seed in range(20):
        rng = np.random.default_rng(seed)
        found = strike(rng, gait=1.0, short=False, hands=("carrying", ""))
        assert found.arms[0].elbow < 0.6
        assert not found.arms[0].loose


def test_short_skirts_make_short_steps():
    steps = [
        max(strike(np.random.default_rng(seed), gait=1, short=short, hands=("", "")).stride
            for seed in range(60))
        for short in (False, True)
    ]  # fmt: skip
    assert 0 < steps[1] < 0.6 < steps[0]
