"""Bags as meshes of their own, each tied to one bone."""

from dataclasses import dataclass

import numpy as np

from passerby.synthesis.rendered.outfits import Outfit
from passerby.synthesis.wardrobe import Piece


@dataclass(frozen=True)
class Solid:
    """A mesh in the neutral rest pose that moves with a bone."""

    piece: Piece
    bone: str
    points: np.ndarray  # [n, 3] float32, metres
    faces: np.ndarray  # [m, 3] int32, counter-clockwise from outside
    two_sided: bool = False


def rounded_box(
    centre: tuple[float, float, float], radii: tuple[float, float, float], power: float = 0.45
) -> tuple[np.ndarray, np.ndarray]:
    """Points and faces of a box with round edges (a superellipsoid); power 1 is an ellipsoid."""
    around, along = 14, 9
    turn = np.linspace(0, 2 * np.pi, around, endpoint=False)
    rise = np.linspace(-np.pi / 2, np.pi / 2, along)
    turns, rises = np.meshgrid(turn, rise)

    def shaped(values: np.ndarray) -> np.ndarray:
        return np.sign(values) * np.abs(values) ** power

    level = shaped(np.cos(rises))
    unit = np.stack([level * shaped(np.cos(turns)), shaped(np.sin(rises)),
                     level * shaped(np.sin(turns))], axis=-1).reshape(-1, 3)  # fmt: skip
    row, column = np.mgrid[: along - 1, :around]
    first, second = row * around + column, row * around + (column + 1) % around
    faces = np.concatenate(
        [np.stack([first, first + around, second], -1).reshape(-1, 3),
         np.stack([second, first + around, second + around], -1).reshape(-1, 3)]
    )  # fmt: skip
    points = unit * np.array(radii) + np.array(centre)
    return points.astype(np.float32), faces.astype(np.int32)


def bag_meshes(outfit: Outfit) -> list[Solid]:
    """The bag of a person, if any."""
    look, size = outfit.look, outfit.look.bag_size
    left = look.bag_side
    side = "l" if left > 0 else "r"
    match look.bag:
        case "backpack":
            back = -0.155 - outfit.thickness
            parts = [
                ("spine_03", (0.0, 0.33, back), (0.14 * size, 0.2 * size, 0.075 * size)),
                ("spine_03", (0.0, 0.27, back - 0.06 * size), (0.1 * size, 0.1 * size, 0.05)),
            ]
        case "handbag":
            # Straight below the fist of the rest pose.
            place = (left * 0.47, 0.16 - 0.13 * size, 0.24)
            parts = [(f"hang_{side}", place, (0.05 * size, 0.13 * size, 0.14 * size))]
        case "shoulder" | "cross":
            parts = [("pelvis", (left * 0.19, 0.03, -0.01), (0.05, 0.1 * size, 0.13 * size))]
        case _:
            parts = []
    return [Solid(Piece.BAG, bone, *rounded_box(place, radii)) for bone, place, radii in parts]
