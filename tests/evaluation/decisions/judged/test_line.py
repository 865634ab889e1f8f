"""The line towards the prior: what it minimises, what it recovers, how sure it is."""

import numpy as np
import pytest

from passerby.evaluation.decisions.judged.choosing import telling_distances
from passerby.evaluation.decisions.judged.line import PriorLine, fit_answered, fit_labelled
from passerby.evaluation.decisions.likelihood import Curve

PRIOR = PriorLine(-18.0, 0.62)
# Distances of two persons and of one: normal, of equal spread, so that the LLR is a line.
TWO, ONE, SPREAD = 0.85, 0.5, 0.17


def true_llr(distances):
    return (TWO - ONE) / SPREAD**2 * ((ONE + TWO) / 2 - np.asarray(distances))


def crowd(one, two, seed=0):
    random = np.random.default_rng(seed)
    distances = [random.normal(ONE, SPREAD, one), random.normal(TWO, SPREAD, two)]
    return np.concatenate(distances), np.arange(one + two) < one


def slow_cost(coefficients, distances, same, population=None):
    """Minus the log posterior as the docstring has it, term by term; coefficients of log-odds."""
    cost = 0.0
    weight = {True: min(1, (~same).sum() / max(1, same.sum())), False: 1.0}
    weight[False] = min(1, same.sum() / max(1, (~same).sum()))

    def log_odds(distance):
        f = -18.0 * (distance - 0.62) / 3
        return coefficients[0] + coefficients[1] * f + coefficients[2] * f * f

    shift = coefficients[0]
    if population is not None:
        weight = {True: 1.0, False: 1.0}
        share = np.mean([1 / (1 + np.exp(-log_odds(d))) for d in population])
        odds = np.log(share / (1 - share))
        cost += ((odds - np.log(0.01)) / 2) ** 2 / 2
        shift -= odds
    for distance, one in zip(distances, same, strict=True):
        chance = 1 / (1 + np.exp(-log_odds(distance)))
        cost -= weight[bool(one)] * np.log(chance if one else 1 - chance)
    away = [shift / 1.0, (coefficients[1] - 1.8) / 0.9, coefficients[2] / 0.1]
    return cost + sum(one * one for one in away) / 2


def is_least(cost, at):
    around = [at + step * row for step in (1e-2, -1e-2) for row in np.eye(3)]
    return all(cost(at) < cost(one) for one in around)


def test_labelled_pairs_are_fitted_to_the_least_of_the_posterior():
    distances, same = crowd(12, 30)
    fit = fit_labelled(distances, same, PRIOR)
    assert is_least(lambda c: slow_cost(c, distances, same), fit.coefficients)


def test_answers_are_fitted_to_the_least_of_the_posterior():
    population, same = crowd(20, 380)
    asked = np.argsort(population)[5:60:3]
    fit = fit_answered(population[asked], same[asked], PRIOR, population)
    log_odds = fit.coefficients + fit.log_prior_odds * np.eye(3)[0]
    # The population is taken in bins, so that the least is where it is but for a hundredth.
    assert is_least(lambda c: slow_cost(c, population[asked], same[asked], population), log_odds)


def test_without_answers_it_is_the_prior():
    population, _ = crowd(20, 2000)
    fit = fit_answered([], [], PRIOR, population)
    np.testing.assert_allclose(fit.coefficients, [0, 1.8, 0], atol=0.5)
    wide = fit.interval(1.5, (-20, 20))
    narrow = fit_labelled(*crowd(200, 200), PRIOR).interval(1.5, (-20, 20))
    assert np.ptp([c.llr(0.6) for c in wide]) > 3 * np.ptp([c.llr(0.6) for c in narrow])


@pytest.mark.parametrize("share", [0.5, 0.02])
def test_the_intervals_hold_the_truth(share):
    at, inside = np.array([0.4, 0.6, 0.8]), []
    for seed in range(60):
        if share == 0.5:
            fit = fit_labelled(*crowd(40, 40, seed), PRIOR)
        else:
            population, same = crowd(100, 4900, seed)
            random = np.random.default_rng(seed)
            asked = random.choice(np.argsort(population)[:600], 80, replace=False)
            fit = fit_answered(population[asked], same[asked], PRIOR, population)
        lower, upper = fit.interval(1.5, (-30, 30))
        inside.append((lower.llr(at) <= true_llr(at)) & (true_llr(at) <= upper.llr(at)))
    assert (np.mean(inside, axis=0) >= 0.85).all()


def test_questions_by_distance_find_the_share_and_the_line():
    population, same = crowd(300, 29_700)
    asked = np.random.default_rng(1).choice(np.argsort(population)[:3000], 300, replace=False)
    fit = fit_answered(population[asked], same[asked], PRIOR, population)
    share = 1 / (1 + np.exp(-fit.log_prior_odds))
    assert 0.006 < share < 0.016
    at = np.array([0.4, 0.5, 0.6])
    found = fit.curve(1.5, (-30, 30)).llr(at)
    np.testing.assert_allclose(found, true_llr(at), atol=1.0)
    # Log-odds taken for the LLR would be away by the log of the odds of the share, 4.6.
    assert np.abs(found + fit.log_prior_odds - true_llr(at)).min() > 3


def test_the_curve_never_increases_and_keeps_its_limits():
    fit = fit_labelled(*crowd(30, 30), PRIOR)
    curve = fit.curve(2.0, (-3.0, 4.0))
    assert (np.diff(curve.llrs) <= 0).all()
    assert (min(curve.llrs), max(curve.llrs)) == (-3.0, 4.0)


def test_the_prior_line_is_that_of_a_curve():
    curve = Curve((0.0, 0.2, 0.8, 1.0), (3.0, 3.0, -3.0, -3.0))
    line = PriorLine.of(Curve((0.2, 0.8), (3.0, -3.0)))
    assert line.slope == pytest.approx(-10)
    assert line.crossing == pytest.approx(0.5)
    assert PriorLine.of(curve).crossing == pytest.approx(0.5, abs=0.01)
    with pytest.raises(ValueError, match="it is no prior"):
        PriorLine.of(Curve((0.0,), (1.0,)))
    with pytest.raises(ValueError, match="falls with the distance"):
        PriorLine(1.0, 0.5)
    rough = PriorLine.of_distances(crowd(10, 990)[0])
    assert rough.crossing < TWO
    assert fit_labelled(*crowd(30, 30), rough).coefficients[1] > 0


def test_pairs_of_one_kind_are_refused():
    with pytest.raises(ValueError, match="only one kind"):
        fit_labelled([0.1, 0.2], [True, True], PRIOR)


def test_questions_are_asked_where_the_answer_is_not_known():
    population, _ = crowd(100, 9900)
    fit = fit_answered([], [], PRIOR, population)
    distances = telling_distances(fit, population, 10)
    assert len(distances) == 10
    assert (fit.probability(distances) >= 0.001).all()
    assert np.median(distances) < np.quantile(population, 0.1)


def test_answers_shorten_the_interval_more_than_pairs_at_random():
    widths = []
    for chosen in (True, False):
        population, same = crowd(200, 9800)
        fit = fit_answered([], [], PRIOR, population)
        random = np.random.default_rng(0)
        if chosen:
            at = telling_distances(fit, population, 20)
            rows = [int(np.abs(population - d).argmin()) for d in at]
        else:
            rows = random.choice(len(population), 20, replace=False)
        fit = fit_answered(population[rows], same[rows], PRIOR, population)
        lower, upper = fit.interval(1.5, (-30, 30))
        widths.append(float(upper.llr(0.5) - lower.llr(0.5)))
    assert widths[0] < 0.8 * widths[1]
