"""Agreement of groups with persons, against all pairs one by one, and scikit-learn's figures."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from passerby.gallery.link.agreement import agreement


def slowly(persons, groups, cameras):
    """Pairwise and B-cubed figures by looking at every pair and every sighting."""
    counts = {"all": [0, 0, 0], "across": [0, 0, 0]}
    for a, b in combinations(range(len(persons)), 2):
        same, together = persons[a] == persons[b], groups[a] == groups[b]
        for name in ("all", "across") if cameras[a] != cameras[b] else ("all",):
            counts[name] = np.add(counts[name], [same and together, together, same])
    precision, recall = [], []
    for row in range(len(persons)):
        group = [k for k in range(len(persons)) if groups[k] == groups[row]]
        person = [k for k in range(len(persons)) if persons[k] == persons[row]]
        common = len(set(group) & set(person))
        precision.append(common / len(group))
        recall.append(common / len(person))
    return counts, np.mean(precision), np.mean(recall)


@pytest.mark.parametrize("seed", range(6))
def test_figures_are_those_of_all_pairs(seed):
    random = np.random.default_rng(seed)
    count = 40
    persons = random.integers(0, 3 + 3 * seed, count).astype(str)
    groups = np.where(random.random(count) < 0.6, persons, random.integers(0, 9, count).astype(str))
    cameras = random.integers(0, 3, count)
    counts, precision, recall = slowly(persons, groups, cameras)
    found = agreement(persons, groups, cameras)
    for score, name in ((found.pairs, "all"), (found.across_cameras, "across")):
        right, together, same = counts[name]
        assert score.precision == pytest.approx(right / together)
        assert score.recall == pytest.approx(right / same)
        assert score.f1 == pytest.approx(2 * right / (together + same))
    assert found.b_cubed.precision == pytest.approx(precision)
    assert found.b_cubed.recall == pytest.approx(recall)
    metrics = pytest.importorskip("sklearn.metrics")
    assert found.adjusted_rand == pytest.approx(metrics.adjusted_rand_score(persons, groups))
    matrix = metrics.cluster.pair_confusion_matrix(persons, groups)
    assert found.pairs.recall == pytest.approx(matrix[1, 1] / (matrix[1, 1] + matrix[1, 0]))


def test_perfect_all_apart_and_all_together():
    persons = ["a", "a", "b", "b", "c"]
    perfect = agreement(persons, [5, 5, 1, 1, 9])
    assert (perfect.pairs.f1, perfect.b_cubed.f1, perfect.adjusted_rand) == (1, 1, 1)
    assert perfect.across_cameras is None
    apart = agreement(persons, range(5))
    assert (apart.pairs.precision, apart.pairs.recall, apart.adjusted_rand) == (1, 0, 0)
    together = agreement(persons, [0] * 5, [1] * 5)
    assert (together.pairs.precision, together.pairs.recall) == (0.2, 1)
    assert together.across_cameras.precision == 1  # nothing that could be wrong
    assert "5 sightings of 3 persons in 1 group" in str(together)


def test_nothing_and_one():
    assert agreement([], []).adjusted_rand == 1
    assert agreement(["a"], [3]).b_cubed.f1 == 1


def test_columns_of_other_lengths_are_refused():
    with pytest.raises(ValueError, match="as many groups as persons, got 1 and 2"):
        agreement(["a", "b"], [1])
    with pytest.raises(ValueError, match="expected 2 cameras, got 3"):
        agreement(["a", "b"], [1, 2], [1, 2, 3])


def test_large_groups_are_counted_exactly():
    groups = np.repeat([0, 1], 600_000)
    found = agreement(groups, groups)
    assert found.pairs.f1 == found.adjusted_rand == 1
