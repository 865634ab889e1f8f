"""Where things are in the image: mirrored, shifted, cut out."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor
from torchvision.transforms.v2 import functional as TF

from passerby.data.augmentations import Augmentation
from passerby.registry import AUGMENTATIONS


@AUGMENTATIONS.register
class Flip(Augmentation):
    """Mirror left and right with a probability."""

    def __init__(self, probability: float = 0.5) -> None:
        self.probability = probability

    def __call__(self, image: Tensor, random: np.random.Generator) -> Tensor:
        return image.flip(2) if random.random() < self.probability else image


@AUGMENTATIONS.register
class PadAndCrop(Augmentation):
    """Pad with black on all sides and cut the size back out at a random place."""

    def __init__(self, padding: int = 10) -> None:
        self.padding = padding

    def __call__(self, image: Tensor, random: np.random.Generator) -> Tensor:
        down, right = (random.integers(0, 2 * self.padding + 1, size=2) - self.padding).tolist()
        # What is left of the image after the shift is copied; the padding is never made.
        shifted = torch.zeros_like(image)
        _, height, width = image.shape
        _shifted(shifted, -down, -right, height, width).copy_(
            _shifted(image, down, right, height, width)
        )
        return shifted


@AUGMENTATIONS.register
class ResizedCrop(Augmentation):
    """Cut out a random part and enlarge it to the whole: persons that a detector cut too tightly.

    smallest: share of the area that is kept at least; the part's height to width is the image's
    times a factor between ``aspect`` and 1/``aspect``.
    """

    def __init__(
        self, probability: float = 0.5, smallest: float = 0.64, aspect: float = 0.8
    ) -> None:
        self.probability, self.smallest, self.aspect = probability, smallest, aspect

    def __call__(self, image: Tensor, random: np.random.Generator) -> Tensor:
        if random.random() >= self.probability:
            return image
        _, height, width = image.shape
        side = math.sqrt(random.uniform(self.smallest, 1))
        most = abs(math.log(self.aspect))
        stretch = math.exp(random.uniform(-most, most) / 2)
        h = min(max(round(height * side * stretch), 1), height)
        w = min(max(round(width * side / stretch), 1), width)
        top, left = int(random.integers(height - h + 1)), int(random.integers(width - w + 1))
        part = image[:, top : top + h, left : left + w]
        return TF.resize(part, [height, width], antialias=True)


def _shifted(image: Tensor, down: int, right: int, height: int, width: int) -> Tensor:
    """The part of an image that a window moved down and right still sees."""
    bottom, edge = max(height + min(down, 0), 0), max(width + min(right, 0), 0)
    return image[:, max(down, 0) : bottom, max(right, 0) : edge]
