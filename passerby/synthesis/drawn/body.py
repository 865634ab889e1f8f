"""Where the parts of a person are: a posed skeleton, covered with simple solids.

Every part of a figure (a thigh, the chest, a hat, a backpack) is one `Part`: an axis from `start`
to `end` and three radii along it. The squared radius is the parabola through the three, so one
formula gives cones (a skirt), barrels (a thigh) and ellipsoids (a head: radius 0 at both ends).

The body's own axes: x to the person's left, y up from the ground, z forward. Lengths in metres.
"""

from typing import NamedTuple

import numpy as np

from passerby.synthesis.drawn.pose import Pose
from passerby.synthesis.wardrobe import Appearance, Piece

Point = tuple[float, float, float]

_LEFT_RIGHT = (1.0, 0.0, 0.0)
_FORWARD = (0.0, 0.0, 1.0)
_SIDES = ("left", "right")


class Part(NamedTuple):
    """One solid of the figure.

    The radius across is `radii`; in the direction at right angles to `side` it is `depth` times
    that. The surface is `piece` up to the fraction `cut` of the axis, and `beyond` after it.
    """

    start: Point
    end: Point
    radii: tuple[float, float, float]  # at the start, the middle and the end of the axis
    piece: Piece
    depth: float = 1.0
    side: Point = _LEFT_RIGHT
    beyond: Piece | None = None
    cut: float = 1.0
    region: str = "limb"  # "chest" and "belly" carry collars, prints and straps
    height: float = 0.0  # where the pattern of the cloth begins, so that it goes on across parts
    joints: tuple[str, ...] = ()  # at the start, and at the end of the axis


def _along(origin: Point, direction: Point, length: float) -> Point:
    return (
        origin[0] + direction[0] * length,
        origin[1] + direction[1] * length,
        origin[2] + direction[2] * length,
    )


def _between(first: Point, second: Point, share: float) -> Point:
    return (
        first[0] + (second[0] - first[0]) * share,
        first[1] + (second[1] - first[1]) * share,
        first[2] + (second[2] - first[2]) * share,
    )


def _ball(centre: Point, radius: float, piece: Piece, height: float = 0.0) -> Part:
    """A sphere: it hides the open end of the solids that meet in a joint."""
    top = (centre[0], centre[1] + radius, centre[2])
    bottom = (centre[0], centre[1] - radius, centre[2])
    return Part(bottom, top, (0.0, radius, 0.0), piece, height=height)


def _leg(look: Appearance, pose: Pose, side: int) -> tuple[list[Part], float]:
    """One leg with its shoe, hanging from hips at height 0, and how low its sole reaches."""
    tall, left, name = look.stature, 1 if side == 0 else -1, _SIDES[side]
    forward, bend = pose.thigh[side], pose.knee[side]
    hip = (left * 0.046 * tall * look.hips, 0.0, 0.0)
    thigh = (left * pose.splay, -float(np.cos(forward)), float(np.sin(forward)))
    knee = _along(hip, thigh, 0.245 * tall)
    shin = (left * pose.splay * 0.3, -float(np.cos(forward - bend)), float(np.sin(forward - bend)))
    ankle = _along(knee, shin, 0.245 * tall)
    trousers = look.outfit == "trousers"
    bulk = tall * (0.6 + 0.4 * look.girth)
    loose = 0.85 + 0.15 * look.flare if trousers else 0.9
    wide = look.flare if trousers else 0.82
    # The cut of shorts runs through the thigh; skirts hide it and show the legs below.
    thigh_cut = (0.53 - look.leg_end) / 0.245
    lower = Piece.LEGS if look.outfit in ("skirt", "dress") else Piece.LOWER
    below = lower if trousers else Piece.LEGS
    toe_down = max(0.0, bend - forward) * 0.6
    foot = (left * 0.15, -float(np.sin(toe_down)), float(np.cos(toe_down)))
    heel = _along(ankle, (0.0, -1.0, -0.55), 0.022 * tall)
    toe = _along(heel, foot, 0.14 * tall)
    parts = [
        Part(hip, knee, (0.052 * bulk * loose, 0.05 * bulk * loose, 0.037 * bulk * loose), lower,
             beyond=Piece.LEGS, cut=thigh_cut if not trousers else 1.0, height=0.0,
             joints=(f"{name}_hip", f"{name}_knee")),
        _ball(knee, 0.0365 * bulk * loose, lower if thigh_cut > 1 else below, 0.245 * tall),
        Part(knee, ankle, (0.036 * bulk * loose, 0.037 * bulk * (0.5 + 0.5 * wide),
             0.025 * bulk * wide), below, beyond=Piece.LEGS,
             cut=1.0 if trousers else 0.0, height=0.245 * tall,
             joints=(f"{name}_knee", f"{name}_ankle")),
        Part(heel, toe, (0.012 * tall, 0.025 * tall, 0.008 * tall), Piece.SHOES),
        _ball(_along(ankle, (0.0, -1.0, -0.3), 0.008 * tall), 0.023 * tall, Piece.SHOES),
    ]  # fmt: skip
    return parts, min(heel[1], toe[1]) - 0.02 * tall


