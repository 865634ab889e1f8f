"""How people walk, stand and hold their arms: rotations of bones.

The curves of hip, knee and ankle follow a gait cycle that begins when the heel touches the ground
(Winter, Biomechanics and Motor Control of Human Movement, 2009, chapter 5, read off by eye and
written as cosines and bumps).
"""

from dataclasses import dataclass

import numpy as np

from passerby.synthesis.chance import pick
from passerby.synthesis.rendered.body.skeleton import about, about_x, about_y, about_z

Rotations = dict[str, np.ndarray]

_SPREAD = 0.11  # radians that the legs of the rest pose stand apart
_FINGERS = ("index", "middle", "ring", "pinky")


@dataclass(frozen=True)
class ArmPose:
    """How an arm is held, in radians."""

    forward: float
    away: float  # from the body
    elbow: float  # 0 is straight
    inward: float  # where the bent forearm points: 0 ahead, 1 half across the body
    loose: bool = False  # it swings with the legs


# The arms of `synthesis.body`, as angles of bones.
ARMS = {
    "hanging": ArmPose(0.0, 0.12, 0.25, 0.1, loose=True),
    "pocket": ArmPose(-0.3, 0.26, 0.85, 0.35),
    "phone": ArmPose(0.5, 0.2, 2.2, 0.3),
    "holding": ArmPose(0.1, 0.14, 1.5, 0.5),
    "strap": ArmPose(0.35, 0.25, 2.2, 0.6),
    "folded": ArmPose(0.3, 0.18, 1.6, 1.6),
    "carrying": ArmPose(0.0, 0.14, 0.08, 0.0),
    "pushing": ArmPose(0.45, 0.12, 0.75, 0.0),
}


@dataclass(frozen=True)
class Stance:
    """A moment of a body: where in the gait cycle it is, and what else it does."""

    phase: float  # of the left leg, 0 to 1 from heel strike to heel strike
    stride: float  # 0 stands, 1 is a usual step
    arms: tuple[ArmPose, ArmPose]  # left, right
    swing: float  # of loose arms, 1 is usual
    lean: float  # radians forward
    twist: float  # of chest against hips, 1 is usual
    head_yaw: float
    head_pitch: float
    splay: float  # of the legs


def _bump(phase: float, centre: float, width: float) -> float:
    """1 at the centre of a cycle's part, falling to 0 around it."""
    distance = (phase - centre + 0.5) % 1 - 0.5
    return float(np.exp(-((distance / width) ** 2)))


def leg_angles(phase: float, stride: float) -> tuple[float, float, float]:
    """Hip forward, knee bent and ankle pointed upwards, in radians, of a leg at a phase."""
    hip = np.radians(8 + 20 * np.cos(2 * np.pi * phase)) * stride
    knee = np.radians(5 + stride * (14 * _bump(phase, 0.13, 0.09) + 54 * _bump(phase, 0.73, 0.12)))
    ankle = np.radians(
        stride * (9 * _bump(phase, 0.43, 0.14) - 16 * _bump(phase, 0.62, 0.06)
                  - 5 * _bump(phase, 0.06, 0.05))
    )  # fmt: skip
    return float(hip), float(knee), float(ankle)


