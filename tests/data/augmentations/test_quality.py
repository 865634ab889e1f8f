"""Resolution, sharpness, compression."""

import io

import numpy as np
import pytest
import torch
from PIL import Image

from passerby.registry import AUGMENTATIONS


def _image(seed: int = 0) -> torch.Tensor:
    pixels = np.random.default_rng(seed).integers(0, 256, (3, 64, 32), np.uint8)
    return torch.from_numpy(pixels)


def _sharpness(image: torch.Tensor) -> float:
    return float(image.float().diff(dim=1).abs().mean())


@pytest.mark.parametrize("call", ["blur(probability=1.0, smallest={0}, largest={0})",
                                  "low_resolution(probability=1.0, smallest={1})"])  # fmt: skip
def test_sharpness_is_lost_by_degrees(call: str) -> None:
    left = [_sharpness(_image())]
    for blur, share in ((0.5, 0.8), (1.0, 0.4), (3.0, 0.05)):
        lossy = AUGMENTATIONS.build(call.format(blur, share))
        left.append(
            np.mean([_sharpness(lossy(_image(), np.random.default_rng(s))) for s in range(9)])
        )
    assert left == sorted(left, reverse=True)
    assert left[-1] < 0.7 * left[0]


def test_a_small_image_can_be_blurred() -> None:
    blur = AUGMENTATIONS.build("blur(probability=1.0, smallest=3, largest=3)")
    assert blur(_image()[:, :8, :4], np.random.default_rng(0)).shape == (3, 8, 4)


@pytest.mark.parametrize("quality", [10, 50, 95])
def test_jpeg_loses_what_pillows_jpeg_loses(quality: int) -> None:
    jpeg = AUGMENTATIONS.build(f"jpeg(probability=1.0, worst={quality}, best={quality})")
    ours = jpeg(_image(), np.random.default_rng(0))
    file = io.BytesIO()
    pixels = _image().permute(1, 2, 0).numpy()
    Image.fromarray(pixels).save(file, "JPEG", quality=quality, subsampling="4:2:0")
    theirs = np.asarray(Image.open(file)).transpose(2, 0, 1)
    lost = np.abs(pixels.transpose(2, 0, 1).astype(int) - theirs).mean()
    assert np.abs(pixels.transpose(2, 0, 1) - ours.numpy().astype(int)).mean() == pytest.approx(
        lost, rel=0.1
    )


def test_qualities_that_do_not_exist_are_refused() -> None:
    with pytest.raises(ValueError, match="from 1 to 100, got worst=0"):
        AUGMENTATIONS.build("jpeg(worst=0)")
