"""Colours of the whole image: jittered, or dropped."""

from __future__ import annotations

import numpy as np
from torch import Tensor
from torchvision.transforms.v2 import functional as TF

from passerby.data.augmentations import Augmentation
from passerby.registry import AUGMENTATIONS


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


def _factor(spread: float, random: np.random.Generator) -> float:
    return float(random.uniform(max(0.0, 1 - spread), 1 + spread))
