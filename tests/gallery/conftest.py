"""Galleries of a small model; simulated persons."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from passerby.embedding.embedder import Embedder, load
from passerby.evaluation.decisions.calibration import Calibration
from passerby.evaluation.decisions.calibration_fitting import calibrate
from passerby.gallery.gallery import Gallery
from passerby.stores.about import About
from passerby.stores.engines.memory import MemoryStore
from passerby.tables.embeddings import Embeddings
from passerby.tables.sightings import Sightings

_NUMBERS = itertools.count()


@pytest.fixture(scope="session")
def embedder(small_model: Path) -> Embedder:
    """The small model, opened."""
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
    """Of the distances of single pictures of a crowd, whose cameras make no difference."""
    return replace(calibrate(Crowd(seed=1).labelled(400), replicates=2), pairs="any cameras")


@pytest.fixture(scope="session")
def pooled_calibration() -> Calibration:
    """Of pooled queries of 2 to 4 pictures of a crowd."""
    pooled = calibrate(Crowd(seed=2).labelled(150, cameras=3, images=4), images=4, replicates=2)
    return replace(pooled, pairs="any cameras")


@pytest.fixture(scope="session")
def sharp_about() -> About:
    """A gallery of a model that tells the crowd apart well: noise of 0.08 in each direction."""
    across = calibrate(Crowd(seed=3, noise=0.08).labelled(200), replicates=2)
    calibration = replace(across, pairs="any cameras")
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
        about = about or crowd_about
        store = MemoryStore.create(f"memory://crowd-{next(_NUMBERS)}", about)
        ids = [f"{number:032x}" for number in range(len(vectors))]
        store.write(Sightings(ids, np.reshape(vectors, (len(ids), about.dimensions)), **columns))
        return store

    return make
