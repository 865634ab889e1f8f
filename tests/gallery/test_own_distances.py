"""False-match rates from a gallery's own distances, on simulated persons whose truth is known."""

from __future__ import annotations

import itertools
import json
from dataclasses import replace

import numpy as np
import pytest

from passerby.evaluation.decisions.unlabelled import unlabelled_distances
from passerby.gallery.gallery import Gallery
from passerby.gallery.link.agreement import agreement
from passerby.gallery.own_distances import OwnDistancesOf, own_distances, sample_of
from passerby.gallery.pair_evidence import NOT_KNOWN, OTHER, SAME
from passerby.gallery.search.matches import matches_csv
from passerby.stores.about import About
from passerby.stores.engines.memory import MemoryStore
from passerby.tables.filters import Where
from passerby.tables.sightings import Sightings

WIDTH = 48
_NUMBERS = itertools.count()


def site(persons=120, cameras=3, images=2, noise=0.11, alike=1.1):
    """Persons, many of whom dress alike, by cameras that each move all vectors its own way."""
    random = np.random.default_rng(0)
    looks = alike * random.normal(size=(20, WIDTH))
    centres = random.normal(size=(persons, WIDTH)) + looks[random.integers(20, size=persons)]
    centres *= np.linspace(2, 0.3, WIDTH)
    centres /= np.linalg.norm(centres, axis=1, keepdims=True)
    offsets = 0.12 * random.normal(size=(cameras, WIDTH))
    owners = np.repeat(np.arange(persons), cameras * images)
    views = np.tile(np.repeat(np.arange(cameras), images), persons)
    vectors = centres[owners] + offsets[views]
    vectors += noise * random.normal(size=vectors.shape)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    sightings = Sightings(
        [f"{number:032x}" for number in range(len(owners))],
        vectors,
        cameras=[f"c{view}" for view in views],
        tracklets=owners,
    )
    return sightings, owners


def filled(sightings):
    store = MemoryStore.create(f"memory://own-{next(_NUMBERS)}", About("m", "plain", WIDTH))
    store.write(sightings)
    return store


@pytest.fixture(scope="module")
def learnt():
    """Of one site: its sightings, their owners, and what its distances show."""
    sightings, owners = site()
    return sightings, owners, own_distances(sightings)


def rates_of(learnt, row, kinds=None):
    """False-match rates of a sighting as a query, against all."""
    sightings, _, own = learnt
    camera = str(sightings.cameras[row])
    known = np.where(sightings.cameras == camera, SAME, OTHER)
    kinds = known if kinds is None else np.full(len(sightings), kinds)
    return own.false_match_rates(sightings.vectors[row], camera, sightings, kinds)


@pytest.mark.parametrize("alike", [0.0, 0.5, 0.8, 1.1])
def test_stated_rates_are_realised_among_strangers(alike):
    """From persons dressed each for themselves, whose distances are no sinh-arcsinh of real ones,
    to kinds of clothes that differ as much as persons do."""
    sightings, owners = site(alike=alike)
    own = own_distances(sightings)
    rows = np.arange(0, len(owners), 5)
    rates = np.stack([rates_of((sightings, owners, own), row) for row in rows.tolist()])
    strangers = owners[rows, None] != owners
    for same_camera in (False, True):
        kind = (sightings.cameras[rows, None] == sightings.cameras) == same_camera
        of_two = rates[strangers & kind]
        for stated in (0.003, 0.01, 0.05):
            assert stated / 2.5 < (of_two <= stated).mean() < 1.5 * stated
    mates = (owners[rows, None] == owners) & (sightings.cameras[rows, None] != sightings.cameras)
    assert (rates[mates] <= 0.01).mean() > 0.8


def test_uniforms_are_taken_for_one_person():
    """What no distance without a label can tell: docs/decisions/calibration.md says so."""
    sightings, owners = site(alike=2.2)
    own = own_distances(sightings)
    assert own.across.same_share > 4 * 5 / 719  # of a person's six sightings, five others
    vectors = own.means.removed(sightings.vectors, sightings.sources, sightings.cameras)
    vectors = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    one, other = np.triu_indices(len(owners), 1)
    of_two = (owners[one] != owners[other]) & (sightings.cameras[one] != sightings.cameras[other])
    distances = (1 - vectors @ vectors.T)[one, other][of_two]
    assert (distances < own.across.threshold(0.01)).mean() > 0.03


def test_cameras_means_are_taken_away_and_known_pairs_left_out(learnt):
    sightings, owners, own = learnt
    vectors = sightings.vectors.astype(np.float64)
    centred = vectors - own.means.of(sightings.sources, sightings.cameras)
    centred /= np.linalg.norm(centred, axis=1, keepdims=True)
    distances = [
        1 - centred[a] @ centred[b]
        for a, b in itertools.combinations(range(len(owners)), 2)
        if sightings.cameras[a] == sightings.cameras[b] and owners[a] != owners[b]
    ]
    slow = unlabelled_distances(np.maximum(distances, 0))
    assert own.within.pairs == len(distances)
    assert own.within.threshold(0.01) == pytest.approx(slow.threshold(0.01), abs=1e-4)


