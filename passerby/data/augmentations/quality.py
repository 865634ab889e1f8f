"""What cameras lose: resolution, sharpness, and what compression takes."""

from __future__ import annotations

import math

import numpy as np
import simplejpeg
import torch
from torch import Tensor
from torchvision.transforms.v2 import functional as TF

from passerby.data.augmentations import Augmentation
from passerby.registry import AUGMENTATIONS


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


@AUGMENTATIONS.register
class Blur(Augmentation):
    """Gaussian blur of a random width, in pixels of the network's input: out of focus."""

    def __init__(
        self, probability: float = 0.2, smallest: float = 0.3, largest: float = 2.0
    ) -> None:
        self.probability, self.smallest, self.largest = probability, smallest, largest

    def __call__(self, image: Tensor, random: np.random.Generator) -> Tensor:
        if random.random() >= self.probability:
            return image
        width = random.uniform(self.smallest, self.largest)
        # Beyond three widths the weights are too small for eight bits; a side of at least 3.
        side = 2 * max(math.ceil(3 * width), 1) + 1
        side = min(side, 2 * min(image.shape[1:]) - 1)
        return TF.gaussian_blur(image, [side, side], [width, width])


@AUGMENTATIONS.register
class Jpeg(Augmentation):
    """Compress as a JPEG of a random quality and read it again (qualities from 1 to 100)."""

    def __init__(self, probability: float = 0.3, worst: int = 20, best: int = 80) -> None:
        if not 1 <= worst <= best <= 100:
            raise ValueError(f"qualities go from 1 to 100, got worst={worst}, best={best}")
        self.probability, self.worst, self.best = probability, worst, best

    def __call__(self, image: Tensor, random: np.random.Generator) -> Tensor:
        if random.random() >= self.probability:
            return image
        quality = int(random.integers(self.worst, self.best + 1))
        pixels = np.ascontiguousarray(image.permute(1, 2, 0).numpy())
        data = simplejpeg.encode_jpeg(pixels, quality, "RGB", "420")
        return torch.from_numpy(simplejpeg.decode_jpeg(data, "RGB")).permute(2, 0, 1)
