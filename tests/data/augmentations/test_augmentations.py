"""All augmentations: shape and type kept, nothing but the generator decides, rates as asked."""

import pickle

import numpy as np
import pytest
import torch

from passerby.registry import AUGMENTATIONS

CALLS = [
    "flip(probability=0.5)",
    "pad_and_crop(padding=10)",
    "resized_crop(probability=0.7, smallest=0.4)",
    "erase(probability=0.7)",
    "erase(probability=0.7, fill=noise)",
    "erase(probability=0.7, fill=image, count=3)",
    "erase(probability=0.7, fill=colour)",
    "grey_patch(probability=0.7)",
    "colour_jitter(brightness=0.3, contrast=0.3, saturation=0.3, hue=0.1)",
    "camera_colours(probability=0.7)",
    "grey(probability=0.5)",
    "low_resolution(probability=0.7)",
    "blur(probability=0.7)",
    "jpeg(probability=0.7)",
    "auto_augment(probability=0.7)",
    "rand_augment(operations=2, magnitude=15)",
]


def _image(seed: int = 0) -> torch.Tensor:
    pixels = np.random.default_rng(seed).integers(0, 256, (3, 64, 32), np.uint8)
    return torch.from_numpy(pixels)


def _channels_last(image: torch.Tensor) -> torch.Tensor:
    """The same image in memory as the loader hands it over."""
    return image.permute(1, 2, 0).contiguous().permute(2, 0, 1)


def test_every_augmentation_is_tested_here() -> None:
    assert {call.partition("(")[0] for call in CALLS} == set(AUGMENTATIONS.names())


@pytest.mark.parametrize("call", CALLS)
def test_size_and_type_stay_and_the_input_is_untouched(call: str) -> None:
    augmentation, image = AUGMENTATIONS.build(call), _channels_last(_image())
    for seed in range(20):
        changed = augmentation(image, np.random.default_rng(seed))
        assert changed.shape == image.shape
        assert changed.dtype == torch.uint8
    assert torch.equal(image, _image())


@pytest.mark.parametrize("call", CALLS)
def test_the_generator_alone_decides(call: str) -> None:
    """Not torch's generator, not the process, not how the image lies in memory."""
    augmentation = AUGMENTATIONS.build(call)
    again = pickle.loads(pickle.dumps(augmentation))
    others = []
    for seed in range(20):
        first = augmentation(_image(), np.random.default_rng(seed))
        torch.rand(3)
        assert torch.equal(first, again(_channels_last(_image()), np.random.default_rng(seed)))
        others.append(first)
    assert any(not torch.equal(others[0], other) for other in others)


@pytest.mark.parametrize("call", [call for call in CALLS if "probability" in call])
def test_without_chance_nothing_changes(call: str) -> None:
    never = AUGMENTATIONS.build(f"{call.partition('(')[0]}(probability=0.0)")
    assert all(torch.equal(never(_image(), np.random.default_rng(s)), _image()) for s in range(9))
