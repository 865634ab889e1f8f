"""Augmentations: shape and type kept, rates as asked, nothing but the generator decides."""

import numpy as np
import pytest
import torch

from passerby.registry import AUGMENTATIONS

CALLS = [
    "flip(probability=0.5)",
    "pad_and_crop(padding=10)",
    "erase(probability=0.7)",
    "erase(probability=0.7, noise=true)",
    "colour_jitter(brightness=0.3, contrast=0.3, saturation=0.3, hue=0.1)",
    "grey(probability=0.5)",
    "low_resolution(probability=0.7)",
]


def _image(seed: int = 0) -> torch.Tensor:
    pixels = np.random.default_rng(seed).integers(0, 256, (3, 64, 32), np.uint8)
    return torch.from_numpy(pixels)


@pytest.mark.parametrize("call", CALLS)
def test_size_and_type_stay_and_the_input_is_untouched(call: str) -> None:
    augmentation, image = AUGMENTATIONS.build(call), _image()
    for seed in range(20):
        changed = augmentation(image, np.random.default_rng(seed))
        assert changed.shape == image.shape
        assert changed.dtype == torch.uint8
    assert torch.equal(image, _image())


@pytest.mark.parametrize("call", CALLS)
def test_the_generator_alone_decides(call: str) -> None:
    augmentation = AUGMENTATIONS.build(call)
    results = [augmentation(_image(), np.random.default_rng(5)) for _ in range(2)]
    assert torch.equal(*results)
    others = [augmentation(_image(), np.random.default_rng(seed)) for seed in range(20)]
    assert any(not torch.equal(results[0], other) for other in others)


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


def test_erase_covers_the_asked_share_at_the_asked_rate() -> None:
    image = torch.full((3, 128, 64), 7, dtype=torch.uint8)
    erase = AUGMENTATIONS.build("erase(probability=0.5, smallest=0.1, largest=0.2)")
    shares = []
    for seed in range(400):
        erased = erase(image, np.random.default_rng(seed))
        shares.append(float((erased[0] != 7).float().mean()))
    hit = [share for share in shares if share > 0]
    assert 0.4 < len(hit) / len(shares) < 0.6
    assert min(hit) > 0.09
    assert max(hit) < 0.21


def test_grey_makes_the_channels_equal() -> None:
    grey = AUGMENTATIONS.build("grey(probability=1.0)")(_image(), np.random.default_rng(0))
    assert torch.equal(grey[0], grey[1])
    assert torch.equal(grey[1], grey[2])
    expected = (_image().float() * torch.tensor([0.299, 0.587, 0.114])[:, None, None]).sum(0)
    assert (grey[0].float() - expected).abs().max() < 2  # torchvision cuts, not rounds
