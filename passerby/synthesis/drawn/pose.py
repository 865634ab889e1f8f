"""How a person stands or walks at one moment: the angles of the joints."""

from dataclasses import dataclass

import numpy as np

from passerby.synthesis.chance import pick
from passerby.synthesis.wardrobe import Appearance


@dataclass(frozen=True)
class Pose:
    """Joint angles in radians, first the left and then the right side."""

    thigh: tuple[float, float]  # forward is positive
    knee: tuple[float, float]  # 0 is straight
    arm: tuple[float, float]  # forward
    abduction: tuple[float, float]  # away from the body
    elbow: tuple[float, float]
    inward: tuple[float, float]  # the forearm turned towards the middle
    lean: float
    head_yaw: float
    head_pitch: float
    splay: float


# How an arm can be held: (forward, away from the body, elbow, inward).
_ARMS = {
    "hanging": (0.0, 0.12, 0.2, 0.0),
    "pocket": (-0.35, 0.32, 0.95, 0.35),
    "phone": (0.55, 0.25, 2.35, 0.25),
    "holding": (0.1, 0.15, 1.35, 0.3),
    "strap": (0.35, 0.25, 2.2, 0.75),
    "folded": (0.3, 0.2, 1.55, 1.05),
}


def strike_pose(
    rng: np.random.Generator, look: Appearance, step: float | None = None, stands: bool = False
) -> Pose:
    """A moment of walking or of standing, with whatever the arms do.

    step: how far two steps are done, 0 to 1, for who walks on and on, or stands meanwhile; None
    leaves both to chance. Equal generators give the same person's arms and stride at every step.
    """
    walking = rng.random() < 0.75
    phase = rng.uniform(0, 2 * np.pi)
    if step is not None:
        walking, phase = not stands, 2 * np.pi * step
    # Long skirts allow short steps only.
    tight = 0.3 if look.outfit in {"skirt", "dress"} and look.leg_end < 0.3 else 1.0
    stride = tight * look.gait * rng.uniform(0.28, 0.48) if walking else rng.uniform(0, 0.08)
    swing = np.array([np.sin(phase), -np.sin(phase)])
    lift = np.array([np.cos(phase + 0.3), -np.cos(phase + 0.3)]).clip(0) ** 2
    held = {"hanging": 66.0, "pocket": 10, "phone": 6, "holding": 9, "strap": 5}
    arms = [_ARMS[pick(rng, held)], _ARMS[pick(rng, held)]]
    if rng.random() < 0.05:
        arms = [_ARMS["folded"], _ARMS["folded"]]
    forward, away, elbow, inward = np.array(arms).T + rng.normal(0, 0.06, (4, 2))
    loose = np.array([arm is _ARMS["hanging"] for arm in arms])
    forward = forward - loose * swing * stride * rng.uniform(0.5, 1.1)
    elbow = elbow + loose * (-swing * stride).clip(0) * 1.2
    knees = 0.1 + lift * stride * 2.2

    def pair(values: np.ndarray) -> tuple[float, float]:
        return float(values[0]), float(values[1])

    return Pose(
        thigh=pair(swing * stride + knees * 0.35),
        knee=pair(knees),
        arm=pair(forward),
        abduction=pair(away.clip(0.06)),
        elbow=pair(elbow.clip(0.05)),
        inward=pair(inward),
        lean=rng.normal(0.05 if walking else 0.02, 0.04),
        head_yaw=rng.normal(0, 0.35),
        head_pitch=rng.normal(0.08, 0.15),
        splay=rng.uniform(0.0, 0.05) if walking else rng.uniform(0.02, 0.12),
    )