def _arm(look: Appearance, pose: Pose, side: int, shoulder: Point) -> tuple[list[Part], Point]:
    """One arm from the shoulder, and where its hand is."""
    tall, left, name = look.stature, 1 if side == 0 else -1, _SIDES[side]
    forward, away = pose.arm[side], pose.abduction[side] + 0.06 * (look.girth - 1)
    upper = (
        left * float(np.sin(away)),
        -float(np.cos(away) * np.cos(forward)),
        float(np.cos(away) * np.sin(forward)),
    )
    elbow = _along(shoulder, upper, 0.175 * tall)
    turned, raised = pose.inward[side], forward + pose.elbow[side]
    lower = (
        left * float(0.3 * np.sin(away) - np.sin(turned) * min(1.0, pose.elbow[side])),
        -float(np.cos(raised)),
        float(np.sin(raised) * np.cos(turned)),
    )
    wrist = _along(elbow, lower, 0.15 * tall)
    hand = _along(elbow, lower, 0.215 * tall)
    cloth = look.thickness
    bulk = tall * (0.65 + 0.35 * look.girth)
    covered = cloth if look.sleeve > 0.9 else 0.0
    reach = look.sleeve * 0.325  # of the whole arm, in statures
    top, middle, low = 0.031 * bulk + cloth, 0.028 * bulk + cloth, 0.024 * bulk + covered
    parts = [
        _ball(shoulder, top * 1.02, Piece.UPPER if look.sleeve > 0.1 else Piece.SKIN),
        Part(shoulder, elbow, (top, middle, low), Piece.UPPER, beyond=Piece.SKIN,
             cut=reach / 0.175, region="sleeve", joints=(f"{name}_shoulder", f"{name}_elbow")),
        _ball(elbow, low, Piece.UPPER if reach > 0.175 else Piece.SKIN, 0.175 * tall),
        Part(elbow, wrist, (low, 0.023 * bulk + covered, 0.016 * bulk + covered * 0.8),
             Piece.UPPER, beyond=Piece.SKIN, cut=(reach - 0.175) / 0.15, height=0.175 * tall,
             region="sleeve", joints=(f"{name}_elbow", f"{name}_wrist")),
        Part(wrist, hand, (0.012 * tall, 0.024 * tall, 0.01 * tall), Piece.SKIN, depth=0.6),
    ]  # fmt: skip
    return parts, hand


def _trunk(look: Appearance, lean: float) -> list[Part]:
    """Hips, belly, chest, shoulders and neck above hips at height 0, and what hangs over them."""
    tall, cloth = look.stature, look.thickness
    bulk = tall * look.girth
    tilt = (0.0, 1.0, float(np.tan(lean)))
    seat = (0.0, -0.02 * tall, -0.006 * tall)
    waist, collar = _along(seat, tilt, 0.125 * tall), _along(seat, tilt, 0.325 * tall)
    shoulder = 0.098 * tall * look.shoulders
    hip_width = 0.091 * tall * look.hips * (0.5 + 0.5 * look.girth)
    waist_width = 0.074 * bulk + cloth
    chest_width = 0.088 * tall * look.shoulders * (0.45 + 0.55 * look.girth) + cloth
    hem = (look.hem - 0.51) / 0.145  # fraction of the lower trunk that the trousers show
    crotch = _along(seat, tilt, -0.045 * tall)
    parts = [
        Part(crotch, waist, (hip_width * 0.86, hip_width * 1.04, waist_width), Piece.LOWER,
             depth=0.78, beyond=Piece.UPPER, cut=hem + 0.2, region="belly", height=-0.045 * tall),
        Part(_along(seat, tilt, 0.115 * tall), collar, (waist_width, chest_width,
             shoulder * 0.72), Piece.UPPER, depth=0.66 + 0.1 * (look.girth - 1),
             region="chest", height=0.115 * tall),
        Part(_along(collar, (-1.0, -0.2, 0.0), shoulder), _along(collar, (1.0, -0.2, 0.0),
             shoulder), (0.024 * tall + cloth, 0.05 * tall + cloth, 0.024 * tall + cloth),
             Piece.UPPER, depth=0.85, side=_FORWARD, region="yoke"),
        Part(_along(collar, tilt, 0.01 * tall), _along(collar, tilt, 0.075 * tall),
             (0.043 * tall, 0.031 * tall, 0.029 * tall), Piece.SKIN),
        Part(_along(seat, (0.0, -1.0, 0.0), 0.045 * tall), seat, (0.0, hip_width * 0.8,
             hip_width * 1.0), Piece.LOWER, depth=0.75, height=-0.2 * tall),
    ]  # fmt: skip
    if look.hem < 0.45:
        length = (0.51 - look.hem) * tall
        parts.append(
            Part(_along(seat, (0.0, -1.0, 0.0), length), _along(seat, tilt, 0.05 * tall),
                 (hip_width * 1.14, hip_width * 1.12, hip_width * 1.0 + cloth), Piece.UPPER,
                 depth=0.78, region="coat", height=-length)
        )  # fmt: skip
    if look.outfit in ("skirt", "dress"):
        length = (0.5 - look.leg_end) * tall
        bottom = hip_width * (1.1 + 0.4 * (look.flare - 0.7) * length / (0.2 * tall))
        parts.append(
            Part(_along(seat, (0.0, -1.0, 0.0), length), _along(seat, tilt, 0.11 * tall),
                 (bottom, (bottom + hip_width * 1.1) / 2, waist_width), Piece.LOWER, depth=0.82,
                 region="skirt", height=-length)
        )  # fmt: skip
    return parts


