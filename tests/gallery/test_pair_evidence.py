"""A calibration across cameras says nothing of pairs by one camera."""

from __future__ import annotations

from dataclasses import asdict, replace

import numpy as np
import pytest

from passerby.evaluation.decisions.calibration_fitting import calibrate
from passerby.gallery.gallery import Gallery
from passerby.gallery.link.linking import link
from passerby.gallery.pair_evidence import (
    NONE,
    NOT_KNOWN,
    OTHER,
    SAME,
    calibrations_for,
    camera_pairs,
    one_camera,
    pair_llrs,
)
from passerby.stores.about import About
from passerby.tables.embeddings import Embeddings
from passerby.tables.filters import Where
from passerby.tables.sightings import Sightings

CAMERAS = 3


class Site:
    """Persons in all directions, and cameras that lend all that they see a direction of their own:
    strangers by one camera are nearer than by two."""

    def __init__(self, seed):
        self.random = np.random.default_rng(seed)
        # The cameras are the same ones for every seed.
        self.cameras = 0.8 * np.random.default_rng(99).normal(size=(CAMERAS, 12)) / np.sqrt(12)

    def seen(self, persons, views):
        """A picture [N, 12] of each person [N, 12] by a camera [N]."""
        shots = persons + self.cameras[views] + 0.1 * self.random.normal(size=persons.shape)
        return shots / np.linalg.norm(shots, axis=1, keepdims=True)

    def persons(self, count):
        return self.random.normal(size=(count, 12)) / np.sqrt(12)

    def labelled(self, count, images=2):
        numbers = np.repeat(np.arange(count), CAMERAS * images)
        views = np.tile(np.repeat(np.arange(CAMERAS), images), count)
        vectors = self.seen(self.persons(count)[numbers], views)
        return Embeddings(vectors, numbers, views, model="site")


@pytest.fixture(scope="module")
def both():
    return calibrate(Site(1).labelled(200), replicates=2)


@pytest.fixture(scope="module")
def across(both):
    return replace(both, within=None)


def about(calibration):
    return About("site", "plain", 12, calibrations={"single": asdict(calibration)})


@pytest.fixture
def strangers(make_store):
    """Makes a gallery of 60 persons, twenty by each camera, and a stranger seen by camera 0."""

    def make(calibration):
        site = Site(2)
        views = np.arange(60) % CAMERAS
        vectors = site.seen(site.persons(60), views)
        store = make_store(vectors, about=about(calibration), cameras=[str(v) for v in views])
        return Gallery(store), site.seen(site.persons(40), np.zeros(40, int))

    return make


def test_each_pair_has_the_ratio_of_its_kind(both, across):
    distances = np.array([0.2, 0.2, 0.2, 0.6])
    kinds = np.array([OTHER, SAME, NOT_KNOWN, NOT_KNOWN])
    found = pair_llrs(both, distances, kinds)
    others, same = both.llr(distances), both.within.llr(distances)
    assert found.tolist() == [others[0], same[1], *np.minimum(others, same)[2:]]
    found = pair_llrs(across, distances, kinds)
    assert found[0] == others[0]
    assert np.isnan(found[1:]).all()
    anywhere = replace(across, pairs="any cameras")
    np.testing.assert_array_equal(pair_llrs(anywhere, distances, kinds), others)
    assert calibrations_for(anywhere, NOT_KNOWN) == (anywhere,)


def alone(calibration, cameras, shift):
    """The same for two cameras alone, all distances greater by a shift."""
    moved = tuple(distance + shift for distance in calibration.curve.distances)
    curve = replace(calibration.curve, distances=moved)
    return replace(calibration, curve=curve, cameras=cameras, within=None)


def test_two_cameras_that_have_their_own_are_judged_by_it(both):
    own = alone(both, ("s/door", "s/hall"), 0.2)
    within = alone(both.within, ("s/hall", "s/hall"), 0.1)
    judge = replace(both, between=(own,), within=replace(both.within, between=(within,)))
    others = np.array(["s/door", "s/hall", "s/yard", "t/door", ""])
    kinds = np.array([OTHER, SAME, OTHER, OTHER, NOT_KNOWN])
    pairs = camera_pairs(judge, "s/hall", others, kinds)
    assert pairs.tolist() == [0, 0, NONE, NONE, NONE]
    distances = np.full(5, 0.5)
    found = pair_llrs(judge, distances, kinds, pairs)
    plain = pair_llrs(both, distances, kinds)
    assert found[0] == own.llr(0.5) == pytest.approx(float(both.llr(0.3)))
    assert found[1] == within.llr(0.5)
    assert found[2:].tolist() == plain[2:].tolist()
    assert calibrations_for(judge, OTHER, 0) == (own,)
    assert camera_pairs(judge, "", others, kinds).tolist() == [NONE] * 5


