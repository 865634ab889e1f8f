"""Fits against scikit-learn, and against distributions whose likelihood ratio is known."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression

from passerby.evaluation.decisions.likelihood import (
    FITS,
    Curve,
    bigaussian_cllr,
    bigaussian_sigma,
    bounds,
    calibration_error,
    cllr,
    fit_bigaussian,
    fit_isotonic,
    fit_logistic,
    minimum_cllr,
    pool_adjacent_violators,
    probability,
    reliability,
)
from passerby.evaluation.decisions.pairs import PairCounts


def counted(same, different):
    """Pairs in bins as narrow as their distances."""
    values = np.unique(np.concatenate([same, different]))
    edges = np.concatenate([values, [values[-1] + 1e-9]])
    return PairCounts(
        values,
        np.minimum(edges[1:], values + 1e-9),
        np.bincount(np.searchsorted(values, same), minlength=len(values)),
        np.bincount(np.searchsorted(values, different), minlength=len(values)),
    )


def gaussians(seed=0, *, same=4000, different=40000, sigma=2.0):
    """Distances whose LLR is σ (μ − d): normals of variance 1, one σ above the other."""
    random = np.random.default_rng(seed)
    near = 10 + random.normal(size=same)
    far = 10 + sigma + random.normal(size=different)
    return counted(near, far), Curve(
        (0.0, 30.0), tuple(sigma * (10 + sigma / 2 - d) for d in (0, 30))
    )


@pytest.mark.parametrize("method", FITS)
def test_two_gaussians_give_their_analytic_ratio(method):
    counts, truth = gaussians()
    fitted = FITS[method](counts)
    probe = np.linspace(9.5, 12.5, 31)
    tolerance = 0.5 if method == "isotonic" else 0.2
    np.testing.assert_allclose(fitted.llr(probe), truth.llr(probe), atol=tolerance)
    held_out, _ = gaussians(seed=1)
    assert cllr(held_out, fitted) == pytest.approx(cllr(held_out, truth), abs=0.01)
    assert cllr(held_out, truth) == pytest.approx(bigaussian_cllr(2.0), abs=0.015)
    assert calibration_error(reliability(held_out, fitted)) < 0.02


@pytest.mark.parametrize("method", FITS)
def test_the_share_of_pairs_changes_nothing(method):
    # Log-odds of the fit less the log prior odds: the same LLR whatever the mixture was.
    probe = np.linspace(9.5, 12.5, 31)
    few = FITS[method](gaussians(same=2000, different=80000)[0]).llr(probe)
    many = FITS[method](gaussians(same=40000, different=2000)[0]).llr(probe)
    np.testing.assert_allclose(few, many, atol=0.8 if method == "isotonic" else 0.25)


@pytest.mark.parametrize("method", FITS)
def test_what_separates_keeps_a_finite_cost(method):
    counts = counted(np.linspace(0.1, 0.2, 40), np.linspace(0.6, 0.9, 300))
    fitted = FITS[method](counts)
    low, high = bounds(counts)
    assert (low, high) == (-math.log(41), math.log(301))
    probe = fitted.llr(np.linspace(0, 2, 500))
    assert (np.diff(probe) <= 1e-12).all()
    assert low - 1e-9 <= probe.min() < 0 < probe.max() <= high + 1e-9
    assert cllr(counts, fitted) < 0.1
    # One pair of each kind on the wrong side: a cost, not infinity.
    misled = counted(np.array([0.15, 0.8]), np.array([0.12, 0.7]))
    assert 1 < cllr(misled, fitted) < 10


@pytest.mark.parametrize("method", FITS)
def test_no_information_costs_one_bit(method):
    same = np.random.default_rng(0).normal(10, 1, 5000)
    different = np.random.default_rng(1).normal(10, 1, 5000)
    fitted = FITS[method](counted(same, different))
    held_out = counted(same + 0.001, different)
    assert cllr(held_out, fitted) == pytest.approx(1, abs=0.02)
    assert minimum_cllr(held_out) <= 1
    assert cllr(held_out, Curve((0.0,), (0.0,))) == 1


def test_backward_distances_give_no_evidence():
    backward = counted(np.linspace(0.6, 0.9, 50), np.linspace(0.1, 0.2, 50))
    for fit in FITS.values():
        assert abs(fit(backward).llr(0.1)) < 0.1
        assert abs(fit(backward).llr(0.9)) < 0.1


def test_costs_by_hand():
    counts = counted(np.array([1.0, 2.0]), np.array([2.0, 3.0]))
    curve = Curve((1.0, 2.0, 3.0), (math.log(3), 0.0, -math.log(3)))
    expected = (np.mean([math.log2(4 / 3), 1]) + np.mean([1, math.log2(4 / 3)])) / 2
    assert cllr(counts, curve) == pytest.approx(expected, abs=1e-6)
    assert minimum_cllr(counts) == pytest.approx(0.5)
    assert minimum_cllr(counted(np.array([1.0]), np.array([2.0]))) == 0
    assert minimum_cllr(counted(np.array([2.0]), np.array([1.0]))) == pytest.approx(1)


@given(st.lists(st.tuples(st.integers(0, 20), st.integers(1, 5)), min_size=1, max_size=40))
def test_pooling_as_scikit_learn(pairs):
    values, weights = np.array(pairs, float).T
    expected = IsotonicRegression(increasing=False).fit_transform(
        np.arange(len(values)), values, sample_weight=weights
    )
    np.testing.assert_allclose(pool_adjacent_violators(values, weights), expected, atol=1e-9)


def test_isotonic_as_scikit_learn():
    counts, _ = gaussians(same=300, different=900)
    d = np.concatenate([np.repeat(counts.middle, counts.same), [counts.middle[-1]]])
    e = np.concatenate([np.repeat(counts.middle, counts.different), [counts.middle[0]]])
    weights = np.concatenate([np.full(301, 1 / 301), np.full(901, 1 / 901)])
    oracle = IsotonicRegression(increasing=False).fit(
        np.concatenate([d, e]), np.repeat([1.0, 0.0], [301, 901]), sample_weight=weights
    )
    shares = oracle.predict(counts.middle)
    expected = np.log(shares / (1 - shares))
    np.testing.assert_allclose(fit_isotonic(counts).llr(counts.middle), expected, atol=1e-9)


def test_logistic_as_scikit_learn():
    counts, _ = gaussians(same=300, different=900)
    sure = np.array([301 / 302, 901 / 902])
    x = np.concatenate([counts.middle, counts.middle])[:, None]
    positive = counts.same * sure[0] / 300 + counts.different * (1 - sure[1]) / 900
    negative = counts.same * (1 - sure[0]) / 300 + counts.different * sure[1] / 900
    oracle = LogisticRegression(C=1e10, tol=1e-10, max_iter=1000).fit(
        x,
        np.repeat([1, 0], len(counts.middle)),
        sample_weight=1000 * np.concatenate([positive, negative]),
    )
    probe = np.linspace(9.5, 12.5, 5)
    expected = oracle.decision_function(probe[:, None])
    np.testing.assert_allclose(fit_logistic(counts).llr(probe), expected, atol=1e-3)


def test_bigaussian_systems():
    for sigma in (0.5, 2.0, 5.0):
        assert bigaussian_sigma(bigaussian_cllr(sigma)) == pytest.approx(sigma, abs=1e-6)
    assert bigaussian_cllr(0.0) == pytest.approx(1)
    assert bigaussian_sigma(1.2) == 0
    fitted = fit_bigaussian(gaussians()[0])
    assert len(fitted.distances) <= 402


def test_reliability_by_hand():
    counts = PairCounts(
        np.array([1.0, 2.0]), np.array([1.0, 2.0]), np.array([3, 1]), np.array([1, 3])
    )
    curve = Curve((1.0, 2.0), (math.log(4), -math.log(4)))  # probabilities 0.8 and 0.2
    low, high = reliability(counts, curve, bins=4)
    assert (low.low, low.high, high.low, high.high) == (0, 0.25, 0.75, 1)
    assert (low.predicted, low.observed, low.mass) == pytest.approx((0.2, 0.25, 0.5))
    assert (high.predicted, high.observed, high.mass) == pytest.approx((0.8, 0.75, 0.5))
    assert calibration_error((low, high)) == pytest.approx(0.05)


def test_probability_at_a_prior():
    assert probability(math.log(99), 0.01) == pytest.approx(0.5)
    assert probability([-800.0, 800.0], 0.5).tolist() == [0, 1]
    for prior in (0, 1, -1, 2):
        with pytest.raises(ValueError, match="prior probability must be between"):
            probability(0.0, prior)
