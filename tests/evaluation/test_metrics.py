"""Metrics against sorting and counting, and expectations against all permutations."""

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from passerby.evaluation import metrics
from passerby.evaluation.metrics import (
    Places,
    average_precisions,
    inverse_negative_penalties,
    places_of_matches,
    score,
)


@st.composite
def lists_with_matches(draw, most=30):
    """Distances with many ties, some infinite (ignored), and rows of finite ones that match."""
    values = st.sampled_from([0.0, 0.1, 0.2, 0.5, 1.0, np.inf])
    distances = draw(st.lists(values, min_size=1, max_size=most))
    finite = [row for row, value in enumerate(distances) if value < np.inf]
    if not finite:
        distances[0], finite = 0.3, [0]
    matches = draw(st.lists(st.sampled_from(finite), min_size=1, unique=True))
    return np.array(distances, np.float32), np.array(sorted(matches))


def ranks_in(order, matches):
    return [rank for rank, row in enumerate(order, 1) if row in matches]


def mean_rule(ranks):
    return sum((i + 1) / rank for i, rank in enumerate(ranks)) / len(ranks)


def trapezoid_rule(ranks):
    """Market-1501's compute_AP, line by line; ranks of a list without ignored images."""
    old_recall, old_precision, area, found = 0.0, 1.0, 0.0, 0
    for rank in range(1, max(ranks) + 1):
        found += rank in ranks
        recall, precision = found / len(ranks), found / rank
        area += (recall - old_recall) * (old_precision + precision) / 2
        old_recall, old_precision = recall, precision
    return area


RULES = {"mean": mean_rule, "trapezoid": trapezoid_rule}


@given(lists_with_matches())
def test_ranks_are_those_of_a_stable_sort(case):
    distances, matches = case
    order = sorted(range(len(distances)), key=lambda row: (distances[row], row))
    places = places_of_matches(distances, matches)
    assert places.ranks.tolist() == ranks_in(order, matches)
    own = sorted(distances[matches])
    assert places.counts.tolist() == [len(matches)]
    assert places.nearer.tolist() == [np.count_nonzero(distances < value) for value in own]
    assert places.level.tolist() == [np.count_nonzero(distances == value) for value in own]


@given(lists_with_matches())
def test_worst_ranks_have_the_matches_last(case):
    distances, matches = case
    order = sorted(range(len(distances)), key=lambda row: (distances[row], row in matches, row))
    places = places_of_matches(distances, matches)
    assert places.worst.ranks.tolist() == ranks_in(order, matches)
    best = sorted(range(len(distances)), key=lambda row: (distances[row], row not in matches, row))
    assert places.best.ranks.tolist() == ranks_in(best, matches)
    depends = ranks_in(order, matches) != ranks_in(best, matches)
    assert places.tied.tolist() == [depends]


@given(lists_with_matches(most=7), st.sampled_from(list(RULES)))
@settings(max_examples=60)
def test_mean_over_ties_is_the_mean_over_all_permutations(case, rule):
    distances, matches = case
    firsts, precisions, penalties, curves = [], [], [], []
    for shuffled in permutations(range(len(distances))):
        order = sorted(shuffled, key=lambda row: distances[row])
        ranks = ranks_in(order, matches)
        firsts.append(ranks[0])
        precisions.append(RULES[rule](ranks))
        penalties.append(len(ranks) / ranks[-1])
        curves.append([ranks[0] <= k for k in range(1, 11)])
    scores = score(places_of_matches(distances, matches), "mean", rule)
    assert scores.first_ranks == pytest.approx([np.mean(firsts)])
    assert scores.average_precisions == pytest.approx([np.mean(precisions)])
    assert scores.inverse_negative_penalties == pytest.approx([np.mean(penalties)])
    np.testing.assert_allclose(scores.cmc(10), np.mean(curves, axis=0), atol=1e-12)


