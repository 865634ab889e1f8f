"""Hats, and the hair that they leave to be seen.

Caps and beanies are the skin of the head above a height, pushed outwards; a cap has a peak besides,
a mesh tied to the head. Coordinates are those of the neutral rest pose, as in `bags`.
"""

import numpy as np

from passerby.synthesis.rendered.bags import Solid
from passerby.synthesis.rendered.body.garments import Layer, kept
from passerby.synthesis.wardrobe import Piece

EDGE = 0.765
"""Metres: the height of a hat's lower edge, above the brows."""

_LYING = 0.006  # hair this far above the edge still lies under the cloth
_HEAD = (0.057, 0.082, 0.108)  # depth of the head's middle, half its width and length with a cap on
_PEAK = 0.075  # how far the peak reaches beyond the forehead


def uncovered(hair: Layer) -> Layer:
    """The hair below a hat; the rest would stand out through it."""
    return kept(hair, hair.rest[hair.faces, 1].mean(1) < EDGE + _LYING)


def peak() -> Solid:
    """The peak of a cap: a sheet from the forehead forwards, lower in front and at its sides."""
    columns, rows = 11, 4
    side, ahead = np.meshgrid(np.linspace(-1, 1, columns), np.linspace(0, 1, rows))
    turn = np.radians(65) * side
    middle, across, along = _HEAD
    # It begins a little within the cap, so that no gap shows on larger heads.
    x = across * np.sin(turn) * (0.93 + 0.07 * ahead)
    z = middle + along * np.cos(turn) * 0.93 + ahead * _PEAK * np.cos(np.pi / 2 * side) ** 0.7
    y = EDGE + 0.008 - 0.022 * ahead - 0.012 * side**2
    points = np.stack([x, y, z], -1).reshape(-1, 3).astype(np.float32)
    row, column = np.mgrid[: rows - 1, : columns - 1]
    first = row * columns + column
    beyond = first + columns
    faces = np.concatenate(
        [np.stack([first, beyond, first + 1], -1).reshape(-1, 3),
         np.stack([first + 1, beyond, beyond + 1], -1).reshape(-1, 3)]
    )  # fmt: skip
    return Solid(Piece.HAT, "head", points, faces.astype(np.int32), two_sided=True)
