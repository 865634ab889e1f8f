"""What is true of a picture and hard to see in it: joints, silhouette, and how much is hidden."""

from dataclasses import dataclass

import numpy as np

from passerby.synthesis.drawn.drawing import Figure, View
from passerby.synthesis.drawn.joints import DEPTHS

OUTSIDE, HIDDEN, SEEN = 0, 1, 2  # COCO's visibilities
BEHIND, BEFORE = 128, 255  # in masks: of the person, but hidden; of the person, and seen


@dataclass(frozen=True)
class Truth:
    """Of the person whom a picture is of; pixels count from the upper left corner of the picture.

    `joints` [17, 3] are column, row and visibility of COCO's joints: 2 seen, 1 hidden by the person
    or by something else, 0 outside of the picture (column and row are then 0). The centre of the
    first pixel is at 0.5, 0.5. `mask` [height, width] uint8 is 255 where the person is seen, 128
    where something stands before them.
    """

    joints: np.ndarray
    mask: np.ndarray

    @property
    def seen(self) -> int:
        """Pixels of the person that are seen."""
        return int(np.count_nonzero(self.mask == BEFORE))

    @property
    def occlusion(self) -> float:
        """Share of the person's pixels in the picture that something else hides, 1 for nobody."""
        there = np.count_nonzero(self.mask)
        return 1 - self.seen / there if there else 1.0

    @property
    def box(self) -> tuple[int, int, int, int]:
        """Left, top, width and height of what is seen of the person; zeros where nothing is."""
        rows, columns = np.nonzero(self.mask == BEFORE)
        if not len(rows):
            return 0, 0, 0, 0
        left, top = int(columns.min()), int(rows.min())
        return left, top, int(columns.max()) - left + 1, int(rows.max()) - top + 1


def truth_of(figure: Figure, joints: np.ndarray, view: View, hidden: np.ndarray) -> Truth:
    """What holds of a figure, of its joints [17, 3] in view axes, where `hidden` [h, w] covers it.

    A joint is seen where the surface before it is so near that it must be the joint's own.
    """
    height, width = figure.mask.shape
    columns = view.column + joints[:, 0] * view.scale * view.stretch
    rows = view.row - joints[:, 1] * view.scale
    inside = (columns >= 0) & (columns < width) & (rows >= 0) & (rows < height)
    at = np.where(inside, rows, 0).astype(int), np.where(inside, columns, 0).astype(int)
    surface = np.full(height * width, -np.inf, np.float32)
    surface[figure.pixels] = figure.depth
    covered = hidden[at] | (surface.reshape(height, width)[at] - joints[:, 2] > DEPTHS)
    visibility = np.where(inside, np.where(covered, HIDDEN, SEEN), OUTSIDE)
    places = np.stack([columns, rows], 1) * inside[:, None]
    mask = np.where(figure.mask, np.where(hidden, BEHIND, BEFORE), 0).astype(np.uint8)
    return Truth(np.concatenate([places, visibility[:, None]], 1).astype(np.float32), mask)
