"""Transit times of a gallery: learnt of who is surely linked, told, and what they say of pairs."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from passerby.gallery.link.linking import link
from passerby.gallery.paths.gallery_transits import transits_of
from passerby.gallery.paths.transits import EDGES, FOLDS, Times, learn_transits
from tests.gallery.link.test_linking_by_transits import timed

EIGHT = np.datetime64("2026-05-01T08:00:00", "us")
NAMES = ("/a", "/b")


@pytest.fixture
def linking(make_store, crowd, sharp_about):
    """Sixty persons who are told apart well, each by a and 40 to 80 seconds later by b."""
    return link(timed(make_store, crowd, sharp_about, noise=0.08), judge=True)


def test_they_are_learnt_of_who_is_linked(linking):
    found = transits_of(linking)
    (transit,) = found.transits
    seconds = (linking.sightings.times - EIGHT) / np.timedelta64(1, "s")
    views = (linking.sightings.cameras == "b").astype(int)
    sure = ~(linking.weakest <= linking.least_llr + math.log(10))
    assert 0 < np.sum(~sure) < 60
    (expected,) = learn_transits(
        Times(views, seconds, seconds, linking.groups, sure), {0: "/a", 1: "/b"}
    )
    assert transit.llrs == pytest.approx(expected.llrs)
    assert (found.persons, found.cameras, found.names) == (transit.persons, 2, NAMES)
    assert 40 < transit.persons < 60
    assert found.fastest(*NAMES) == transit.there[0] >= 40
    assert found.fastest(*NAMES[::-1]) is None
    assert "transit times of 1 of 1 pair" in str(found)
    assert f"as {found.persons} persons who are surely linked" in found.said
    (said,) = json.loads(found.to_json())["transits"]
    assert said["log_likelihood_ratios"] == pytest.approx(expected.llrs[-1, -1].tolist())


def test_a_pair_is_judged_without_its_own_persons(linking):
    found = transits_of(linking)
    (transit,) = found.transits
    sightings, groups = linking.sightings, linking.groups
    ids = sightings.ids.tolist()
    there = found.moments(ids)
    llrs = found.llrs(there[np.arange(120)[:, None]], there)
    assert llrs == pytest.approx(llrs.T)
    seconds = (sightings.times - sightings.times[:, None]) / np.timedelta64(1, "s")
    for i, j in ((0, 1), (0, 3), (5, 0), (0, 2), (7, 7)):
        expected = 0.0  # by one camera nothing is known
        if sightings.cameras[i] != sightings.cameras[j]:
            turned = seconds[i, j] if sightings.cameras[i] == "a" else -seconds[i, j]
            cell = np.count_nonzero(turned >= EDGES) - 1
            expected = transit.llrs[groups[i] % FOLDS, groups[j] % FOLDS, cell]
            assert expected != transit.llrs[FOLDS, FOLDS, cell]
        assert llrs[i, j] == expected, (i, j)
    nobody = found.moments(["f" * 32])
    assert found.llrs(nobody, there).tolist() == [0.0] * 120


def test_strangers_are_misjudged_no_more_often_than_is_said(linking):
    """The mean of a likelihood ratio over pairs of two persons is 1; below it says too little."""
    found = transits_of(linking)
    there = found.moments(linking.ids)
    a, b = (there[np.flatnonzero(linking.sightings.cameras == name)] for name in "ab")
    ratios = np.exp(found.llrs(a[np.arange(len(a.first))[:, None]], b))
    strangers = ~np.eye(60, dtype=bool)
    assert 0.3 < ratios[strangers].mean() < 1.1
    assert np.median(ratios[~strangers]) > 20


def test_who_is_not_surely_linked_teaches_nothing(make_store, crowd, crowd_about):
    """In a blur nobody is: the note says so, and that nothing is said."""
    found = transits_of(link(timed(make_store, crowd, crowd_about, noise=0.26), judge=True))
    assert not found.transits
    assert found.said.startswith("transit times do not count: ")
    assert str(found).startswith("transit times say nothing: ")
    assert found.highest == 0
