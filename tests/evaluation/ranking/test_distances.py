"""Distances against loops, and what they refuse."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from passerby.evaluation.ranking.distances import VectorDistances


def cosine_distance(a, b):
    product = sum(x * y for x, y in zip(a, b, strict=True))
    return 1 - product / math.sqrt(sum(x * x for x in a)) / math.sqrt(sum(y * y for y in b))


def euclidean_distance(a, b):
    return math.sqrt(sum((x - y) ** 2 for x, y in zip(a, b, strict=True)))


SLOW = {"cosine": cosine_distance, "euclidean": euclidean_distance}


def random_vectors(count, width, seed):
    return np.random.default_rng(seed).normal(size=(count, width)).astype(np.float32)


@pytest.mark.parametrize("metric", SLOW)
@pytest.mark.parametrize("width", [1, 3, 17])
@pytest.mark.parametrize("rows", [slice(0, 7), slice(2, 3), slice(5, 99), slice(7, 9)])
def test_against_loops(metric, width, rows):
    query, gallery = random_vectors(7, width, 0), random_vectors(5, width, 1)
    gallery[4] = gallery[1]
    distances = VectorDistances(query, gallery, metric)
    expected = [
        [SLOW[metric](a, b) for b in gallery.astype(float)] for a in query[rows].astype(float)
    ]
    assert distances.shape == (7, 5)
    block = distances.block(rows)
    assert block.dtype == np.float32
    np.testing.assert_allclose(block, np.reshape(expected, (-1, 5)), atol=2e-3)


@pytest.mark.parametrize("metric", SLOW)
def test_a_block_may_be_overwritten(metric):
    distances = VectorDistances(random_vectors(3, 4, 0), random_vectors(5, 4, 1), metric)
    first = distances.block(slice(0, 3))
    kept = first.copy()
    first[:] = np.inf
    np.testing.assert_array_equal(distances.block(slice(0, 3)), kept)


@given(st.lists(st.tuples(st.integers(0, 310), st.integers(0, 310)), min_size=1, max_size=6))
@settings(max_examples=30)
def test_an_entry_does_not_depend_on_the_block(slices):
    distances = VectorDistances(random_vectors(300, 33, 0), random_vectors(1100, 33, 1))
    whole = distances.block(slice(0, 300))
    for start, stop in slices:
        np.testing.assert_array_equal(distances.block(slice(start, stop)), whole[start:stop])
        np.testing.assert_array_equal(distances.block(slice(start, None)), whole[start:])


def test_block_rows_fill_64_mib_in_whole_tiles():
    query = np.ones((3000, 1), np.float32)
    for images, rows in ((0, 2944), (100, 2944), (20_000, 768), (150_000, 64), (1_500_000, 16)):
        gallery = np.ones((images, 1), np.float32)
        assert VectorDistances(query, gallery).block_rows == rows


@pytest.mark.parametrize("metric", SLOW)
def test_distances_are_never_negative(metric):
    vectors = random_vectors(50, 64, 2) * 100
    block = VectorDistances(vectors, vectors, metric).block(slice(0, 50))
    assert (block >= 0).all()
    assert (block.argmin(axis=1) == np.arange(50)).all()


@given(
    st.sampled_from(["cosine", "euclidean"]),
    st.sampled_from([1, 2, 7, 16, 64, 513]),
    st.tuples(st.sampled_from([1, 3, 22, 103]), st.integers(2, 12) | st.integers(13, 200)),
    st.integers(0, 10**6),
)
@settings(max_examples=300)
def test_equal_gallery_vectors_have_equal_distances(metric, width, counts, seed):
    """A plain matrix product rounds some of them differently, depending on these sizes."""
    queries, count = counts
    original = np.random.default_rng(seed).integers(0, count, count)
    gallery = random_vectors(count, width, seed)[original]
    distances = VectorDistances(random_vectors(queries, width, seed + 1), gallery, metric)
    block = distances.block(slice(0, queries))
    first = [original.tolist().index(row) for row in original]
    np.testing.assert_array_equal(block, block[:, first])


@pytest.mark.parametrize("metric", SLOW)
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("part", ["query", "gallery"])
def test_vectors_that_are_not_finite_are_refused(metric, bad, part):
    vectors = {"query": random_vectors(4, 3, 0), "gallery": random_vectors(4, 3, 1)}
    vectors[part][1] = vectors[part][3] = bad
    with pytest.raises(ValueError, match=f"2 {part} vectors hold NaN or .* first in row 1"):
        VectorDistances(vectors["query"], vectors["gallery"], metric)


@pytest.mark.parametrize("part", ["query", "gallery"])
def test_zero_vectors_have_no_cosine(part):
    vectors = {"query": random_vectors(4, 3, 0), "gallery": random_vectors(4, 3, 1)}
    vectors[part][2] = 0
    with pytest.raises(ValueError, match=f"{part} row 2 is a zero vector"):
        VectorDistances(vectors["query"], vectors["gallery"], "cosine")
    block = VectorDistances(vectors["query"], vectors["gallery"], "euclidean").block(slice(0, 4))
    assert np.isfinite(block).all()


def test_other_slips_are_named():
    with pytest.raises(ValueError, match="query vectors have 3 dimensions and gallery vectors 4"):
        VectorDistances(random_vectors(2, 3, 0), random_vectors(2, 4, 0))
    with pytest.raises(ValueError, match="metric must be 'cosine' or 'euclidean', got 'l2'"):
        VectorDistances(random_vectors(2, 3, 0), random_vectors(2, 3, 0), "l2")
