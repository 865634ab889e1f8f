"""Cross-validation over persons, against a slow account of it."""

import numpy as np
import pytest

from passerby.evaluation.decisions.calibration_fitting import calibrate
from passerby.evaluation.decisions.cross_fitting import cross_fit
from passerby.evaluation.decisions.likelihood import FITS, cllr, fit_logistic
from passerby.evaluation.decisions.pairs import Pairs, count_pairs


def folds_of(some, count=5):
    left_out = [some.persons % count == fold for fold in range(count)]
    return [
        tuple(Pairs(some[rows], kind="across cameras") for rows in (~out, out)) for out in left_out
    ]


def test_costs_are_means_over_persons_left_out(people):
    some = people(persons=40, noise=0.8)
    found = cross_fit(folds_of(some), FITS, replicates=30, seed=0, level=0.95)
    slow = [
        cllr(count_pairs(judging), fit_logistic(count_pairs(fitting)))
        for fitting, judging in folds_of(some)
    ]
    assert found.costs["logistic"] == pytest.approx(np.mean(slow))
    assert found.interval.low < found.costs[found.method] < found.interval.high
    judged = found.judged
    assert judged.same.sum() == 40 * 3 * 4
    assert sum(part.mass for part in found.reliability) == pytest.approx(1)


def test_the_first_method_stays_unless_another_is_surely_better(people):
    some = people(persons=40, noise=0.8)
    close = {"a": fit_logistic, "b": fit_logistic}
    assert cross_fit(folds_of(some), close, replicates=2, seed=0, level=0.95).method == "a"
    poor = {"a": lambda counts: fit_logistic(counts).__class__((0.0,), (3.0,)), "b": fit_logistic}
    assert cross_fit(folds_of(some), poor, replicates=2, seed=0, level=0.95).method == "b"


def test_parts_without_pairs_are_left_out(people):
    some = people(persons=12)
    folds = folds_of(some, 3)
    alone = Pairs(some[some.persons == 1], kind="across cameras")
    found = cross_fit([(folds[0][0], alone), *folds], FITS, replicates=2, seed=0, level=0.95)
    assert found.judged.same.sum() == 12 * 3 * 4
    with pytest.raises(ValueError, match="in any part of the persons"):
        cross_fit([(folds[0][0], alone)], FITS, replicates=2, seed=0, level=0.95)


def test_every_person_judges_once(people):
    assert calibrate(people(persons=25), replicates=2).quality.judging.persons == 25
