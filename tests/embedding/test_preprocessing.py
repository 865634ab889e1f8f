"""Preprocessing: a golden tensor, Pillow's filter, and the errors."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from passerby.config import Input
from passerby.embedding.preprocessing import normalised, resized

GOLDEN = Path(__file__).parent / "preprocessing.json"


def _pattern() -> np.ndarray:
    """Smooth and sharp parts, 90×47, made by formulas alone."""
    y, x = np.mgrid[0:90, 0:47]
    red = 127 + 120 * np.sin(x / 3)
    green = 255 * ((x // 5 + y // 7) % 2)
    blue = (x * y) % 256
    return np.stack([red, green, blue], axis=2).astype(np.uint8)


def _sample(tensor: torch.Tensor) -> list[list[float]]:
    return [[round(float(v), 4) for v in channel[::16, ::16].flatten()] for channel in tensor]


@pytest.mark.parametrize("size", [(128, 64), (64, 32)])
def test_golden_tensor(size: tuple[int, int]) -> None:
    """What checkpoints were trained on must not shift: exact to one grey level."""
    settings = Input(height=size[0], width=size[1])
    image = normalised(resized(_pattern(), settings)[None], settings)[0]
    stored = json.loads(GOLDEN.read_text(encoding="utf-8"))[f"{size[0]}x{size[1]}"]
    assert np.allclose(_sample(image), stored, atol=1 / 255 / 0.224)


@pytest.mark.parametrize("size", [(45, 20), (180, 90), (90, 47)])
@pytest.mark.parametrize("name", ["bilinear", "bicubic"])
def test_resizing_is_pillows(size: tuple[int, int], name: str) -> None:
    ours = resized(_pattern(), Input(height=size[0], width=size[1], filter=name))  # type: ignore[arg-type]
    pillow = Image.fromarray(_pattern()).resize(size[::-1], getattr(Image.Resampling, name.upper()))
    difference = np.abs(ours.permute(1, 2, 0).numpy().astype(int) - np.asarray(pillow).astype(int))
    assert difference.max() <= 1


def test_normalising_is_value_by_255_less_mean_by_std() -> None:
    images = torch.arange(0, 256, dtype=torch.uint8).reshape(1, 1, 16, 16).repeat(2, 3, 1, 1)
    settings = Input(mean=(0.1, 0.2, 0.3), std=(0.5, 0.6, 0.7))
    expected = (images.double() / 255 - torch.tensor([0.1, 0.2, 0.3])[:, None, None]) / (
        torch.tensor([0.5, 0.6, 0.7])[:, None, None]
    )
    assert torch.allclose(normalised(images, settings).double(), expected, atol=1e-6)


@pytest.mark.parametrize(
    "image",
    [np.zeros((8, 8), np.uint8), np.zeros((8, 8, 4), np.uint8), np.zeros((8, 8, 3), np.float32)],
)
def test_other_arrays_are_refused(image: np.ndarray) -> None:
    with pytest.raises(ValueError, match=r"uint8 \[height, width, 3\] RGB"):
        resized(image, Input())


def _write_golden() -> None:
    """Run this file to store the golden tensor anew, after a change that is meant."""
    stored = {}
    for height, width in ((128, 64), (64, 32)):
        settings = Input(height=height, width=width)
        tensor = normalised(resized(_pattern(), settings)[None], settings)[0]
        stored[f"{height}x{width}"] = _sample(tensor)
    GOLDEN.write_text(json.dumps(stored) + "\n", encoding="utf-8")


if __name__ == "__main__":
    _write_golden()
