"""Calibrations from single judged pairs."""

import numpy as np
import pytest

from passerby.evaluation.decisions.calibration_files import read_calibrations, write_calibration
from passerby.evaluation.decisions.judged.calibrating import (
    LINE,
    Subject,
    calibrate_answered,
    calibrate_labelled,
    counted,
    expected_excess,
)
from passerby.evaluation.decisions.judged.line import PriorLine, fit_labelled
from passerby.evaluation.decisions.likelihood import cllr

SUBJECT = Subject("model", "plain", "across cameras", sightings=50)


def crowd(one, two, seed=0):
    random = np.random.default_rng(seed)
    distances = [random.normal(0.5, 0.17, one), random.normal(0.85, 0.17, two)]
    return np.concatenate(distances), np.arange(one + two) < one


def test_few_labelled_pairs_give_a_line_with_an_interval(tmp_path):
    distances, same = crowd(20, 20)
    made = calibrate_labelled(distances, same, np.arange(40), SUBJECT)
    assert made.method == LINE
    assert made.key == ("model", "cosine", "plain")
    interval = made.llr_interval(0.5)
    assert interval.low < float(made.llr(0.5)) < interval.high
    assert 0 < made.quality.expected_excess < 0.2
    assert "expected to cost" in str(made)
    assert made.quality.cllr_interval.low < made.quality.cllr < made.quality.cllr_interval.high
    path = write_calibration(tmp_path / "own.json", made)
    assert read_calibrations(path) == (made,)


def test_the_cost_is_that_of_other_pairs_of_the_same_site():
    distances, same = crowd(300, 300, seed=3)
    made = calibrate_labelled(distances, same, np.arange(600), SUBJECT)
    fresh = counted(*crowd(4000, 4000, seed=4))
    assert made.quality.cllr == pytest.approx(cllr(fresh, made.curve), abs=0.03)


def test_many_pairs_of_another_shape_are_fitted_more_freely():
    # No line: what is nearest is of two persons as often as what is farther.
    random = np.random.default_rng(0)
    distances = random.uniform(0, 1, 3000)
    same = random.random(3000) < np.where(distances < 0.45, 0.75, 0.02)
    made = calibrate_labelled(distances, same, np.arange(3000), SUBJECT)
    assert made.method != LINE
    assert made.quality.costs[made.method] < made.quality.costs[LINE]
    few = calibrate_labelled(distances[:30], same[:30], np.arange(30), SUBJECT)
    assert few.method == LINE


def test_answers_and_all_distances_give_thresholds_too():
    population, same = crowd(200, 19_800)
    random = np.random.default_rng(0)
    asked = random.choice(np.argsort(population)[:2000], 100, replace=False)
    made = calibrate_answered(population[asked], same[asked], population, SUBJECT)
    point = made.point(0.01)
    # Below it lie one in a hundred of the pairs of different persons, truly.
    assert 0.004 < np.mean(population[~same] < point.threshold) < 0.02
    assert point.true_match_rate == pytest.approx(
        np.mean(population[same] < point.threshold), abs=0.15
    )
    assert made.quality.judging.same == pytest.approx(200, rel=0.5)
    assert sum(part.mass for part in made.quality.reliability) == pytest.approx(1)
    true = counted(population, same)
    interval = made.quality.cllr_interval
    assert interval.low < cllr(true, made.curve) < interval.high


def test_more_pairs_are_expected_to_cost_less():
    line = PriorLine(-12.0, 0.55)
    costs = []
    for count in (10, 40, 160):
        distances, same = crowd(count, count)
        costs.append(expected_excess(fit_labelled(distances, same, line), counted(distances, same)))
    assert costs[0] > costs[1] > costs[2] > 0


def test_too_few_pairs_are_refused():
    with pytest.raises(ValueError, match=r"needs 10 judged pairs.*got 4 and 4"):
        calibrate_labelled(*crowd(4, 4), np.arange(8), SUBJECT)
    with pytest.raises(ValueError, match="got 1 and 20"):
        calibrate_answered(*crowd(1, 20), np.linspace(0, 1, 100), SUBJECT)
