"""Colours of the whole image: jittered, seen by another camera, or dropped."""

from __future__ import annotations

import numpy as np
import torch
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
class CameraColours(Augmentation):
    """What another camera would have made of the colours: v → haze + (1 − haze) · gain · v^gamma.

    ``v`` is a channel in 0 … 1. gain: of each channel apart, a factor in 1 ± ``gain`` (white
    balance and exposure); gamma: of all channels, in 1 / (1 + ``gamma``) … 1 + ``gamma``; haze:
    towards a grey of one's own, up to this share (mist, glare, a picture of little contrast).
    """

    def __init__(
        self, gain: float = 0.25, gamma: float = 0.5, haze: float = 0.3, probability: float = 0.5
    ) -> None:
        self.gain, self.gamma, self.haze, self.probability = gain, gamma, haze, probability

    def __call__(self, image: Tensor, random: np.random.Generator) -> Tensor:
        if random.random() >= self.probability:
            return image
        values = np.linspace(0, 1, 256)[None]
        most = np.log1p(self.gamma)
        toned = values ** np.exp(random.uniform(-most, most))
        toned = toned * random.uniform(1 - self.gain, 1 + self.gain, (3, 1))
        haze = random.uniform(0, self.haze)
        toned = haze * random.uniform(0.2, 1) + (1 - haze) * toned
        table = torch.from_numpy((toned.clip(0, 1) * 255).round().astype(np.uint8))
        return torch.stack([own[channel.int()] for own, channel in zip(table, image, strict=True)])


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