def _head(look: Appearance, pose: Pose, neck: Point) -> list[Part]:
    """Head with hair, hat and scarf; its size hardly depends on the stature."""
    size = 0.115 + 0.008 * (look.stature - 1.7)
    turn, nod = pose.head_yaw, pose.head_pitch
    ahead = (float(np.sin(turn)), -float(np.sin(nod)), float(np.cos(turn)))
    across = (float(np.cos(turn)), 0.0, -float(np.sin(turn)))
    middle = _along(_along(neck, (0.0, 1.0, 0.0), 0.092), ahead, 0.022)
    top, chin = _along(middle, (0, 1, 0), size), _along(middle, (0, -1, 0), size)
    parts = [
        Part(
            _along(chin, ahead, 0.01),
            top,
            (0.0, size * 0.66, 0.0),
            Piece.SKIN,
            1.22,
            across,
            region="head",
        ),
        _ball(_along(middle, ahead, size * 0.82), 0.017, Piece.SKIN),  # the nose
    ]
    parts += _hair(look, middle, size, ahead, across)
    if look.hat in ("cap", "brim"):
        brim = _along(_along(middle, (0, 1, 0), size * 0.5), ahead, 0.075)
        wide = 0.075 if look.hat == "cap" else 0.16
        centre = brim if look.hat == "cap" else _along(middle, (0, 1, 0), size * 0.55)
        parts.append(
            Part(_along(centre, (0, 1, 0), -0.014), _along(centre, (0, 1, 0), 0.014),
                 (0.0, wide, 0.0), Piece.HAT, 1.1, across)
        )  # fmt: skip
    if look.hat == "hood":
        low = _along(_along(neck, ahead, -0.03), (0, 1, 0), -0.03)
        high = _along(_along(top, ahead, -0.035), (0, 1, 0), 0.02)
        parts.append(
            Part(low, high, (0.085, size * 0.84, 0.0), Piece.UPPER, 1.15, across)
        )  # fmt: skip
    elif look.hat != "none":
        low = _along(middle, (0, 1, 0), -size * (0.1 if look.hat == "beanie" else -0.05))
        parts.append(
            Part(_along(low, (0, 1, 0), -size * 0.45), _along(top, (0, 1, 0), 0.025),
                 (size * 0.55, size * 0.8, 0.0), Piece.HAT, 1.16, across, Piece.HAT, 1.0)
        )  # fmt: skip
    if look.scarf:
        low, high = _along(neck, (0, 1, 0), -0.035), _along(neck, (0, 1, 0), 0.05)
        parts.append(Part(low, high, (0.075, 0.1, 0.065), Piece.SCARF, 0.95))
    return parts


