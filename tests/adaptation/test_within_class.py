"""Within-class covariance: against loops and a full inverse root, and what it is for."""

import numpy as np
import pytest
import scipy.linalg

from passerby.adaptation.within_class import blended, of_covariance, within_class
from passerby.evaluation.evaluate import evaluate
from passerby.tables.embeddings import Embeddings


def people(persons: int = 40, images: int = 4, wide: int = 12) -> tuple[np.ndarray, np.ndarray]:
    """Persons [N] and vectors [N, D] that vary much in two directions, whoever it is."""
    random = np.random.default_rng(0)
    numbers = np.repeat(np.arange(persons), images)
    spread = np.append([4.0, 2.0], np.full(wide - 2, 0.2))
    looks = random.normal(size=(persons, wide))[numbers]
    vectors = looks + random.normal(size=(len(numbers), wide)) * spread
    return numbers, vectors.astype(np.float32)


def test_the_covariance_is_that_of_loops() -> None:
    persons, vectors = people(wide=6)
    persons[:3] = [900, 901, 902]  # seen once: they say nothing
    total, free = np.zeros((6, 6)), 0
    for person in np.unique(persons):
        own = vectors[persons == person].astype(float)
        for image in own:
            apart = image - own.mean(axis=0)
            total += np.outer(apart, apart)
        free += len(own) - 1
    found = within_class(vectors, persons, rank=5)
    assert found.images == free
    np.testing.assert_allclose(found.covariance, total / free, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("shrinkage", [0.1, 1.0])
def test_vectors_are_multiplied_by_the_inverse_root_up_to_one_number(shrinkage: float) -> None:
    persons, vectors = people(wide=6)
    found = within_class(vectors, persons, rank=5)
    wide = found.covariance
    shrunk = wide + shrinkage * np.trace(wide) / 6 * np.eye(6)
    expected = vectors @ np.linalg.inv(scipy.linalg.sqrtm(shrunk)).real
    made = found.damped(vectors, shrinkage)
    ratio = (made * expected).sum() / (expected**2).sum()
    np.testing.assert_allclose(made, ratio * expected, rtol=1e-3, atol=1e-4)


def test_what_varies_within_persons_counts_less() -> None:
    persons, vectors = people()
    found = within_class(vectors, persons, rank=2)
    cameras = np.tile(np.arange(4), 40)
    before = Embeddings(vectors, persons, cameras)
    after = Embeddings(found.damped(vectors, 0.1), persons, cameras)
    assert evaluate(after, after).rank1 > evaluate(before, before).rank1 + 20
    assert (np.diff(found.factors()) >= 0).all()


def test_a_prior_counts_for_so_many_images() -> None:
    prior = of_covariance(np.diag([3.0, 1.0, 1.0]), 1000, rank=2)
    own = of_covariance(np.diag([1.0, 1.0, 5.0]), 100, rank=2)
    both = blended(prior, own, 300)
    np.testing.assert_allclose(both.covariance, np.diag([2.5, 1.0, 2.0]), atol=1e-5)


def test_nobody_twice_is_refused() -> None:
    with pytest.raises(ValueError, match="nobody has two images"):
        within_class(np.eye(3, dtype=np.float32), np.arange(3))
