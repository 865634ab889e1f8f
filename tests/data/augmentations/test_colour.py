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


def test_camera_colours_follow_their_formula() -> None:
    image = _image()
    as_it_was = AUGMENTATIONS.build(
        "camera_colours(gain=0.0, gamma=0.0, haze=0.0, probability=1.0)"
    )
    assert torch.equal(as_it_was(image, np.random.default_rng(0)), image)

    toned = AUGMENTATIONS.build("camera_colours(gain=0.3, gamma=0.5, haze=0.4, probability=1.0)")
    seen = toned(image, np.random.default_rng(3))
    draws = np.random.default_rng(3)
    draws.random()
    power = np.exp(draws.uniform(-np.log(1.5), np.log(1.5)))
    gains = draws.uniform(0.7, 1.3, (3, 1))
    share, grey = draws.uniform(0, 0.4), draws.uniform(0.2, 1)
    for channel in range(3):
        for row, column in ((0, 0), (5, 9), (63, 31)):
            value = int(image[channel, row, column]) / 255
            expected = share * grey + (1 - share) * gains[channel, 0] * value**power
            assert abs(float(seen[channel, row, column]) - 255 * np.clip(expected, 0, 1)) <= 0.5001
