"""Thresholds from distances that nobody has labelled, on populations whose truth is known."""

import numpy as np
import pytest

from passerby.evaluation.decisions.unlabelled import (
    LEAST_RATE,
    Mixture,
    unlabelled_distances,
)


def drawn(strangers, same, seed=0, *, skewness=-0.33, tails=1.02, root=0.65):
    """Distances of strangers, whose shape is given, and of the same persons."""
    random = np.random.default_rng(seed)
    z = np.sinh((np.arcsinh(random.normal(size=strangers)) + skewness) / tails)
    return np.clip(1 + 0.15 * z, 0, 2), np.clip(random.normal(root, 0.13, same), 0.05, 2) ** 2


def rate(strangers, threshold):
    return float((strangers < threshold).mean())


@pytest.mark.parametrize("share", [0.0, 0.004, 0.015, 0.03])
@pytest.mark.parametrize("seed", [0, 1])
def test_the_stated_rate_is_the_realised_one_whatever_share_is_of_one_person(share, seed):
    strangers, same = drawn(200_000, int(200_000 * share), seed)
    found = unlabelled_distances(np.concatenate([strangers, same]))
    assert 0.0003 < rate(strangers, found.threshold(1e-3)) < 0.002
    assert 0.005 < rate(strangers, found.threshold(1e-2)) < 0.015
    assert abs(found.same_share - share) < 0.005 + share / 3
    plain = np.quantile(np.concatenate([strangers, same]), 1e-3)
    if share > 0.01:  # the plain quantile is of the same persons alone
        assert rate(strangers, plain) < 1e-4


@pytest.mark.parametrize(("skewness", "tails"), [(-0.45, 0.95), (-0.25, 1.0), (-0.35, 1.1)])
@pytest.mark.parametrize("root", [0.5, 0.75])
def test_the_shape_and_the_same_persons_place_are_learnt_where_they_differ(skewness, tails, root):
    strangers, same = drawn(200_000, 2_000, skewness=skewness, tails=tails, root=root)
    found = unlabelled_distances(np.concatenate([strangers, same]))
    assert 0.0003 < rate(strangers, found.threshold(1e-3)) < 0.002
    assert 0.005 < rate(strangers, found.threshold(1e-2)) < 0.015


def test_nothing_is_likelier_than_what_was_found():
    """The fit beside what a search without derivatives finds from there."""
    distances = np.concatenate(drawn(50_000, 500))
    edges = np.quantile(distances, np.linspace(0, 1, 60) ** 2)
    mixture = Mixture(edges, np.histogram(distances, edges)[0] / 50_500, 1.0)
    values = mixture.fitted(distances.std())
    random = np.random.default_rng(0)
    least = mixture.lost(values)
    for size in (1e-1, 1e-2, 1e-3):
        for _ in range(200):
            assert mixture.lost(values + size * random.normal(size=len(values))) > least - 1e-4


def test_rates_and_thresholds_are_inverse_to_each_other():
    found = unlabelled_distances(np.concatenate(drawn(50_000, 500)))
    rates = np.array([1e-3, 1e-2, 0.1, 0.5])
    thresholds = [found.threshold(r) for r in rates.tolist()]
    assert thresholds == sorted(thresholds)
    np.testing.assert_allclose(found.false_match_rates(thresholds), rates, rtol=1e-6)
    assert found.false_match_rates([0.0]).tolist() == [found.least_rate]


def test_the_populations_follow_the_scale_of_the_distances():
    distances = np.concatenate(drawn(50_000, 500))
    one, half = unlabelled_distances(distances), unlabelled_distances(distances * 0.9)
    assert half.threshold(1e-3) == pytest.approx(0.9 * one.threshold(1e-3), rel=0.03)


def test_what_so_few_pairs_cannot_show_is_not_said():
    found = unlabelled_distances(drawn(5_000, 0)[0])
    assert found.least_rate == 10 / 5_000
    assert found.threshold(1e-3) is None
    many = unlabelled_distances(drawn(400_000, 0)[0])
    assert (many.least_rate, many.threshold(1e-5)) == (LEAST_RATE, None)
    for wrong in (0.0, 1.0):
        with pytest.raises(ValueError, match="must be between 0 and 1"):
            many.threshold(wrong)


@pytest.mark.parametrize(
    ("distances", "message"),
    [(np.ones(999), "at least 1,000 pairs"), (np.ones(2_000), "at one distance")],
)
def test_too_few_pairs_and_equal_ones_are_refused(distances, message):
    with pytest.raises(ValueError, match=message):
        unlabelled_distances(distances)
