"""Where things are in the image: mirrored, shifted, cut out."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor
from torchvision.transforms.v2 import functional as TF

from passerby.data.augmentations import Move, Moving, mirrored, placed, unmoved
from passerby.registry import AUGMENTATIONS


@AUGMENTATIONS.register
class Flip(Moving):
    """Mirror left and right with a probability."""

    def __init__(self, probability: float = 0.5) -> None:
        self.probability = probability

    def moved(self, image: Tensor, random: np.random.Generator) -> tuple[Tensor, Move]:
        if random.random() >= self.probability:
            return image, unmoved
        return image.flip(2), lambda joints: mirrored(joints, image.shape[2])


@AUGMENTATIONS.register
class PadAndCrop(Moving):
    """Pad with black on all sides and cut the size back out at a random place."""

    def __init__(self, padding: int = 10) -> None:
        self.padding = padding

    def moved(self, image: Tensor, random: np.random.Generator) -> tuple[Tensor, Move]:
        down, right = (random.integers(0, 2 * self.padding + 1, size=2) - self.padding).tolist()
        # What is left of the image after the shift is copied; the padding is never made.
        shifted = torch.zeros_like(image)
        _, height, width = image.shape
        _shifted(shifted, -down, -right, height, width).copy_(
            _shifted(image, down, right, height, width)
        )
        matrix = np.array([[1.0, 0, -right], [0, 1, -down]])
        return shifted, lambda joints: placed(joints, matrix)


@AUGMENTATIONS.register
class ResizedCrop(Moving):
    """Cut out a random part and enlarge it to the whole: persons that a detector cut too tightly.

    smallest: share of the area that is kept at least; the part's height to width is the image's
    times a factor between ``aspect`` and 1/``aspect``.
    """

    def __init__(
        self, probability: float = 0.5, smallest: float = 0.64, aspect: float = 0.8
    ) -> None:
        self.probability, self.smallest, self.aspect = probability, smallest, aspect

    def moved(self, image: Tensor, random: np.random.Generator) -> tuple[Tensor, Move]:
        if random.random() >= self.probability:
            return image, unmoved
        _, height, width = image.shape
        side = math.sqrt(random.uniform(self.smallest, 1))
        most = abs(math.log(self.aspect))
        stretch = math.exp(random.uniform(-most, most) / 2)
        h = min(max(round(height * side * stretch), 1), height)
        w = min(max(round(width * side / stretch), 1), width)
        top, left = int(random.integers(height - h + 1)), int(random.integers(width - w + 1))
        part = image[:, top : top + h, left : left + w]
        x, y = width / w, height / h
        matrix = np.array([[x, 0, -left * x], [0, y, -top * y]])
        enlarged = TF.resize(part, [height, width], antialias=True)
        return enlarged, lambda joints: placed(joints, matrix)


def _shifted(image: Tensor, down: int, right: int, height: int, width: int) -> Tensor:
    """The part of an image that a window moved down and right still sees."""
    bottom, edge = max(height + min(down, 0), 0), max(width + min(right, 0), 0)
    return image[:, max(down, 0) : bottom, max(right, 0) : edge]
