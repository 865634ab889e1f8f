"""Copies of vectors against comparing all bytes."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from passerby.evaluation.ranking import copies
from passerby.evaluation.ranking.copies import find_copies


def slow_copies(vectors):
    seen, pairs = {}, []
    for row, vector in enumerate(vectors):
        first = seen.setdefault(vector.tobytes(), row)
        if first != row:
            pairs.append((row, first))
    return pairs


def pairs_of(vectors):
    found = find_copies(vectors)
    return list(zip(found.rows.tolist(), found.originals.tolist(), strict=True))


@given(
    st.integers(0, 5),
    st.lists(st.lists(st.sampled_from([0.0, -0.0, 1.0]), min_size=5, max_size=5), max_size=12),
)
def test_against_bytes(width, rows):
    vectors = np.array(rows, np.float32).reshape(len(rows), 5)[:, :width].copy()
    assert pairs_of(vectors) == slow_copies(vectors)


@pytest.mark.parametrize("width", [1, 63, 64])
def test_many_rows(width):
    rng = np.random.default_rng(width)
    vectors = rng.normal(size=(500, width)).astype(np.float32)[rng.integers(0, 500, 4000)]
    assert pairs_of(vectors) == slow_copies(vectors)
    assert len(pairs_of(np.ones((3000, width), np.float32))) == 2999


def test_rows_of_equal_hash_are_no_copies(monkeypatch):
    monkeypatch.setattr(copies, "_hashes", lambda vectors: np.zeros(len(vectors), np.uint64))
    assert pairs_of(np.float32([[1, 2], [1, 3], [1, 2]])) == [(2, 0)]
