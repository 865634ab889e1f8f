"""Hubness: against loops over all pairs, and that hubs stand back."""

import numpy as np

from passerby.adaptation.hubness import CorrectedDistances, crowding
from passerby.evaluation.evaluate import evaluate
from passerby.tables.embeddings import Embeddings


def unit_vectors(count: int, seed: int) -> np.ndarray:
    made = np.random.default_rng(seed).normal(size=(count, 8))
    return (made / np.linalg.norm(made, axis=1, keepdims=True)).astype(np.float32)


def slow_crowding(vector: np.ndarray, others: list[np.ndarray], neighbours: int) -> float:
    cosines = sorted((float(vector @ other) for other in others), reverse=True)
    return sum(cosines[:neighbours]) / len(cosines[:neighbours])


def test_crowding_is_the_mean_of_the_nearest_others() -> None:
    vectors, among = unit_vectors(5, 0), unit_vectors(40, 1)
    expected = [slow_crowding(v, [*among], 10) for v in vectors]
    np.testing.assert_allclose(crowding(vectors, among), expected, atol=1e-6)
    own = [slow_crowding(among[i], [*np.delete(among, i, axis=0)], 3) for i in range(40)]
    np.testing.assert_allclose(crowding(among, among, 3), own, atol=1e-6)
    assert crowding(among[:1], among[:1]).tolist() == [0.0]
    assert np.isfinite(crowding(among[:3], among[:3], 10)).all()


def test_the_order_is_that_of_the_paper() -> None:
    query = Embeddings(unit_vectors(6, 2), np.zeros(6, int))
    gallery = Embeddings(unit_vectors(30, 3), np.zeros(30, int))
    made = CorrectedDistances(query, gallery).block(slice(0, 6))
    shown = crowding(gallery.vectors, gallery.vectors)
    asked = crowding(query.vectors, gallery.vectors)
    paper = 2 * query.vectors @ gallery.vectors.T - asked[:, None] - shown
    assert np.array_equal(np.argsort(made, axis=1), np.argsort(-paper, axis=1))


def test_a_hub_is_nobodys_nearest_any_more() -> None:
    """Twenty persons and an image in the middle of all, which is nearest to every faint query."""
    random = np.random.default_rng(0)
    looks = np.eye(20) + 0.05
    middle = looks.mean(axis=0)
    gallery = Embeddings(np.vstack([looks, middle]), [*range(20), 99])
    query = Embeddings(looks + 3 * middle + 0.01 * random.normal(size=(20, 20)), range(20))
    assert evaluate(query, gallery, camera_rule=False).rank1 == 0
    corrected = CorrectedDistances(query, gallery)
    assert evaluate(query, gallery, camera_rule=False, distances=corrected).rank1 == 100
