"""A fit beside what unlabelled distances show: weights, intervals, and what it is better for."""

import numpy as np
import pytest

from passerby.evaluation.decisions.judged.calibrating import (
    Subject,
    calibrate_answered,
    counted,
)
from passerby.evaluation.decisions.judged.line import PriorLine, fit_answered
from passerby.evaluation.decisions.judged.pooled import pooled, unlabelled_of
from passerby.evaluation.decisions.likelihood import Curve, cllr


def gallery(seed=0):
    """Distances of 40,000 pairs of two persons and 400 of one, and which are of one."""
    random = np.random.default_rng(seed)
    two = 1 + 0.14 * np.sinh((np.arcsinh(random.normal(size=40_000)) - 0.36) / 0.96)
    one = random.normal(0.65, 0.12, 400) ** 2
    return np.clip(np.concatenate([two, one]), 0, 2), np.arange(40_400) >= 40_000


def test_the_ratio_counts_half_without_an_answer_and_less_with_each():
    shown = unlabelled_of(gallery()[0])
    line = Curve((0.0, 1.5), (6.0, -6.0))
    at = np.linspace(0.05, 1.45, 50)
    for answers, weight in ((0, 1 / 2), (100, 1 / 4), (900, 1 / 20)):
        found = pooled(line, line, shown, answers).llr(at)
        expected = (1 - weight) * line.llr(at) + weight * shown.llrs(at)
        np.testing.assert_allclose(found, expected, atol=0.02)


def test_an_interval_is_moved_and_keeps_its_width():
    shown = unlabelled_of(gallery()[0])
    line, lower = Curve((0.0, 1.5), (6.0, -6.0)), Curve((0.0, 1.5), (5.0, -7.0))
    at = np.linspace(0, 1.5, 50)
    moved = (pooled(one, line, shown, 50).llr(at) for one in (line, lower))
    np.testing.assert_allclose(np.subtract(*moved), 1.0, atol=1e-6)


@pytest.mark.parametrize("distances", [np.linspace(0, 1, 999), np.ones(5_000)])
def test_few_pairs_and_copies_show_nothing_and_leave_the_curve(distances):
    line = Curve((0.0, 1.5), (6.0, -6.0))
    assert unlabelled_of(distances) is None
    assert pooled(line, line, None, 10) is line


def test_it_costs_less_than_the_line_alone_where_the_line_has_not_the_right_shape():
    distances, same = gallery()
    subject = Subject("m", "plain", "across cameras")
    line = PriorLine.of_distances(distances)
    random = np.random.default_rng(1)
    rows = np.concatenate([random.choice(np.flatnonzero(same), 10), random.choice(40_000, 10)])
    counts = counted(distances, same)
    made = calibrate_answered(distances[rows], same[rows], distances, subject)
    fit = fit_answered(distances[rows], same[rows], line, distances)
    alone = fit.curve(float(distances.max()), subject.limits(len(distances)))
    assert cllr(counts, made.curve) < 0.95 * cllr(counts, alone)
