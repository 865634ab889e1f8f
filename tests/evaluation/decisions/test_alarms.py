"""Thresholds of alarms by strangers seen, and the interval of what they raised."""

import math

import numpy as np
import pytest

from passerby.evaluation.decisions.alarms import (
    FEWEST_STRANGERS,
    alarm_threshold,
    poisson_interval,
    stranger_threshold,
)
from passerby.evaluation.decisions.unlabelled import LEAST_RATE


@pytest.mark.parametrize(("count", "wanted"), [(199, 0.01), (999, 0.0031), (60, 0.5)])
def test_a_new_stranger_raises_as_many_alarms_as_are_wanted(count, wanted):
    """Of whatever distribution: the share is a beta variable with the mean k / (N + 1)."""
    random = np.random.default_rng(0)
    shares = []
    for _ in range(400):
        seen = random.beta(5, 3, count) ** 3
        found = alarm_threshold(seen, wanted)
        assert found.counted
        shares.append((random.beta(5, 3, 2_000) ** 3 < found.distance).mean())
    rank = math.floor(wanted * (count + 1))
    assert found.shown == rank / (count + 1) <= wanted
    error = np.std(shares) / math.sqrt(len(shares))
    assert np.mean(shares) == pytest.approx(found.shown, abs=4 * error)


def test_the_threshold_is_the_kth_nearest():
    seen = np.random.default_rng(1).permutation(np.arange(1, 1_000) / 1_000)
    assert alarm_threshold(seen, 0.001).distance == 0.001
    assert alarm_threshold(seen, 0.00299).distance == 0.002
    assert alarm_threshold(seen, 2.0).distance == math.inf
    assert alarm_threshold(np.full(100, 0.5), 0.1).distance == 0.5  # alarms lie below


def test_beyond_what_was_seen_the_shape_is_believed_and_it_is_said():
    seen = np.random.default_rng(2).normal(0.8, 0.06, 300)
    found = alarm_threshold(seen, 0.0005)
    assert not found.counted
    assert found.shown == 1 / 301
    assert found.distance <= seen.min()
    assert alarm_threshold(seen[: FEWEST_STRANGERS - 1], 0.0005) is None


def test_the_shape_is_put_on_the_middle():
    """Of strangers of that very shape; the nearest, who may be the person, change nothing."""
    random = np.random.default_rng(3)
    standard = np.sinh((np.arcsinh(random.normal(size=400_000)) - 0.36) / 0.96)
    seen = 0.8 + 0.05 * standard
    for rate in (0.01, 0.001):
        assert (seen < stranger_threshold(seen, rate)).mean() == pytest.approx(rate, rel=0.1)
    with_person = np.concatenate([seen, np.full(2_000, 0.2)])
    assert stranger_threshold(with_person, 0.001) == pytest.approx(
        stranger_threshold(seen, 0.001), abs=0.003
    )
    assert stranger_threshold(seen, LEAST_RATE / 10) == stranger_threshold(seen, LEAST_RATE)


@pytest.mark.parametrize(
    ("count", "low", "high"),
    [(0, 0.0, 3.6889), (1, 0.0253, 5.5716), (10, 4.7954, 18.3904), (100, 81.3640, 121.6268)],
)
def test_garwoods_intervals(count, low, high):
    """As tables of the chi-squared distribution have them."""
    found = poisson_interval(count)
    assert (found.low, found.high) == (
        pytest.approx(low, abs=1e-4),
        pytest.approx(high, abs=1e-4),
    )


def test_nonsense_is_refused():
    with pytest.raises(ValueError, match="above 0"):
        alarm_threshold(np.zeros(100), 0.0)
    with pytest.raises(ValueError, match="0 or more"):
        poisson_interval(-1)
