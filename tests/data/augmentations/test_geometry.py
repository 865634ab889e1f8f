"""Mirrored, shifted, cut out."""

import numpy as np
import torch

from passerby.registry import AUGMENTATIONS


def _image(seed: int = 0) -> torch.Tensor:
    pixels = np.random.default_rng(seed).integers(0, 256, (3, 64, 32), np.uint8)
    return torch.from_numpy(pixels)


def test_flip_mirrors_left_and_right() -> None:
    flipped = AUGMENTATIONS.build("flip(probability=1.0)")(_image(), np.random.default_rng(0))
    assert torch.equal(flipped, torch.from_numpy(_image().numpy()[:, :, ::-1].copy()))


def test_pad_and_crop_shifts_and_fills_with_black() -> None:
    image = torch.full((3, 20, 10), 200, dtype=torch.uint8)
    crop = AUGMENTATIONS.build("pad_and_crop(padding=4)")
    shifted = [crop(image, np.random.default_rng(seed)) for seed in range(50)]
    assert all(set(s.unique().tolist()) <= {0, 200} for s in shifted)
    rows = {int((s[0, :, 5] == 200).sum()) for s in shifted}
    assert min(rows) == 16
    assert max(rows) == 20


def test_pad_and_crop_is_padding_and_cropping() -> None:
    """As slowly done: the padded image is made whole and cut."""
    crop = AUGMENTATIONS.build("pad_and_crop(padding=40)")  # more than the image is wide
    for seed in range(30):
        top, left = np.random.default_rng(seed).integers(0, 81, size=2)
        padded = np.pad(_image().numpy(), ((0, 0), (40, 40), (40, 40)))
        expected = padded[:, top : top + 64, left : left + 32]
        assert np.array_equal(crop(_image(), np.random.default_rng(seed)).numpy(), expected)


def test_a_resized_crop_keeps_the_asked_share() -> None:
    """Of a ramp, what is left of its range says how much was kept."""
    ramp = torch.arange(128, dtype=torch.uint8).repeat(3, 256, 1) * 2
    crop = AUGMENTATIONS.build("resized_crop(probability=1.0, smallest=0.25, aspect=1.0)")
    kept = [
        int(np.ptp(crop(ramp, np.random.default_rng(seed))[0].numpy())) / 254 for seed in range(200)
    ]
    assert 0.48 < min(kept) < 0.56
    assert max(kept) > 0.97
