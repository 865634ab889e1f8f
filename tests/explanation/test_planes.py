"""The plane of principal components against its definition."""

from __future__ import annotations

import numpy as np
import pytest

from passerby.explanation.planes import plane


def vectors(count: int = 40, seed: int = 0) -> np.ndarray:
    random = np.random.default_rng(seed)
    spread = random.normal(size=(count, 2)) @ random.normal(size=(2, 16)) * 3
    return (spread + random.normal(size=(count, 16)) * 0.2 + 4).astype(np.float32)


def test_it_is_the_eigenvectors_of_the_covariance() -> None:
    given = vectors()
    unit = given / np.linalg.norm(given, axis=1, keepdims=True)
    sizes, axes = np.linalg.eigh(np.cov(unit.T.astype(np.float64)))
    made = plane(given)
    for number in (0, 1):
        axis = axes[:, -1 - number]
        axis = axis * np.sign(axis[np.abs(axis).argmax()])
        np.testing.assert_allclose(made.places[:, number], (unit - unit.mean(0)) @ axis, atol=1e-5)
        assert made.shares[number] == pytest.approx(sizes[-1 - number] / sizes.sum(), rel=1e-4)


def test_distances_on_the_plane_are_never_longer() -> None:
    given = vectors()
    unit = given / np.linalg.norm(given, axis=1, keepdims=True)
    flat, whole = (
        np.linalg.norm(points[:, None] - points[None], axis=2)
        for points in (plane(given).places, unit)
    )
    assert (flat <= whole + 1e-5).all()


def test_too_few_vectors_are_refused() -> None:
    with pytest.raises(ValueError, match="three at least, got 2"):
        plane(vectors(2))


def test_tsne_keeps_groups_together() -> None:
    pytest.importorskip("sklearn", reason="scikit-learn is not installed")
    random = np.random.default_rng(0)
    centres = np.eye(16)[:3].repeat(10, axis=0)
    places = plane(
        (centres + 0.01 * random.normal(size=(30, 16))).astype(np.float32), "tsne"
    ).places
    apart = np.linalg.norm(places[:, None] - places[None], axis=2)
    same = np.arange(30)[:, None] // 10 == np.arange(30)[None] // 10
    assert apart[same].max() < apart[~same].min()
