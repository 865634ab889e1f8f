"""Random augmentations of training images, one family a file; each is a call in a recipe.

Each takes the random generator of its image, so that what happens to an image depends on seed,
epoch and position in the epoch alone, not on the number of workers.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

Joints = NDArray[np.float32]
"""[17, 3]: column and row in pixels of the image, and COCO's visibility; in COCO's order."""

Move = Callable[[Joints], Joints]
"""Where the joints of an image come to stand; what lies outside of it afterwards is seen to."""

# COCO's order has the nose, then pairs of left and right.
_MIRRORED = [0, *(other for left in range(1, 17, 2) for other in (left + 1, left))]


class Augmentation(ABC):
    """A random change of one image."""

    @abstractmethod
    def __call__(self, image: Tensor, random: np.random.Generator) -> Tensor:
        """The changed image, uint8 [3, H, W] of the same size; the given one stays as it is.

        All chance must come from ``random``. In memory the channels stand last, so that `view`
        may refuse where `reshape` does not.
        """

    def with_joints(
        self, image: Tensor, joints: Joints, random: np.random.Generator
    ) -> tuple[Tensor, Joints]:
        """The same changed image, and its joints, which stay where they are.

        An augmentation that moves, mirrors or covers what is in the image is a `Moving` one.
        """
        return self(image, random), joints

    def at(self, epoch: int) -> Augmentation:
        """The augmentation in an epoch of the run (from 0): itself, unless it changes with time."""
        return self


class Moving(Augmentation):
    """A random change after which joints are elsewhere, or covered."""

    @abstractmethod
    def moved(self, image: Tensor, random: np.random.Generator) -> tuple[Tensor, Move]:
        """The changed image, as a call returns it, and where its joints go."""

    def __call__(self, image: Tensor, random: np.random.Generator) -> Tensor:
        return self.moved(image, random)[0]

    def with_joints(
        self, image: Tensor, joints: Joints, random: np.random.Generator
    ) -> tuple[Tensor, Joints]:
        changed, move = self.moved(image, random)
        _, height, width = changed.shape
        return changed, _inside(move(joints), height, width)


def unmoved(joints: Joints) -> Joints:
    """The joints as they are: of an image that chance has left alone."""
    return joints


def mirrored(joints: Joints, width: int) -> Joints:
    """The joints of the mirror image, in which the left arm is a right one."""
    other = joints[_MIRRORED].copy()
    other[:, 0] = width - other[:, 0]
    return other


def placed(joints: Joints, matrix: NDArray[np.float64]) -> Joints:
    """Joints at matrix [2, 3] · (column, row, 1)."""
    other = joints.copy()
    other[:, :2] = joints[:, :2] @ matrix[:, :2].T + matrix[:, 2]
    return other


def covered(joints: Joints, rows: slice, columns: slice) -> Joints:
    """The joints behind something that covers a rectangle: those within are no longer seen."""
    other = joints.copy()
    inside = (joints[:, 0] >= columns.start) & (joints[:, 0] < columns.stop)
    inside &= (joints[:, 1] >= rows.start) & (joints[:, 1] < rows.stop)
    other[inside, 2] = other[inside, 2].clip(max=1)
    return other


def _inside(joints: Joints, height: int, width: int) -> Joints:
    """Joints that are not known or not in the image have no place: zeros, as in COCO."""
    columns, rows, visibility = joints.T
    there = (visibility > 0) & (columns >= 0) & (columns < width) & (rows >= 0) & (rows < height)
    return np.where(there[:, None], joints, np.float32(0))
