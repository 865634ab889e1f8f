"""Random rectangles: erased, or without their colours."""

from __future__ import annotations

import math
from copy import copy
from typing import Literal

import numpy as np
import torch
from torch import Tensor
from torchvision.transforms.v2 import functional as TF

from passerby.data.augmentations import Augmentation, Joints, Move, Moving, covered, unmoved
from passerby.registry import AUGMENTATIONS

_IMAGENET_MEAN = torch.tensor([124, 116, 104], dtype=torch.uint8)[:, None, None]


@AUGMENTATIONS.register
class Erase(Moving):
    """Random erasing (Zhong et al. 2020): a rectangle filled with the ImageNet mean colour.

    smallest and largest share of the area; height to width between ``aspect`` and 1/``aspect``.
    After ten rectangles that do not fit, the image stays as it is. fill: "mean"; "image", the
    mean colour of the image itself; "colour", one random colour; "noise", a random colour for
    every pixel. count: rectangles at most, their number drawn evenly from one on. grows: between
    these two epochs of the run the largest share rises from the smallest one to ``largest`` (the
    cut-out of Almazán et al. 2018); (0, 0): it does not.
    """

    def __init__(
        self,
        probability: float = 0.5,
        smallest: float = 0.02,
        largest: float = 0.4,
        aspect: float = 0.3,
        *,
        fill: Literal["mean", "image", "colour", "noise"] = "mean",
        count: int = 1,
        grows: tuple[int, int] = (0, 0),
    ) -> None:
        if not 0 <= grows[0] <= grows[1]:
            raise ValueError(f"grows must be two epochs, the first not after the last, got {grows}")
        if fill not in ("mean", "image", "colour", "noise"):
            raise ValueError(f"fill must be mean, image, colour or noise, got {fill!r}")
        self.probability, self.smallest, self.largest = probability, smallest, largest
        self.aspect, self.fill, self.count = aspect, fill, count
        self.grows = grows

    def at(self, epoch: int) -> Erase:
        first, last = self.grows
        if epoch >= last:
            return self
        grown = copy(self)
        done = max(epoch - first, 0) / (last - first)
        grown.largest = self.smallest + done * (self.largest - self.smallest)
        return grown

    def moved(self, image: Tensor, random: np.random.Generator) -> tuple[Tensor, Move]:
        if random.random() >= self.probability:
            return image, unmoved
        erased, holes = image, list[tuple[slice, slice]]()
        for _ in range(int(random.integers(self.count)) + 1 if self.count > 1 else 1):
            found = _rectangle(image, random, self.smallest, self.largest, self.aspect)
            if found is not None:
                erased = image.clone() if erased is image else erased
                erased[found] = self._filling(image, erased[found].shape, random)
                holes.append(found[1:])

        def move(joints: Joints) -> Joints:
            for rows, columns in holes:
                joints = covered(joints, rows, columns)
            return joints

        return erased, move

    def _filling(self, image: Tensor, shape: torch.Size, random: np.random.Generator) -> Tensor:
        if self.fill == "mean":
            return _IMAGENET_MEAN
        if self.fill == "image":
            return image.float().mean((1, 2)).round().to(torch.uint8)[:, None, None]
        size = tuple(shape) if self.fill == "noise" else (3, 1, 1)
        return torch.from_numpy(random.integers(0, 256, size, dtype=np.uint8))


@AUGMENTATIONS.register
class GreyPatch(Augmentation):
    """Drop the colours of a random rectangle (Gong et al. 2021, local grayscale replacement).

    Theirs of whole images is ``grey(probability=0.05)``. Sizes as of ``erase``.
    """

    def __init__(
        self,
        probability: float = 0.4,
        smallest: float = 0.02,
        largest: float = 0.4,
        aspect: float = 0.3,
    ) -> None:
        self.probability, self.smallest, self.largest = probability, smallest, largest
        self.aspect = aspect

    def __call__(self, image: Tensor, random: np.random.Generator) -> Tensor:
        if random.random() >= self.probability:
            return image
        found = _rectangle(image, random, self.smallest, self.largest, self.aspect)
        if found is None:
            return image
        image = image.clone()
        image[found] = TF.rgb_to_grayscale(image[found], num_output_channels=3)
        return image


def _rectangle(
    image: Tensor, random: np.random.Generator, smallest: float, largest: float, aspect: float
) -> tuple[slice, slice, slice] | None:
    """Channels, rows and columns of a random rectangle; None where ten of them do not fit."""
    _, height, width = image.shape
    for _ in range(10):
        area = random.uniform(smallest, largest) * height * width
        ratio = random.uniform(aspect, 1 / aspect)
        h, w = round(math.sqrt(area * ratio)), round(math.sqrt(area / ratio))
        if 0 < h < height and 0 < w < width:
            top, left = int(random.integers(height - h + 1)), int(random.integers(width - w + 1))
            return slice(None), slice(top, top + h), slice(left, left + w)
    return None
