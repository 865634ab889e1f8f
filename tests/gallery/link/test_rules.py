"""The operating point of the least expected cost, and what people said of pairs."""

import math
from dataclasses import replace

import numpy as np
import pytest

from passerby.gallery.link.linking import link
from passerby.gallery.link.rules import Rules
from passerby.gallery.reviewed_pairs import answer, record_answers


def test_joining_is_worth_it_where_the_expected_cost_is_less():
    rules = Rules(passages=5, cost=0.5)
    llr = rules.least_llr(401)
    assert llr == pytest.approx(math.log(0.5 * 100))
    prior = 4 / 400  # odds of two passages out of all being of one person
    for step, cheaper in ((-0.01, False), (0.01, True)):
        odds = prior * math.exp(llr + step)
        probability = odds / (1 + odds)
        assert (0.5 * (1 - probability) < probability) is cheaper
    assert Rules(passages=5, cost=2).least_llr(401) == pytest.approx(math.log(200))
    assert Rules(least_ratio=30).least_llr(401) == pytest.approx(math.log(30))
    assert Rules().least_llr(2) == 0  # never below a ratio of 1
    for cost in (0.0, -1.0, math.inf, math.nan):
        with pytest.raises(ValueError, match="costs more than nothing"):
            Rules(cost=cost)


@pytest.fixture
def site(make_store, crowd, sharp_about):
    """Six persons seen three times each, far apart and told apart well."""
    vectors = crowd.shots(np.repeat(crowd.persons(6), 3, axis=0), 0.05)
    return make_store(vectors, about=sharp_about), np.repeat(np.arange(6), 3)


def name(row):
    return f"{row:032x}"


def test_what_was_said_of_pairs_is_obeyed(site):
    store, owners = site
    before = link(store)
    assert len(np.unique(before.groups)) == 6
    record_answers(store, [answer(name(0), name(3), True), answer(name(6), name(7), False)])
    found = link(store)
    assert found.groups[0] == found.groups[3]
    assert found.groups[6] != found.groups[7]
    assert found.kept_apart_by_review > 0
    assert "by what was said of pairs" in found.summary
    others = owners >= 3
    assert len(np.unique(found.groups[others])) == 3
    record_answers(store, [answer(name(6), name(7), None), answer(name(0), name(3), None)])
    np.testing.assert_array_equal(link(store).groups, before.groups)


def test_answers_that_contradict_each_other_are_told(site):
    store, _ = site
    said = [(0, 1, True), (1, 2, True), (0, 2, False)]
    record_answers(store, [answer(name(a), name(b), same) for a, b, same in said])
    found = link(store)
    assert len(np.unique(found.groups[:3])) == 1
    assert "1 pair that was said to be of two persons" in " ".join(found.notes)


def test_names_are_kept_through_must_links(make_store, crowd, sharp_about):
    centres = crowd.persons(2)
    persons = ["ann", "", ""]
    store = make_store(
        crowd.shots(centres[[0, 1, 1]], 0.02), about=replace(sharp_about), persons=persons
    )
    record_answers(store, [answer(name(0), name(1), True)])
    assert link(store).names.tolist()[:2] == ["ann", "ann"]