@given(st.lists(lists_with_matches(most=12), min_size=1, max_size=6), st.data())
def test_queries_are_scored_one_by_one(cases, data):
    ties = data.draw(st.sampled_from(["stable", "mean", "worst"]))
    rule = data.draw(st.sampled_from(list(RULES)))
    parts = [places_of_matches(*case) for case in cases]
    alone = [score(part, ties, rule) for part in parts]
    joined = Places.join(parts)
    together = score(joined, ties, rule)
    for name in ("first_ranks", "average_precisions", "inverse_negative_penalties"):
        expected = [getattr(one, name)[0] for one in alone]
        np.testing.assert_allclose(getattr(together, name), expected)
    np.testing.assert_allclose(together.cmc(20), np.mean([one.cmc(20) for one in alone], axis=0))
    assert joined.tied.tolist() == [bool(part.tied[0]) for part in parts]
    for number, part in enumerate(parts):
        np.testing.assert_array_equal(joined.query(number).ranks, part.ranks)


@given(st.sets(st.integers(1, 60), min_size=1), st.sampled_from(list(RULES)))
def test_precision_and_penalty(ranks, rule):
    ranks = sorted(ranks)
    places = places_of_matches(np.arange(60.0), np.array(ranks) - 1)
    assert average_precisions(places, rule) == pytest.approx([RULES[rule](ranks)])
    assert inverse_negative_penalties(places) == pytest.approx([len(ranks) / ranks[-1]])


@given(st.lists(st.integers(1, 30), min_size=1, max_size=20), st.integers(1, 40))
def test_cumulative_matches(first_ranks, top):
    distances = np.arange(30.0)
    places = [places_of_matches(distances, np.array([rank - 1])) for rank in first_ranks]
    cmc = score(Places.join(places)).cmc(top)
    assert cmc.shape == (top,)
    assert (np.diff(cmc) >= 0).all()
    for k in range(1, top + 1):
        hits = sum(rank <= k for rank in first_ranks)
        assert cmc[k - 1] == pytest.approx(hits / len(first_ranks))


def test_large_ties_do_not_overflow():
    distances = np.zeros(100_000)
    scores = score(places_of_matches(distances, np.arange(300)), "mean")
    assert scores.first_ranks[0] == pytest.approx(100_001 / 301)
    # The expected precision at each rank of a shuffled list is nearly the share of matches.
    assert 0.003 < scores.average_precisions[0] < 0.0032
    assert scores.cmc(100_000)[-1] == pytest.approx(1)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_match_must_have_a_distance(value):
    with pytest.raises(ValueError, match="distances hold NaN, or a match is infinitely far"):
        places_of_matches(np.array([1, value]), np.array([1]))


def test_no_distance_may_be_nan():
    with pytest.raises(ValueError, match="distances hold NaN"):
        places_of_matches(np.array([1, np.nan]), np.array([0]))


@given(st.lists(st.integers(0, 6), min_size=1, max_size=40), st.data())
def test_comparing_counts_as_sorting_does(numbers, data):
    distances = np.array([*numbers, np.inf], np.float32)
    chosen = data.draw(st.lists(st.sampled_from(range(len(numbers))), min_size=1, unique=True))
    own = np.sort(distances[chosen])
    for counted, sorted_ in zip(
        metrics._compare(distances, own), metrics._look_up(distances, own), strict=True
    ):
        assert counted.dtype == sorted_.dtype == np.int64
        assert counted.tolist() == sorted_.tolist()


@pytest.mark.parametrize("fast", [False, True])
@pytest.mark.parametrize("most", [0, 3, 1000])
def test_places_do_not_depend_on_how_numpy_sorts(fast, most, monkeypatch):
    random = np.random.default_rng(0)
    distances = random.integers(0, 9, 60).astype(np.float32)
    matches = np.sort(random.choice(60, 7, replace=False))
    expected = places_of_matches(distances, matches)
    monkeypatch.setattr(metrics, "_sorts_fast", lambda: fast)
    monkeypatch.setattr(metrics, "_MOST_COUNTED", most)
    found = places_of_matches(distances, matches)
    for name in ("counts", "nearer", "level", "ranks"):
        assert getattr(found, name).tolist() == getattr(expected, name).tolist()
    for wrong in (np.nan, np.inf):
        distances[matches[0]] = wrong
        with pytest.raises(ValueError, match="NaN, or a match is infinitely far"):
            places_of_matches(distances, matches)
