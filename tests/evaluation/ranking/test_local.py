"""Aligned distances of query and gallery against a literal program over pairs."""

import math

import numpy as np
import pytest

from passerby.evaluation.evaluate import evaluate
from passerby.evaluation.ranking.distances import VectorDistances
from passerby.evaluation.ranking.local import LocalDistances, distances_of
from passerby.tables.embeddings import Embeddings


def slowly(one, other):
    """The dynamic programme of the paper, cell by cell."""
    steps = [
        [math.tanh(math.dist(a.tolist(), b.tolist()) / 2) for b in other.astype(float)]
        for a in one.astype(float)
    ]
    best = {}
    for i, row in enumerate(steps):
        for j, step in enumerate(row):
            before = [best[c] for c in ((i - 1, j), (i, j - 1)) if c in best]
            best[i, j] = step + min(before, default=0.0)
    return best[len(steps) - 1, len(steps[0]) - 1]


def stripes(count, seed, shape=(4, 5)):
    found = np.random.default_rng(seed).normal(size=(count, *shape)).astype(np.float32)
    return found / np.linalg.norm(found, axis=2, keepdims=True)


@pytest.mark.parametrize("rows", [slice(0, 20), slice(3, 4), slice(15, 18), slice(18, 99)])
def test_against_the_literal_programme(rows):
    query, gallery = stripes(20, 0), stripes(7, 1)
    expected = [[slowly(a, b) for b in gallery] for a in query[rows]]
    distances = LocalDistances(query, gallery)
    assert distances.shape == (20, 7)
    block = distances.block(rows)
    assert block.dtype == np.float32
    np.testing.assert_allclose(block, expected, atol=1e-4)


def test_an_entry_does_not_depend_on_the_block_and_copies_are_equal():
    query, gallery = stripes(40, 0, (8, 16)), stripes(600, 1, (8, 16))
    gallery[590] = gallery[3]
    distances = LocalDistances(query, gallery)
    whole = distances.block(slice(0, 40))
    for start, stop in ((0, 1), (15, 17), (33, 40), (20, 20)):
        np.testing.assert_array_equal(distances.block(slice(start, stop)), whole[start:stop])
    np.testing.assert_array_equal(whole[:, 590], whole[:, 3])
    whole[:] = np.inf  # the caller's own
    assert np.isfinite(distances.block(slice(0, 40))).all()


def shifted(seed=0):
    """Ten persons; the gallery shows them one stripe lower, with what lies above at the top."""
    rng = np.random.default_rng(seed)
    bodies = stripes(10, seed, (6, 8))
    above = stripes(10, seed + 1, (1, 8))
    lower = np.concatenate([above, bodies[:, :-1]], axis=1)
    vectors = rng.normal(size=(10, 3)).astype(np.float32)
    persons = np.arange(10)
    query = Embeddings(vectors, persons, np.zeros(10, np.int64), local=bodies)
    gallery = Embeddings(vectors[::-1].copy(), persons, np.ones(10, np.int64), local=lower)
    return query, gallery


def test_stripes_find_a_shifted_body_and_the_sum_is_the_sum():
    query, gallery = shifted()
    local = distances_of(query, gallery, "local")
    assert evaluate(query, gallery, distances=local).rank1 == 100
    alone = distances_of(query, gallery, "global")
    both = distances_of(query, gallery, "both")
    whole = slice(0, 10)
    expected = 2 * VectorDistances(query.vectors, gallery.vectors).block(whole)
    np.testing.assert_array_equal(alone.block(whole) * 2, expected)
    np.testing.assert_allclose(both.block(whole), expected + local.block(whole), rtol=1e-6)


def test_refusals():
    query, gallery = stripes(3, 0), stripes(3, 1)
    with pytest.raises(ValueError, match=r"query stripes are \[4, 5\] and gallery stripes \[3, 5"):
        LocalDistances(query, gallery[:, :3])
    gallery[1, 2, 3] = np.nan
    with pytest.raises(ValueError, match="gallery stripes hold NaN"):
        LocalDistances(query, gallery)
    plain = Embeddings(np.eye(3), [0, 1, 2])
    with pytest.raises(ValueError, match="'both' needs local vectors"):
        distances_of(plain, plain, "both")
