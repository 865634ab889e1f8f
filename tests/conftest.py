"""What all tests share: fixtures, repeatable property tests, and one thread."""

from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import pytest
import simplejpeg
import torch
from hypothesis import settings

settings.register_profile("repeatable", derandomize=True, database=None, deadline=None)
settings.load_profile("repeatable")

torch.set_num_threads(1)  # a second one waits more than it computes

MakeImages = Callable[[Path, Iterable[str]], Path]


@pytest.fixture(scope="session")
def people() -> Path:
    """Real person crops in Market-1501 layout, beside the repository; skips where absent."""
    root = Path(__file__).resolve().parents[2] / "shared" / "data" / "people"
    if not root.is_dir():
        pytest.skip(f"real images are not at {root}")
    return root


@pytest.fixture(scope="session")
def make_images() -> MakeImages:
    """Writes a small JPEG under every name below a folder; returns the folder."""
    pixels = np.random.default_rng(0).integers(0, 256, (16, 8, 3), np.uint8)
    jpeg = simplejpeg.encode_jpeg(pixels)

    def make(folder: Path, names: Iterable[str]) -> Path:
        for name in names:
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(jpeg)
        return folder

    return make
