"""What people carry, push and pull, and what hangs at their necks: meshes tied to one bone each.

Coordinates are those of the neutral rest pose, in metres: x to the person's left, y up from the
hips, z forward. What hangs from a hand (bones hang_l and hang_r) moves with it and stays upright.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from passerby.synthesis.rendered.outfits import Outfit
from passerby.synthesis.wardrobe import Piece

Point = tuple[float, float, float]
Mesh = tuple[np.ndarray, np.ndarray]

_FIST = np.array([0.46, 0.18, 0.245], np.float32)  # of the left hand
_REACH = 0.72  # from a hanging fist down to the ground, less what a foot lifts


@dataclass(frozen=True)
class Solid:
    """A mesh in the neutral rest pose that moves with a bone."""

    piece: Piece
    bone: str
    points: np.ndarray  # [n, 3] float32, metres
    faces: np.ndarray  # [m, 3] int32, counter-clockwise from outside
    two_sided: bool = False


def rounded_box(centre: Point, radii: Point, power: float = 0.45, taper: float = 0.0) -> Mesh:
    """Points and faces of a box with round edges (a superellipsoid).

    power: 1 is an ellipsoid, towards 0 a box; taper: by how much its top is narrower.
    """
    around, along = 14, 9
    turn = np.linspace(0, 2 * np.pi, around, endpoint=False)
    rise = np.linspace(-np.pi / 2, np.pi / 2, along)
    turns, rises = np.meshgrid(turn, rise)

    def shaped(values: np.ndarray) -> np.ndarray:
        return np.sign(values) * np.abs(values) ** power

    level = shaped(np.cos(rises)) * (1 - taper * (np.sin(rises) + 1) / 2)
    unit = np.stack([level * shaped(np.cos(turns)), shaped(np.sin(rises)),
                     level * shaped(np.sin(turns))], axis=-1).reshape(-1, 3)  # fmt: skip
    row, column = np.mgrid[: along - 1, :around]
    first, second = row * around + column, row * around + (column + 1) % around
    # At a pole all points of the ring are one: half of the triangles there have no area.
    faces = np.concatenate(
        [np.stack([first, first + around, second], -1)[1:].reshape(-1, 3),
         np.stack([second, first + around, second + around], -1)[:-1].reshape(-1, 3)]
    )  # fmt: skip
    points = unit * np.array(radii) + np.array(centre)
    return points.astype(np.float32), faces.astype(np.int32)


def tube(path: Sequence[Point], radius: float) -> Mesh:
    """Points and faces of a rod along a path: straps, handles, the frame of a pram."""
    sides = 6
    line = np.array(path, np.float32)
    ahead = np.gradient(line, axis=0)
    ahead /= np.maximum(np.linalg.norm(ahead, axis=1, keepdims=True), 1e-9)
    # Any direction across that is never along the path; the same all the way, so nothing twists.
    least = np.eye(3, dtype=np.float32)[np.argmin(np.abs(ahead).max(0))]
    across = np.cross(ahead, least)
    across /= np.maximum(np.linalg.norm(across, axis=1, keepdims=True), 1e-9)
    beside = np.cross(ahead, across)
    turn = np.linspace(0, 2 * np.pi, sides, endpoint=False)[:, None, None]
    ring = line + radius * (np.cos(turn) * across + np.sin(turn) * beside)  # [sides, path, 3]
    points = ring.transpose(1, 0, 2).reshape(-1, 3)
    row, column = np.mgrid[: len(line) - 1, :sides]
    first, second = row * sides + column, row * sides + (column + 1) % sides
    faces = np.concatenate(
        [np.stack([first, second, first + sides], -1).reshape(-1, 3),
         np.stack([second, second + sides, first + sides], -1).reshape(-1, 3)]
    )  # fmt: skip
    return points.astype(np.float32), faces.astype(np.int32)


def loop(centre: Point, radii: tuple[float, float], radius: float, turn: str = "xz") -> Mesh:
    """A ring: a scarf around a neck, the rim of a wheel. `turn` names the plane it lies in."""
    angle = np.linspace(0, 2 * np.pi, 17)
    ring = np.zeros((17, 3))
    first, second = ("xyz".index(axis) for axis in turn)
    ring[:, first], ring[:, second] = radii[0] * np.cos(angle), radii[1] * np.sin(angle)
    return tube((ring + np.array(centre)).tolist(), radius)


def _backpack(size: float, left: int, depth: float) -> list[tuple[Piece, str, Mesh]]:
    back = -0.045 - 0.08 * size - 0.7 * depth  # its front a little within the back
    parts = [
        rounded_box((0.0, 0.33, back), (0.145 * size, 0.21 * size, 0.08 * size), taper=0.15),
        rounded_box((0.0, 0.26, back - 0.075 * size), (0.105 * size, 0.11 * size, 0.045)),
        *(rounded_box((side * 0.14 * size, 0.24, back), (0.03, 0.08 * size, 0.05), 0.6)
          for side in (-1, 1)),
    ]  # fmt: skip
    return [(Piece.BAG, "spine_03", part) for part in parts]


def _in_hand(left: int, half: Point, drop: float, taper: float) -> list[tuple[Piece, str, Mesh]]:
    """A bag that hangs from the fist by two handles."""
    x, y, z = _FIST * (left, 1, 1)
    wide, high, long = half
    box = rounded_box((x, y - drop - high, z), (wide, high, long), 0.35, taper)
    handles = [
        tube([(x + side * 0.5 * wide, y - drop, z - 0.5 * long), (x, y, z),
              (x + side * 0.5 * wide, y - drop, z + 0.5 * long)], 0.007)
        for side in (-1, 1)
    ]  # fmt: skip
    bone = "hang_l" if left > 0 else "hang_r"
    return [(Piece.BAG, bone, part) for part in (box, *handles)]


def _handbag(size: float, left: int, depth: float) -> list[tuple[Piece, str, Mesh]]:
    return _in_hand(left, (0.055, 0.11 * size, 0.15 * size), 0.12, 0.25)


def _shopping(size: float, left: int, depth: float) -> list[tuple[Piece, str, Mesh]]:
    return _in_hand(left, (0.09, 0.17 * size, 0.15 * size), 0.1, -0.1)


def _briefcase(size: float, left: int, depth: float) -> list[tuple[Piece, str, Mesh]]:
    return _in_hand(left, (0.05, 0.14, 0.2), 0.04, 0.0)


def _at_hip(size: float, left: int, depth: float) -> list[tuple[Piece, str, Mesh]]:
    """A bag on its strap; the strap over chest and back is painted onto the cloth."""
    x = left * (0.19 + depth)
    bag = rounded_box((x, 0.03, -0.01), (0.05, 0.1 * size, 0.135 * size), 0.35)
    flap = rounded_box((x + left * 0.015, 0.03 + 0.05 * size, -0.01),
                       (0.048, 0.055 * size, 0.138 * size), 0.4)  # fmt: skip
    return [(Piece.BAG, "pelvis", bag), (Piece.BAG, "pelvis", flap)]


def _under_arm(size: float, left: int, depth: float) -> list[tuple[Piece, str, Mesh]]:
    """A bag on short straps over the shoulder, between arm and ribs."""
    x = left * (0.17 + depth)
    bag = rounded_box((x, 0.2, -0.02), (0.05, 0.12 * size, 0.16 * size), 0.4, 0.15)
    straps = [
        tube([(x, 0.2 + 0.1 * size, z), (left * 0.155, 0.45, z * 0.8),
              (left * 0.13, 0.585, z * 0.5 + 0.01)], 0.009)
        for z in (-0.09, 0.07)
    ]  # fmt: skip
    return [(Piece.BAG, "spine_03", part) for part in (bag, *straps)]


def _trolley(size: float, left: int, depth: float) -> list[tuple[Piece, str, Mesh]]:
    """A suitcase on wheels, pulled behind by its rod."""
    x, y, z = _FIST * (left, 1, 1)
    high, ground = 0.26 * size, y - _REACH
    middle = (x + left * 0.05, ground + 0.06 + high, z - 0.36)
    box = rounded_box(middle, (0.18 * size, high, 0.11 * size), 0.3)
    rods = [tube([(middle[0] + side * 0.07, middle[1] + 0.9 * high, middle[2] + 0.03),
                  (x + side * 0.05, y, z)], 0.008) for side in (-1, 1)]  # fmt: skip
    wheels = [rounded_box((middle[0] + side * 0.14 * size, ground + 0.045, middle[2]),
                          (0.02, 0.045, 0.045), 0.7) for side in (-1, 1)]  # fmt: skip
    bone = "hang_l" if left > 0 else "hang_r"
    return [
        (Piece.BAG, bone, box),
        *((Piece.SHOES, bone, part) for part in (*rods, *wheels)),
    ]


def _pram(size: float, left: int, depth: float) -> list[tuple[Piece, str, Mesh]]:
    """A pram before the person, from the hood down to the wheels."""
    # It follows the left hand, which is where it was before: ahead and 0.46 m beside the middle.
    x, y, z = 0.0 + _FIST[0] - 0.22, _FIST[1], _FIST[2]
    ground = y - 0.96
    tub = rounded_box((x, ground + 0.62, z + 0.5), (0.2, 0.15, 0.38), 0.5)
    hood = rounded_box((x, ground + 0.8, z + 0.72), (0.2, 0.2, 0.2), 0.9)
    frame = [
        tube([(x + side * 0.2, y, z), (x + side * 0.2, ground + 0.6, z + 0.28),
              (x + side * 0.2, ground + 0.15, z + 0.75)], 0.012)
        for side in (-1, 1)
    ] + [
        tube([(x + side * 0.2, ground + 0.55, z + 0.65),
              (x + side * 0.2, ground + 0.15, z + 0.2)], 0.012)
        for side in (-1, 1)
    ] + [tube([(x - 0.2, y, z), (x + 0.2, y, z)], 0.014)]  # fmt: skip
    wheels = [loop((x + side * 0.22, ground + 0.15, z + ahead), (0.13, 0.13), 0.018, "yz")
              for side in (-1, 1) for ahead in (0.2, 0.75)]  # fmt: skip
    return [(Piece.BAG, "hang_l", tub), (Piece.BAG, "hang_l", hood),
            *((Piece.SHOES, "hang_l", part) for part in (*frame, *wheels))]  # fmt: skip


_CARRIED: dict[str, Callable[[float, int, float], list[tuple[Piece, str, Mesh]]]] = {
    "backpack": _backpack, "handbag": _handbag, "shopping": _shopping, "briefcase": _briefcase,
    "shoulder": _under_arm, "cross": _at_hip, "trolley": _trolley, "pram": _pram,
}  # fmt: skip
IN_HAND = ("handbag", "shopping", "briefcase", "trolley")
"""What hangs from one hand, or is pulled by it."""


def _at_neck(outfit: Outfit) -> list[tuple[Piece, str, Mesh]]:
    """A scarf with its end, and the hood that somebody wears down."""
    found: list[tuple[Piece, str, Mesh]] = []
    if outfit.look.scarf:
        side = outfit.look.bag_side
        found += [
            (Piece.SCARF, "neck_01", loop((0, 0.59, 0.015), (0.075, 0.085), 0.042)),
            (Piece.SCARF, "spine_03", rounded_box((side * 0.05, 0.42, 0.165 + outfit.thickness),
                                                  (0.045, 0.15, 0.018), 0.5)),
        ]  # fmt: skip
    if outfit.hood_down:
        place = (0.0, 0.53, -0.075 - outfit.thickness)
        found.append((Piece.UPPER, "spine_03", rounded_box(place, (0.12, 0.07, 0.055), 0.8)))
    return found


def bag_meshes(outfit: Outfit) -> list[Solid]:
    """What a person carries and wears beyond clothes."""
    carry = _CARRIED.get(outfit.carried)
    parts = _at_neck(outfit)
    if carry:
        parts += carry(outfit.look.bag_size, outfit.look.bag_side, outfit.thickness)
    return [Solid(piece, bone, points, faces) for piece, bone, (points, faces) in parts]
