"""Random augmentations of training images, uint8 [3, H, W] in and out.

Each takes the random generator of its image, so that what happens to an image depends on seed,
epoch and position in the epoch alone, not on the number of workers.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor
from torchvision.transforms.v2 import functional as TF

from passerby.registry import AUGMENTATIONS


class Augmentation(ABC):
    """A random change of one image."""

    @abstractmethod
    def __call__(self, image: Tensor, random: np.random.Generator) -> Tensor:
        """The changed image, uint8 [3, H, W] of the same size."""


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
        _, height, width = image.shape
        top, left = random.integers(0, 2 * self.padding + 1, size=2).tolist()
        padded = F.pad(image, (self.padding,) * 4)
        return padded[:, top : top + height, left : left + width]


@AUGMENTATIONS.register
class Erase(Augmentation):
    """Random erasing (Zhong et al. 2020): a rectangle filled with the ImageNet mean colour.

    smallest and largest share of the area; height to width between ``aspect`` and 1/``aspect``.
    After ten rectangles that do not fit, the image stays as it is. noise=True fills with random
    colours instead.
    """

    def __init__(
        self,
        probability: float = 0.5,
        smallest: float = 0.02,
        largest: float = 0.4,
        aspect: float = 0.3,
        noise: bool = False,
    ) -> None:
        self.probability, self.smallest, self.largest = probability, smallest, largest
        self.aspect, self.noise = aspect, noise
        self._fill = torch.tensor([124, 116, 104], dtype=torch.uint8)[:, None, None]

    def __call__(self, image: Tensor, random: np.random.Generator) -> Tensor:
        if random.random() >= self.probability:
            return image
        _, height, width = image.shape
        for _ in range(10):
            area = random.uniform(self.smallest, self.largest) * height * width
            aspect = random.uniform(self.aspect, 1 / self.aspect)
            h, w = round(math.sqrt(area * aspect)), round(math.sqrt(area / aspect))
            if not (0 < h < height and 0 < w < width):
                continue
            top, left = int(random.integers(height - h + 1)), int(random.integers(width - w + 1))
            image = image.clone()
            fill = self._fill
            if self.noise:
                fill = torch.from_numpy(random.integers(0, 256, (3, h, w), dtype=np.uint8))
            image[:, top : top + h, left : left + w] = fill
            return image
        return image


@AUGMENTATIONS.register
class ColourJitter(Augmentation):
    """Brightness, contrast, saturation (factors in 1 ± value) and hue (± turns of the circle)."""

    def __init__(
        self,
        brightness: float = 0.2,
        contrast: float = 0.15,
        saturation: float = 0.0,
        hue: float = 0.0,
        probability: float = 1.0,
    ) -> None:
        self.brightness, self.contrast = brightness, contrast
        self.saturation, self.hue, self.probability = saturation, hue, probability

    def __call__(self, image: Tensor, random: np.random.Generator) -> Tensor:
        if random.random() >= self.probability:
            return image
        if self.brightness:
            image = TF.adjust_brightness(image, _factor(self.brightness, random))
        if self.contrast:
            image = TF.adjust_contrast(image, _factor(self.contrast, random))
        if self.saturation:
            image = TF.adjust_saturation(image, _factor(self.saturation, random))
        if self.hue:
            image = TF.adjust_hue(image, random.uniform(-self.hue, self.hue))
        return image


@AUGMENTATIONS.register
class Grey(Augmentation):
    """Drop the colours with a probability."""

    def __init__(self, probability: float = 0.1) -> None:
        self.probability = probability

    def __call__(self, image: Tensor, random: np.random.Generator) -> Tensor:
        if random.random() >= self.probability:
            return image
        return TF.rgb_to_grayscale(image, num_output_channels=3)


@AUGMENTATIONS.register
class LowResolution(Augmentation):
    """Shrink by a random factor and enlarge again: persons far from the camera."""

    def __init__(self, probability: float = 0.5, smallest: float = 0.25) -> None:
        self.probability, self.smallest = probability, smallest

    def __call__(self, image: Tensor, random: np.random.Generator) -> Tensor:
        if random.random() >= self.probability:
            return image
        _, height, width = image.shape
        factor = random.uniform(self.smallest, 1)
        size = [max(round(height * factor), 8), max(round(width * factor), 4)]
        small = TF.resize(image, size, antialias=True)
        return TF.resize(small, [height, width], antialias=True)


def _factor(spread: float, random: np.random.Generator) -> float:
    return float(random.uniform(max(0.0, 1 - spread), 1 + spread))