def test_two_cameras_have_rates_of_their_own_where_there_are_enough_pairs(learnt):
    own = learnt[2]
    places = [("", f"c{number}") for number in range(3)]
    assert set(own.between) == {*itertools.combinations_with_replacement(places, 2)}
    same = own.between[places[0], places[0]]
    assert same.pairs == 240 * 239 // 2 - 120  # without those of one tracklet
    assert own_distances(learnt[0][::4]).between == {}


def test_where_the_kind_of_pair_is_not_known_the_greater_rate_counts(learnt):
    both = np.stack([rates_of(learnt, 7, kind) for kind in (SAME, OTHER)])
    merged = replace(learnt[2], between={})
    alike = (learnt[0], learnt[1], merged)
    both = np.stack([rates_of(alike, 7, kind) for kind in (SAME, OTHER)])
    np.testing.assert_array_equal(rates_of(alike, 7, NOT_KNOWN), both.max(axis=0))
    lacking = (learnt[0], learnt[1], replace(merged, within=None))
    assert np.isnan(rates_of(lacking, 7, NOT_KNOWN)).all()
    assert np.isnan(rates_of(lacking, 7, SAME)).all()


def test_a_search_says_rates_where_nothing_is_calibrated():
    sightings, owners = site(persons=150, cameras=3, images=1, noise=0.05)
    store = filled(sightings[owners < 140])
    found = Gallery(store).search(
        sightings.vectors[3], k=5, camera="c0", where=Where(not_cameras=("c0",)), fpir=0.2
    )
    assert "uncalibrated here" in str(found)
    assert " FMR " in str(found)
    assert " LR " not in str(found)
    assert found[0].llr is None
    assert found[0].false_match_rate <= 5e-4
    assert found.posterior is None
    assert found.answer.nearest == found[0].sighting
    assert found.decision.basis == "unlabelled sightings"
    assert "by unlabelled sightings" in str(found)
    plain = json.loads(found.to_json())
    assert plain["matches"][0]["false_match_rate"] == found[0].false_match_rate
    assert plain["decision"]["basis"] == "unlabelled sightings"
    assert "false_match_rate" in matches_csv([found]).splitlines()[0]
    stranger = sightings.vectors[owners == 145][0]
    unknown = Gallery(store).search(stranger, elsewhere=True, fpir=0.05)
    assert unknown.answer is None
    assert "sightings allow" in unknown.decision.reason


def test_too_few_sightings_show_nothing(learnt):
    few = filled(learnt[0][:20])
    assert OwnDistancesOf().now(few) is None
    found = Gallery(few).search(learnt[0].vectors[0], camera="c0")
    assert found.decision is None
    assert [match.false_match_rate for match in found] == [None] * len(found)
    assert own_distances(learnt[0][:1]) is None
    alike = replace(learnt[0][:100], vectors=np.repeat(learnt[0].vectors[:1], 100, axis=0))
    assert own_distances(alike) is None


def test_it_is_learnt_anew_when_the_gallery_has_changed(learnt):
    store = filled(learnt[0][:300])
    own = OwnDistancesOf()
    first = own.now(store)
    assert own.now(store) is first
    store.write(learnt[0][300:310])
    assert own.now(store) is first
    store.write(learnt[0][310:400])
    later = own.now(store)
    assert later is not first
    store.change_about(lambda about: replace(about, not_persons=1))
    assert own.now(store) is not later


def test_a_sample_is_even_over_the_sightings(learnt):
    store = filled(learnt[0])
    assert len(sample_of(store)) == len(learnt[0])
    some = sample_of(store, most=90)
    assert len(np.unique(some.ids)) == 90
    assert all(np.sum(some.cameras == f"c{number}") > 15 for number in range(3))


def test_linking_goes_by_it_where_nothing_is_calibrated():
    sightings, owners = site(persons=120, cameras=3, images=1, noise=0.05, alike=0)
    found = Gallery(filled(replace(sightings, tracklets=np.full(len(owners), -1)))).link()
    assert found.basis == "unlabelled sightings"
    assert json.loads(found.to_json())["basis"] == "unlabelled sightings"
    notes = " ".join(found.notes)
    assert "uncalibrated here" in notes
    assert "whose ratios are estimates" in notes
    assert agreement(owners, found.groups).b_cubed.f1 > 0.9


def test_ratios_fall_with_the_distance_and_are_bounded(learnt):
    across = learnt[2].across
    llrs = across.llrs(np.linspace(0, 2, 200))
    assert (np.diff(llrs) <= 1e-12).all()
    assert np.abs(llrs).max() <= across.highest_llr == pytest.approx(-np.log(across.least_rate))