def test_a_search_takes_the_calibration_of_the_two_cameras(both, make_store):
    site = Site(3)
    persons = site.persons(20)
    judge = replace(both, between=(alone(both, ("s/0", "s/1"), 0.2),))
    store = make_store(
        site.seen(persons, np.ones(20, int)), about=about(judge), cameras=["1"] * 20,
        sources=["s"] * 20,
    )  # fmt: skip
    store.write(
        Sightings(
            ["f" * 32], site.seen(persons[:1], np.zeros(1, int)), cameras=["0"], sources=["s"]
        )
    )
    query = site.seen(persons[:1], np.zeros(1, int))[0]
    found = Gallery(store).search(query, camera="0", k=30)
    by_other = [match for match in found if match.camera == "1"]
    for match in by_other:
        assert match.llr == pytest.approx(float(judge.between[0].llr(match.distance)))
    assert len(by_other) == 20
    unknown = Gallery(store).search(query, k=30, elsewhere=True)
    assert unknown[0].llr == pytest.approx(float(both.llr(unknown[0].distance)))


def test_which_pairs_are_by_one_camera():
    cameras = np.array(["hall", "door", ""])
    assert one_camera("hall", cameras).tolist() == [SAME, OTHER, NOT_KNOWN]
    assert one_camera("", cameras).tolist() == [NOT_KNOWN] * 3
    assert one_camera("", cameras, elsewhere=True).tolist() == [OTHER] * 3


def test_strangers_by_the_querys_camera_are_not_taken_for_each_other(strangers, across):
    gallery, queries = strangers(across)
    naive = replace(across, pairs="any cameras")  # what applied the one to all pairs
    wrong = sum(
        strangers(naive)[0].search(query, camera="0", prior_absent=0.5, fpir=0.3).posterior.absent
        < 0.5
        for query in queries
    )
    found = [gallery.search(query, camera="0", fpir=0.3) for query in queries]
    assert sum(one.posterior.absent < 0.5 for one in found) < wrong
    for one in found:
        assert one.posterior.population == 40
        assert all((match.llr is None) == (match.camera == "0") for match in one)
        assert "by the query's own camera" in one.notes[-1]
        own = {match.sighting for match in one if match.camera == "0"}
        assert not own & {candidate.nearest for candidate in one.posterior.candidates}


def test_without_knowing_the_camera_there_is_no_probability(strangers, across, both):
    gallery, queries = strangers(across)
    silent = gallery.search(queries[0])
    assert silent.posterior is silent.decision is None
    assert "--query-camera" in silent.notes[-1]
    for options in ({"elsewhere": True}, {"where": Where(not_cameras=("0",))}):
        assert gallery.search(queries[0], **options).posterior is not None
    careful = strangers(both)[0].search(queries[0])
    assert all(
        match.llr == min(both.llr(match.distance), both.within.llr(match.distance))
        for match in careful
    )
    with pytest.raises(ValueError, match="no sighting is by the camera '9'"):
        gallery.search(queries[0], camera="9")
    with pytest.raises(ValueError, match="not both"):
        gallery.search(queries[0], camera="0", elsewhere=True)


def test_saved_queries_bring_their_camera(strangers, across):
    gallery, queries = strangers(across)
    saved = Embeddings(queries[:2], [0, 1], [0, -1], model="site", pooling="plain")
    known, unknown = gallery.search_each(saved)
    assert known.posterior.population == 40
    assert unknown.posterior is None


def test_linking_joins_passages_by_two_cameras_alone(make_store, both, across):
    site = Site(3)
    owners, views = np.repeat(np.arange(20), 4), np.tile([0, 0, 1, 2], 20)
    vectors = site.seen(site.persons(20)[owners], views)
    cameras = [str(view) for view in views]
    found = link(make_store(vectors, about=about(across), cameras=cameras))
    assert "passages by one camera are not compared" in found.notes[0]
    for group in np.unique(found.groups):
        seen = views[found.groups == group]
        assert len(seen) == 1 or len(set(seen.tolist())) > 1
    assert len(np.unique(found.groups)) < 80
    unknown = link(make_store(vectors, about=about(across)))
    assert len(np.unique(unknown.groups)) == 80
    assert "80 sightings are linked to nothing, for want of a camera" in " ".join(unknown.notes)
    assert not any(
        "one camera" in note
        for note in link(make_store(vectors, about=about(both), cameras=cameras)).notes
    )
