"""Colours of the whole image."""

import numpy as np
import torch

from passerby.registry import AUGMENTATIONS


def _image(seed: int = 0) -> torch.Tensor:
    pixels = np.random.default_rng(seed).integers(0, 256, (3, 64, 32), np.uint8)
    return torch.from_numpy(pixels)


def test_grey_makes_the_channels_equal() -> None:
    grey = AUGMENTATIONS.build("grey(probability=1.0)")(_image(), np.random.default_rng(0))
    assert torch.equal(grey[0], grey[1])
    assert torch.equal(grey[1], grey[2])
    expected = (_image().float() * torch.tensor([0.299, 0.587, 0.114])[:, None, None]).sum(0)
    assert (grey[0].float() - expected).abs().max() < 2  # torchvision cuts, not rounds
