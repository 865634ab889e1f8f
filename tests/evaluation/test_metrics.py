"""Metrics against sorting and counting."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from passerby.evaluation.metrics import (
    average_precision,
    cumulative_matches,
    inverse_negative_penalty,
    ranks_of_matches,
)


@st.composite
def lists_with_matches(draw):
    """Distances with many ties, some infinite (ignored), and rows of finite ones that match."""
    values = st.sampled_from([0.0, 0.1, 0.2, 0.5, 1.0, np.inf])
    distances = draw(st.lists(values, min_size=1, max_size=30))
    finite = [row for row, value in enumerate(distances) if value < np.inf]
    if not finite:
        distances[0], finite = 0.3, [0]
    matches = draw(st.lists(st.sampled_from(finite), min_size=1, unique=True))
    return np.array(distances, np.float32), np.array(sorted(matches))


@given(lists_with_matches())
def test_ranks_are_those_of_a_stable_sort(case):
    distances, matches = case
    order = sorted(range(len(distances)), key=lambda row: (distances[row], row))
    expected = sorted(order.index(match) + 1 for match in matches)
    assert ranks_of_matches(distances, matches).tolist() == expected


@given(st.sets(st.integers(1, 60), min_size=1))
def test_precision_and_penalty(ranks):
    ranks = sorted(ranks)
    precisions, found = [], 0
    for rank in range(1, ranks[-1] + 1):
        if rank in ranks:
            found += 1
            precisions.append(found / rank)
    assert average_precision(np.array(ranks)) == pytest.approx(sum(precisions) / len(ranks))
    assert inverse_negative_penalty(np.array(ranks)) == len(ranks) / ranks[-1]


@given(st.lists(st.integers(1, 30), min_size=1, max_size=20), st.integers(1, 40))
def test_cumulative_matches(first_ranks, top):
    cmc = cumulative_matches(np.array(first_ranks), top)
    assert cmc.shape == (top,)
    assert (np.diff(cmc) >= 0).all()
    for k in range(1, top + 1):
        hits = sum(rank <= k for rank in first_ranks)
        assert cmc[k - 1] == pytest.approx(hits / len(first_ranks))
