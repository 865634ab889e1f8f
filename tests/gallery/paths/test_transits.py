"""Transit times of made walkers: what they say, and silence where they say nothing."""

from __future__ import annotations

import math

import numpy as np
import pytest

from passerby.gallery.paths.gallery_transits import Transits
from passerby.gallery.paths.transits import EDGES, Times, learn_transits, signed_seconds

NAMES = {0: "site/a", 1: "site/b"}


def walkers(persons, seconds, seed=0):
    """Each passes a at some time of a day, and b so many seconds later, a moment each."""
    random = np.random.default_rng(seed)
    begin = random.uniform(0, 8 * 3600, persons)
    later = begin + seconds(random, persons)
    first = np.concatenate([begin, later])
    return Times(np.repeat([0, 1], persons), first, first, np.tile(np.arange(persons), 2))


def steady(random, count):
    return random.uniform(40, 80, count)


def test_signed_seconds():
    first, last = np.array([10.0, 10.0, 10.0, np.nan]), np.array([20.0, 20.0, 20.0, 20.0])
    other = np.array([30.0, 1.0, 15.0, np.nan]), np.array([31.0, 4.0, 16.0, np.nan])
    found = signed_seconds(first, last, *other)
    assert found[:2].tolist() == [10.0, -6.0]
    assert np.isnan(found[2:]).all()


def test_a_steady_walk_tells_persons_apart():
    (found,) = learn_transits(walkers(60, steady), NAMES)
    assert found.cameras == ("site/a", "site/b")
    assert (found.persons, found.pairs, len(found.back)) == (60, 60, 0)
    assert 40 <= found.there[0] <= found.there[-1] <= 80
    assert found.cost < 0.5
    learnt = Transits((found,), 2, 60)
    there, back = (learnt.llrs("site/a", "site/b", np.array([t])) for t in (60.0, -60.0))
    assert there[0] > math.log(20)
    assert back[0] < 0
    assert learnt.llrs("site/b", "site/a", np.array([-60.0]))[0] == there[0]
    assert learnt.llrs("site/a", "site/b", np.array([np.nan])).tolist() == [0.0]
    assert learnt.llrs("site/a", "site/c", np.array([60.0])).tolist() == [0.0]
    assert learnt.fastest("site/a", "site/b") == found.there[0]
    assert learnt.fastest("site/b", "site/a") is None
    assert "transit times of 1 of 1 pairs" in str(learnt)


def test_the_ratio_is_that_of_the_counts():
    """Written out: smoothed shares, those of one person drawn towards those of two."""
    times = walkers(60, steady)
    (found,) = learn_transits(times, NAMES)
    differences = times.first[60:] - times.first[:60, None]
    own = np.eye(60, dtype=bool)
    counts = [np.histogram(differences[chosen], EDGES[1:-1])[0] for chosen in (own, ~own)]
    same, others = (np.convolve([0, *count, 0], [0.25, 0.5, 0.25], "same") for count in counts)
    share = (others + 1 / len(others)) / (others.sum() + 1)
    expected = np.log((same + 8 * share) / (same.sum() + 8) / share)
    assert found.llrs == pytest.approx(expected)


def test_nothing_is_learnt_of_few_or_of_chance():
    assert learn_transits(walkers(19, steady), NAMES) == ()
    silent = learn_transits(walkers(60, lambda r, n: r.uniform(-9e3, 9e3, n)), NAMES)
    assert silent == () or silent[0].cost > 0.8
    assert "say nothing" in str(Transits((), 2, 19))