def strike(rng: np.random.Generator, *, gait: float, short: bool, hands: tuple[str, str]) -> Stance:
    """A moment of walking or standing.

    gait: usual length of the person's steps, 1 is average; short: a narrow skirt; hands: what the
    left and the right arm must do (an entry of ARMS), or "" for anything.
    """
    walking = rng.random() < 0.78
    stride = gait * rng.uniform(0.45, 1.1) * (0.5 if short else 1.0) if walking else 0.0
    free = {"hanging": 68.0, "pocket": 10, "phone": 6, "holding": 8, "strap": 4}
    names = [hand or pick(rng, free) for hand in hands]
    if hands == ("", "") and rng.random() < 0.05:
        names = ["folded", "folded"]
    arms = []
    for name in names:
        arm, spread = ARMS[name], rng.normal(0, 0.08, 4)
        arms.append(
            ArmPose(
                arm.forward + spread[0], max(0.05, arm.away + spread[1]),
                max(0.03, arm.elbow + 1.5 * spread[2]), arm.inward + spread[3], arm.loose,
            )
        )  # fmt: skip
    return Stance(
        phase=float(rng.random()),
        stride=float(stride),
        arms=(arms[0], arms[1]),
        swing=rng.uniform(0.3, 1.4),
        lean=rng.normal(0.05 if walking else 0.02, 0.04),
        twist=rng.uniform(0.5, 1.5),
        head_yaw=rng.normal(0, 0.3),
        head_pitch=rng.normal(0.08, 0.14),
        splay=rng.uniform(0.0, 0.03) if walking else rng.uniform(0.01, 0.1),
    )


def _arm(
    arm: ArmPose, forward: float, elbow: float, rest: tuple[np.ndarray, np.ndarray], left: int
) -> Rotations:
    """One arm; `rest` are its upper and its lower bone's directions in the rest pose."""
    upper, lower = (direction / np.linalg.norm(direction) for direction in rest)
    down = float(np.arctan2(abs(upper[0]), -upper[1])) - arm.away
    turned = about_x(-forward) @ about_z(-left * down)
    towards = turned.T @ np.array([-left * arm.inward, 0.0, 1.0], np.float32)
    # Where the forearm is to point: on from the upper arm, bent by the elbow.
    wanted = about(np.cross(upper, towards), elbow) @ upper
    angle = float(np.arccos(np.clip(lower @ wanted, -1, 1)))
    return {"upperarm": turned, "lowerarm": about(np.cross(lower, wanted), angle)}


def posed(stance: Stance, places: np.ndarray, bones: dict[str, int]) -> Rotations:
    """The rotations of the bones, whose heads are `places` [bones, 3] in the rest pose."""
    found: Rotations = {}
    amount = min(1.0, stance.stride)
    turn = float(np.cos(2 * np.pi * stance.phase)) * amount  # left leg ahead is positive
    for side, (left, letter) in enumerate(((1, "l"), (-1, "r"))):
        phase = (stance.phase + 0.5 * side) % 1
        hip, knee, ankle = leg_angles(phase, stance.stride)
        found[f"thigh_{letter}"] = about_x(-hip) @ about_z(left * (stance.splay - _SPREAD))
        found[f"calf_{letter}"] = about_x(knee)
        found[f"foot_{letter}"] = about_x(-ankle)
        arm = stance.arms[side]
        swing = float(np.cos(2 * np.pi * (phase + 0.5))) * amount * 0.38 * stance.swing
        ahead = arm.forward + (swing if arm.loose else 0.15 * swing)
        upper, lower, hand = (places[bones[f"{name}_{letter}"]]
                              for name in ("upperarm", "lowerarm", "hand"))  # fmt: skip
        elbow = arm.elbow + (0.5 * max(0.0, swing) if arm.loose else 0.0)
        held = _arm(arm, ahead, elbow, (lower - upper, hand - lower), left)
        found |= {f"{name}_{letter}": rotation for name, rotation in held.items()}
        for finger in _FINGERS:
            for joint in ("01", "02", "03"):
                found[f"{finger}_{joint}_{letter}"] = about_z(-left * 0.42)
    found["pelvis"] = about_y(-0.09 * turn * stance.twist) @ about_x(stance.lean * 0.3)
    found["spine_02"] = about_y(0.1 * turn * stance.twist) @ about_x(stance.lean * 0.7)
    found["spine_03"] = about_y(0.08 * turn * stance.twist)
    found["neck_01"] = about_y(stance.head_yaw * 0.4) @ about_x(stance.head_pitch * 0.4)
    found["head"] = about_y(stance.head_yaw * 0.6 - 0.07 * turn * stance.twist) @ about_x(
        stance.head_pitch * 0.6 - stance.lean * 0.5
    )
    return found
