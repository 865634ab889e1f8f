"""Linking by looks and transit times, against a slow version; silence where times say nothing."""

from __future__ import annotations

import json

import numpy as np
import pytest

from passerby.gallery.link.linking import link
from passerby.gallery.link.rules import Rules
from passerby.gallery.paths.gallery_transits import transits_of
from passerby.stores.about import About

EIGHT = np.datetime64("2026-05-01T08:00:00", "us")


def timed(make_store, crowd, about: About, *, noise, persons=60, shuffled=False):
    """Persons whom a sees at some time of a day, and b 40 to 80 seconds later, or at any time."""
    random = np.random.default_rng(4)
    begin = random.uniform(0, 8 * 3600, persons)
    later = random.permutation(begin) if shuffled else begin
    seconds = np.stack([begin, later + random.uniform(40, 80, persons)], axis=1).ravel()
    centres = crowd.persons(persons)
    return make_store(
        crowd.shots(np.repeat(centres, 2, 0), noise),
        about=about,
        persons=np.repeat([f"p{number}" for number in range(persons)], 2).tolist(),
        cameras=["a", "b"] * persons,
        times=EIGHT + (seconds * 1e6).astype("timedelta64[us]"),
    )


def slow_groups(llrs, least):
    """Average linkage of sums of LLRs [N, N] over pairs of groups."""
    groups = [[row] for row in range(len(llrs))]
    sums = llrs.copy()
    np.fill_diagonal(sums, -np.inf)
    while True:
        sizes = np.array([len(group) for group in groups])
        means = sums / np.outer(sizes, sizes)
        a, b = sorted(np.unravel_index(means.argmax(), means.shape))
        if means[a, b] <= least:
            return {frozenset(group) for group in groups}
        groups[a] += groups.pop(b)
        sums[a] += sums[b]
        sums[:, a] += sums[:, b]
        sums = np.delete(np.delete(sums, b, 0), b, 1)


def groups_of(found):
    return {frozenset(np.flatnonzero(found.groups == g).tolist()) for g in np.unique(found.groups)}


@pytest.mark.parametrize("noise", [0.12, 0.14])
def test_groups_are_those_of_average_linkage_of_both(make_store, crowd, sharp_about, noise):
    store = timed(make_store, crowd, sharp_about, noise=noise)
    rules = Rules(neighbours=130, tolerance=0)
    without = link(store, rules=rules, judge=True)
    found = link(store, rules=Rules(neighbours=130, tolerance=0, transits=True), judge=True)
    learnt = transits_of(without)
    there = learnt.moments(found.ids)
    way = learnt.llrs(there[np.arange(120)[:, None]], there)
    (stored,) = store.read()
    curve = sharp_about.calibrations["single"]["curve"]
    distances = np.maximum(1 - stored.vectors @ stored.vectors.T, 0)
    looks = np.interp(distances, curve["distances"], curve["llrs"])
    assert groups_of(found) == slow_groups(looks + way, found.least_llr)
    assert groups_of(without) == slow_groups(looks, found.least_llr)
    assert groups_of(found) != groups_of(without)
    assert without.agreement.pairs.f1 < found.agreement.pairs.f1
    assert learnt.said in found.notes
    assert json.loads(found.to_json())["rules"]["transits"] is True
    low, high = found.weakest_ends
    known = ~np.isnan(low)
    assert (low[known] <= found.weakest[known]).all()
    assert (found.weakest[known] <= high[known]).all()


def test_times_that_say_nothing_change_nothing(make_store, crowd, sharp_about):
    store = timed(make_store, crowd, sharp_about, noise=0.08, shuffled=True)
    without, found = (link(store, rules=Rules(transits=each), judge=True) for each in (False, True))
    assert found.groups.tolist() == without.groups.tolist()
    assert found.weakest == pytest.approx(without.weakest, nan_ok=True)
    assert found.notes == (*without.notes, transits_of(without).said)
    assert "transit times do not count" in found.notes[-1]


def test_few_persons_change_nothing(make_store, crowd, sharp_about):
    store = timed(make_store, crowd, sharp_about, noise=0.08, persons=15)
    found = link(store, rules=Rules(transits=True), judge=True)
    assert "two cameras need 20 persons" in found.notes[-1]