def _hair(look: Appearance, middle: Point, size: float, ahead: Point, across: Point) -> list[Part]:
    if look.hair == "bald":
        return []
    back = _along(_along(middle, ahead, -0.02), (0, 1, 0), 0.018)
    full = {"short": 0.7, "full": 0.86}.get(look.hair, 0.76)
    cap = Part(
        _along(back, (0, 1, 0), -size * 0.78), _along(back, (0, 1, 0), size * 0.98),
        (0.0, size * full, 0.0), Piece.HAIR, 1.2, across,
    )  # fmt: skip
    if look.hair in ("short", "full"):
        return [cap]
    if look.hair == "bun":
        return [cap, _ball(_along(_along(middle, ahead, -0.13), (0, 1, 0), 0.07), 0.05, Piece.HAIR)]
    if look.hair == "tail":
        root = _along(_along(middle, ahead, -0.12), (0, 1, 0), 0.05)
        tip = _along(_along(root, ahead, -0.06), (0, -1, 0), 0.26)
        return [cap, Part(tip, root, (0.012, 0.034, 0.02), Piece.HAIR)]
    length = 0.13 if look.hair == "bob" else 0.3
    nape = _along(middle, ahead, -0.045)
    low = _along(_along(nape, (0, -1, 0), length), ahead, -0.02)
    high = _along(nape, (0, 1, 0), size * 0.7)
    return [cap, Part(low, high, (0.07, size * 0.86, size * 0.5), Piece.HAIR, 0.74, across)]


def _bag(look: Appearance, lean: float, hands: list[Point]) -> list[Part]:
    tall, size, left = look.stature, look.bag_size, look.bag_side
    tilt = (0.0, 1.0, float(np.tan(lean)))
    if look.bag == "backpack":
        behind = -(0.052 * tall * look.girth + look.thickness + 0.065 * size)
        low = _along((0.0, 0.08 * tall, behind), tilt, 0.04 * tall / size)
        return [
            Part(low, _along(low, tilt, 0.235 * tall * size), (0.115 * size, 0.15 * size,
                 0.07 * size), Piece.BAG, 0.62),
            Part(_along(low, (0.0, 0.25, -1.0), 0.08 * size), _along(low, (0.0, 2.6, -1.0),
                 0.075 * size), (0.06 * size, 0.095 * size, 0.04 * size), Piece.BAG, 0.5),
        ]  # fmt: skip
    if look.bag in ("shoulder", "cross"):
        out = 0.095 * tall * look.hips * (0.6 + 0.4 * look.girth) + 0.05
        swing = 0.02 if look.bag == "shoulder" else -0.05
        height = 0.0 if look.bag == "cross" else 0.06 * tall
        low = (left * out, height - 0.13 * size, swing)
        return [
            Part(low, _along(low, (left * 0.04, 1.0, 0.0), 0.22 * size), (0.13 * size,
                 0.15 * size, 0.11 * size), Piece.BAG, 0.38, _FORWARD)
        ]  # fmt: skip
    hand = hands[0 if left > 0 else 1]
    low = _along(hand, (0.0, -1.0, 0.0), 0.3 * size)
    return [
        Part(low, _along(hand, (0.0, -1.0, 0.0), 0.06), (0.15 * size, 0.16 * size, 0.08 * size),
             Piece.BAG, 0.4, _FORWARD),
        Part(_along(hand, (0.0, -1.0, 0.0), 0.09), hand, (0.03, 0.025, 0.01), Piece.BAG, 0.3,
             _FORWARD),
    ]  # fmt: skip


def assemble(look: Appearance, pose: Pose) -> list[Part]:
    """The parts of a person in a pose, standing on the ground (y = 0), in the body's own axes."""
    tall = look.stature
    left_leg, left_sole = _leg(look, pose, 0)
    right_leg, right_sole = _leg(look, pose, 1)
    trunk = _trunk(look, pose.lean)
    sway = float(np.tan(pose.lean))
    collar = (0.0, 0.305 * tall, 0.305 * tall * sway - 0.006 * tall)
    reach = 0.108 * tall * look.shoulders * (0.7 + 0.3 * look.girth)
    parts, hands = left_leg + right_leg + trunk, []
    for side, left in ((0, 1), (1, -1)):
        shoulder = _along(collar, (left, -0.16, 0.0), reach)
        arm, hand = _arm(look, pose, side, shoulder)
        parts += arm
        hands.append(hand)
    parts += _head(look, pose, _between(collar, _along(collar, (0.0, 1.0, sway), 0.1 * tall), 0.5))
    if look.bag != "none":
        parts += _bag(look, pose.lean, hands)
    lift = -min(left_sole, right_sole)
    return [
        part._replace(start=_along(part.start, (0.0, 1.0, 0.0), lift),
                      end=_along(part.end, (0.0, 1.0, 0.0), lift))
        for part in parts
    ]  # fmt: skip
