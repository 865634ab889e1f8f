"""A small model that galleries are made of, and crops to fill them with; simulated persons."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import pytest
import simplejpeg
import torch
from numpy.typing import NDArray

from passerby.config import Input, Network, Recipe
from passerby.embedding.embedder import Embedder, load
from passerby.embeddings import Embeddings
from passerby.evaluation.calibration import Calibration, calibrate
from passerby.gallery.about import About
from passerby.gallery.gallery import Gallery
from passerby.gallery.sightings import Sightings
from passerby.gallery.stores.memory import MemoryStore
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


@dataclass
class Crowd:
    """Persons in all directions alike, so that one distance says all that can be known."""

    width: int = 12
    noise: float = 0.26
    seed: int = 0

    def __post_init__(self) -> None:
        self.random = np.random.default_rng(self.seed)

    def persons(self, count: int) -> NDArray[np.float64]:
        """Their centres [count, width]."""
        return self._unit(self.random.normal(size=(count, self.width)))

    def shots(self, centres: NDArray[np.float64], noise: float | None = None) -> NDArray:
        """A picture of each centre."""
        spread = self.noise if noise is None else noise
        return self._unit(centres + spread * self.random.normal(size=centres.shape))

    def labelled(self, persons: int, cameras: int = 4, images: int = 1) -> Embeddings:
        """Images of further persons, ``images`` by each camera."""
        numbers = np.repeat(np.arange(persons), cameras * images)
        views = np.tile(np.repeat(np.arange(cameras), images), persons)
        return Embeddings(self.shots(self.persons(persons)[numbers]), numbers, views, model="crowd")

    @staticmethod
    def _unit(vectors: NDArray[np.float64]) -> NDArray[np.float64]:
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


@pytest.fixture(scope="session")
def crowd_calibration() -> Calibration:
    """Of the distances of single pictures of a crowd."""
    return calibrate(Crowd(seed=1).labelled(400), replicates=2)


@pytest.fixture(scope="session")
def pooled_calibration() -> Calibration:
    """Of pooled queries of 2 to 4 pictures of a crowd."""
    return calibrate(Crowd(seed=2).labelled(150, cameras=3, images=4), images=4, replicates=2)


@pytest.fixture(scope="session")
def sharp_about() -> About:
    """A gallery of a model that tells the crowd apart well: noise of 0.08 in each direction."""
    calibration = calibrate(Crowd(seed=3, noise=0.08).labelled(200), replicates=2)
    return About("crowd", "plain", 12, calibrations={"single": asdict(calibration)})


@pytest.fixture
def crowd() -> Crowd:
    return Crowd()


@pytest.fixture
def crowd_about(crowd_calibration: Calibration, pooled_calibration: Calibration) -> About:
    kinds = {"single": asdict(crowd_calibration), "pooled": asdict(pooled_calibration)}
    return About("crowd", "plain", 12, calibrations=kinds)


@pytest.fixture
def make_store(crowd_about: About) -> Callable[..., MemoryStore]:
    """Makes a store of vectors: ``make_store(vectors, persons=[...], about=...)``."""

    def make(vectors, *, about: About | None = None, **columns) -> MemoryStore:
        store = MemoryStore.create(f"memory://crowd-{next(_NUMBERS)}", about or crowd_about)
        ids = [f"{number:032x}" for number in range(len(vectors))]
        store.write(Sightings(ids, np.reshape(vectors, (len(ids), 12)), **columns))
        return store

    return make
