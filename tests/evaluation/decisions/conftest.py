"""Made people, and a calibration of their distances."""

import numpy as np
import pytest

from passerby.evaluation.decisions.calibration_fitting import calibrate
from passerby.tables.embeddings import Embeddings


def made_people(seed=0, *, persons=80, noise=0.35, cameras=3, images=2, width=16):
    """Images around their person's centre, ``images`` by each camera."""
    random = np.random.default_rng(seed)
    centres = random.normal(size=(persons, width))
    numbers = np.repeat(np.arange(persons), cameras * images)
    views = np.tile(np.repeat(np.arange(cameras), images), persons)
    vectors = centres[numbers] + noise * random.normal(size=(len(numbers), width))
    return Embeddings(vectors, numbers, views, sources=["made"] * len(numbers), model="abc")


@pytest.fixture(scope="session")
def people():
    return made_people


@pytest.fixture(scope="session")
def calibration():
    return calibrate(made_people(), replicates=50)
