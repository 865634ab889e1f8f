"""A small model that galleries are made of, and crops to fill them with."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import simplejpeg
import torch

from passerby.config import Input, Network, Recipe
from passerby.embedding.embedder import Embedder, load
from passerby.gallery.gallery import Gallery
from passerby.models.checkpoint import Card, save_model
from passerby.models.model import build_model

_NUMBERS = itertools.count()


def save_small(folder: Path, seed: int, system: str = "") -> Path:
    """A model folder with weights nobody trained."""
    network = Network("resnet18", system=system) if system else Network("resnet18")
    recipe = Recipe(f"small{seed}", input=Input(height=32, width=16), network=network)
    torch.manual_seed(seed)
    save_model(folder, build_model(network, 0), Card(recipe, 0, seed, 0))
    return folder


@pytest.fixture(scope="session")
def small_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_small(tmp_path_factory.mktemp("model") / "small", 0)


@pytest.fixture(scope="session")
def other_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_small(tmp_path_factory.mktemp("model") / "other", 1)


@pytest.fixture(scope="session")
def embedder(small_model: Path) -> Embedder:
    return load(small_model, device="cpu")


@pytest.fixture
def memory_place() -> str:
    """Where a gallery of this process may be made."""
    return f"memory://crops-{next(_NUMBERS)}"


@pytest.fixture
def gallery(memory_place: str, embedder: Embedder) -> Iterator[Gallery]:
    """An empty gallery of the small model."""
    with Gallery.create(memory_place, embedder) as made:
        yield made


def draw(path: Path, seed: int) -> Path:
    """A small JPEG of noise, another one for another seed."""
    pixels = np.random.default_rng(seed).integers(0, 256, (24, 12, 3), np.uint8)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(simplejpeg.encode_jpeg(pixels))
    return path


@pytest.fixture
def crops(tmp_path: Path) -> Path:
    """A folder of ten different crops with names like Market-1501's: 5 persons, 2 cameras."""
    for number in range(10):
        name = f"{number // 2 + 1:04d}_c{number % 2 + 1}s1_{number:06d}_01.jpg"
        draw(tmp_path / "crops" / name, number)
    return tmp_path / "crops"
