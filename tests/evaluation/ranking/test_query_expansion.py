"""Query expansion and database augmentation against loops."""

import math

import numpy as np
import pytest

from passerby.evaluation.evaluate import evaluate
from passerby.evaluation.ranking import query_expansion
from passerby.evaluation.ranking.query_expansion import augment_database, expand_queries
from passerby.tables.embeddings import Embeddings


def people(*, queries=20, images=90, width=12, persons=10, noise=0.8, seed=0):
    """Vectors around one centre a person."""
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(persons, width))

    def part(count):
        numbers = rng.integers(0, persons, count)
        vectors = centres[numbers] + noise * rng.normal(size=(count, width))
        return Embeddings(
            vectors,
            numbers,
            rng.integers(1, 4, count),
            images=[f"{place}.jpg" for place in range(count)],
            model="net",
        )

    return part(queries), part(images)


def unit(vectors):
    vectors = vectors.astype(np.float64)
    return vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)


def reference(own, gallery, k, alpha, others):
    """One vector at a time; with ``others`` a vector is no neighbour of itself."""
    own, gallery = unit(own), unit(gallery)
    expanded = []
    for place, vector in enumerate(own):
        cosines = gallery @ vector
        rows = [row for row in range(len(gallery)) if not (others and row == place)]
        near = sorted(rows, key=lambda row: (-cosines[row], row))[:k]
        expanded.append(vector + sum(max(cosines[r], 0) ** alpha * gallery[r] for r in near))
    return unit(np.array(expanded))


@pytest.mark.parametrize("k", [1, 5, 89, 1000])
@pytest.mark.parametrize("alpha", [0.0, 1.0, 2.5, 3.0])
def test_against_loops(k, alpha):
    query, gallery = people()
    np.testing.assert_allclose(
        expand_queries(query, gallery, k, alpha).vectors,
        reference(query.vectors, gallery.vectors, k, alpha, others=False),
        atol=1e-5,
    )
    np.testing.assert_allclose(
        augment_database(gallery, k, alpha).vectors,
        reference(gallery.vectors, gallery.vectors, k, alpha, others=True),
        atol=1e-5,
    )


@pytest.mark.parametrize("block", [1, 7, 1000])
def test_blocks_change_nothing(block, monkeypatch):
    query, gallery = people()
    expanded, augmented = expand_queries(query, gallery), augment_database(gallery)
    monkeypatch.setattr(query_expansion, "_BLOCK", block)
    again = expand_queries(query, gallery).vectors
    np.testing.assert_allclose(again, expanded.vectors, atol=1e-6)
    again = augment_database(gallery).vectors
    np.testing.assert_allclose(again, augmented.vectors, atol=1e-6)


def test_everything_but_the_vectors_is_kept():
    query, gallery = people()
    before = query.vectors.copy()
    expanded = expand_queries(query, gallery)
    for name in ("persons", "cameras", "images", "model"):
        assert getattr(expanded, name) is getattr(query, name)
    np.testing.assert_array_equal(query.vectors, before)
    assert expanded.vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(expanded.vectors, axis=1), 1, atol=1e-6)


def test_copies_are_neighbours_of_each_other():
    """Two equal images of three: each has the other as its nearest, not itself."""
    gallery = Embeddings([[2.0, 0.0], [2.0, 0.0], [0.0, 5.0]], [1, 1, 2])
    np.testing.assert_allclose(
        augment_database(gallery, k=1).vectors, [[1, 0], [1, 0], [0, 1]], atol=1e-6
    )


def test_they_help():
    query, gallery = people(queries=80, images=500, noise=1.3, seed=2)
    plain = evaluate(query, gallery).mean_average_precision
    expanded = evaluate(expand_queries(query, gallery), gallery).mean_average_precision
    augmented = augment_database(gallery)
    both = evaluate(expand_queries(query, augmented), augmented).mean_average_precision
    assert plain + 1 < expanded < both


def test_slips_are_named():
    query, gallery = people()
    with pytest.raises(ValueError, match="k must be at least 1, got 0"):
        expand_queries(query, gallery, k=0)
    for alpha in (-1, math.nan, math.inf):
        with pytest.raises(ValueError, match="alpha must be 0 or more, got"):
            augment_database(gallery, alpha=alpha)
    with pytest.raises(ValueError, match="needs a gallery, got one without images"):
        expand_queries(query, gallery[[]])
    with pytest.raises(ValueError, match="at least 2 gallery images, got 1"):
        augment_database(gallery[[4]])
    with pytest.raises(ValueError, match="have 12 dimensions and gallery vectors 5"):
        expand_queries(query, people(width=5)[1])
    gallery.vectors[3] = 0
    with pytest.raises(ValueError, match="gallery row 3 is a zero vector"):
        expand_queries(query, gallery)
    assert len(expand_queries(query[[]], people()[1])) == 0
