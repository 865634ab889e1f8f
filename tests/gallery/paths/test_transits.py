"""Transit times of made walkers: what they say, and silence where they say nothing."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace

import numpy as np
import pytest

from passerby.evaluation.decisions.likelihood import bounds
from passerby.evaluation.decisions.pairs import PairCounts
from passerby.gallery.paths.transits import (
    EDGES,
    FOLDS,
    Times,
    bins_of,
    learn_transits,
    log_ratios,
    signed_seconds,
)

NAMES = {0: "site/a", 1: "site/b"}
BINS = len(EDGES) - 1


def walkers(persons, seconds, seed=0):
    """Each passes a at some time of a day, and b so many seconds later, a moment each."""
    random = np.random.default_rng(seed)
    begin = random.uniform(0, 8 * 3600, persons)
    later = begin + seconds(random, persons)
    first = np.concatenate([begin, later])
    who, sure = np.tile(np.arange(persons), 2), np.ones(2 * persons, bool)
    return Times(np.repeat([0, 1], persons), first, first, who, sure)


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
    llrs = found.llrs[FOLDS, FOLDS, bins_of(np.array([60.0, -60.0]))]
    assert llrs[0] > math.log(20)
    assert llrs[1] < 0


def slow_llrs(times, without):
    """Of the bins of two places, pair by pair, without the persons of some folds."""
    same, strangers, whose, apart = np.zeros(BINS), np.zeros(BINS), set(), 0
    there = [
        {p for p, at in zip(times.person.tolist(), times.place, strict=True) if at == place}
        for place in (0, 1)
    ]
    left = [{person for person in each if person % FOLDS not in without} for each in there]
    apart = sum(one != other for one in left[0] for other in left[1])
    for i, j in itertools.product(*(np.flatnonzero(times.place == place) for place in (0, 1))):
        one, other = times.person[[i, j]].tolist()
        gap = times.first[j] - times.last[i]
        if gap <= 0 and (gap := times.last[j] - times.first[i]) >= 0:
            continue
        if one not in left[0] or other not in left[1]:
            continue
        cell = np.count_nonzero(gap >= EDGES) - 1
        if one != other:
            strangers[cell] += 1
        elif times.sure[i]:
            same[cell] += 1
            whose.add(one)

    def smooth(counts):
        wide = np.concatenate([[0], counts, [0]])
        made = wide[:-2] / 4 + wide[1:-1] / 2 + wide[2:] / 4
        return made / made.sum()

    own, others = smooth(same), smooth(strangers)
    mean = (own + others) / 2
    one = (len(whose) * own + 8 * mean) / (len(whose) + 8)
    two = (apart * others + 8 * mean) / (apart + 8)
    return np.array([math.log(x / y) if x else 0.0 for x, y in zip(one, two, strict=True)])


@pytest.mark.parametrize("whole", [False, True])
def test_the_ratios_are_those_of_the_counts(whole):
    """Pair by pair, with stays that last, persons who come twice and some who are not sure."""
    times = walkers(60, steady)
    random = np.random.default_rng(1)
    times = replace(
        times,
        person=np.where(times.person == 7, 6, times.person),
        last=times.first + random.uniform(0, 30, 120),
        sure=times.person != 13,
    )
    if whole:  # times that lie on the edges of bins, and stays that touch
        times = replace(times, first=times.first // 20 * 8, last=times.last // 20 * 8)
    (found,) = learn_transits(times, NAMES)
    assert found.persons == 58
    for one, other in ((0, 3), (2, 2), (1, FOLDS), (FOLDS, FOLDS)):
        expected = slow_llrs(times, {one, other})
        assert found.llrs[one, other] == pytest.approx(expected, abs=1e-9), (one, other)


def test_no_ratio_says_more_than_so_many_can_show():
    """Twenty pairs of one person in one bin, twenty thousand pairs of two in another."""
    same, strangers = np.zeros(BINS), np.zeros(BINS)
    same[50], strangers[10] = 20, 20_000
    for scale in (1, 1000):  # however often each of them was seen
        ratios = np.exp(log_ratios(scale * same, 20, scale * strangers, 20_000))
        assert ratios[50] == pytest.approx((24 / 28) / (4 / 20_008))
        assert ratios[10] == pytest.approx((4 / 28) / (20_004 / 20_008))
        assert ratios[30] == 1
    random = np.random.default_rng(0)
    for persons, pairs in ((20, 20_000), (20, 20), (500, 3000)):
        counts = [
            random.multinomial(persons, random.dirichlet(np.full(BINS, 0.05))),
            random.multinomial(pairs, random.dirichlet(np.full(BINS, 0.05))),
        ]
        llrs = log_ratios(counts[0], persons, counts[1], pairs)
        low, high = bounds(PairCounts(counts[0], counts[0], *counts))
        assert low < llrs.min() < llrs.max() < high


def test_what_it_costs_is_that_of_those_left_out():
    """The mean over pairs of what their ratios, learnt without both, cost."""
    times = walkers(40, steady)
    (found,) = learn_transits(times, NAMES)
    llrs = {}
    costs = {True: [], False: []}
    for i, j in itertools.product(range(40), range(40)):
        key = frozenset({i % FOLDS, j % FOLDS})
        llrs.setdefault(key, slow_llrs(times, key))
        gap = times.first[40 + j] - times.first[i]
        llr = llrs[key][np.count_nonzero(gap >= EDGES) - 1]
        costs[i == j].append(math.log2(1 + math.exp(-llr if i == j else llr)))
    assert found.cost == pytest.approx((np.mean(costs[True]) + np.mean(costs[False])) / 2)


def test_nothing_is_learnt_of_few_or_of_chance():
    assert learn_transits(walkers(19, steady), NAMES) == ()
    at = np.random.default_rng(3).uniform(0, 9e3, (20, 120))
    for first in at:
        times = replace(walkers(60, steady), first=first, last=first)
        assert learn_transits(times, NAMES) == ()
