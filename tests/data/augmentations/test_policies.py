"""AutoAugment and RandAugment against torchvision's own, operation by operation."""

import numpy as np
import pytest
import torch
from torchvision.transforms import InterpolationMode, v2

from passerby.data.augmentations.policies import IMAGENET_POLICY, RAND_AUGMENT, SIGNED, UNSIGNED
from passerby.registry import AUGMENTATIONS


def _image(seed: int = 0) -> torch.Tensor:
    pixels = np.random.default_rng(seed).integers(0, 256, (3, 64, 32), np.uint8)
    return torch.from_numpy(pixels)


THEIRS = {
    "shear_x": "ShearX", "shear_y": "ShearY", "translate_x": "TranslateX",
    "translate_y": "TranslateY", "rotate": "Rotate", "brightness": "Brightness",
    "colour": "Color", "contrast": "Contrast", "sharpness": "Sharpness",
    "posterize": "Posterize", "solarize": "Solarize", "auto_contrast": "AutoContrast",
    "equalize": "Equalize", "invert": "Invert", "identity": "Identity",
}  # fmt: skip


@pytest.mark.parametrize("name", THEIRS)
@pytest.mark.parametrize("tenth", [0, 4, 9])
def test_an_operation_is_torchvisions(name: str, tenth: int) -> None:
    theirs = v2.AutoAugment()
    magnitudes, signed = (v2.RandAugment._AUGMENTATION_SPACE | theirs._AUGMENTATION_SPACE)[
        THEIRS[name]
    ]
    found = magnitudes(10, 64, 32)
    assert signed == (name in SIGNED)
    for sign in (1, -1) if signed else (1,):
        magnitude = 0.0 if found is None else sign * float(found[tenth])
        expected = theirs._apply_image_or_video_transform(
            _image(), THEIRS[name], magnitude, InterpolationMode.NEAREST, {torch.Tensor: None}
        )
        ours = (SIGNED | UNSIGNED)[name](_image(), sign * tenth / 9)
        assert (ours.float() - expected.float()).abs().max() <= 1


def test_the_policy_is_the_papers_as_torchvision_has_it() -> None:
    expected = tuple(
        tuple((THEIRS_BACK[name], chance, ninths or 0) for name, chance, ninths in pair)
        for pair in v2.AutoAugment()._policies
    )
    assert expected == IMAGENET_POLICY


THEIRS_BACK = {theirs: ours for ours, theirs in THEIRS.items()}


def test_the_operations_of_rand_augment_are_torchvisions() -> None:
    assert {THEIRS[name] for name in RAND_AUGMENT} == set(v2.RandAugment._AUGMENTATION_SPACE)


def test_rand_augment_without_strength_or_operations() -> None:
    none = AUGMENTATIONS.build("rand_augment(operations=0)")
    assert torch.equal(none(_image(), np.random.default_rng(0)), _image())
    with pytest.raises(ValueError, match="magnitude must be from 0 to 30, got 31"):
        AUGMENTATIONS.build("rand_augment(magnitude=31)")
