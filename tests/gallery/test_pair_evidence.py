"""A calibration across cameras says nothing of pairs by one camera."""

from __future__ import annotations

from dataclasses import asdict, replace

import numpy as np
import pytest

from passerby.evaluation.decisions.calibration_fitting import calibrate
from passerby.gallery.gallery import Gallery
from passerby.gallery.link.linking import link
from passerby.gallery.pair_evidence import (
    NOT_KNOWN,
    OTHER,
    SAME,
    calibrations_for,
    one_camera,
    pair_llrs,
)
from passerby.stores.about import About
from passerby.tables.embeddings import Embeddings
from passerby.tables.filters import Where

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
    assert "80 sightings without a camera are linked to nothing" in " ".join(unknown.notes)
    assert not any(
        "one camera" in note
        for note in link(make_store(vectors, about=about(both), cameras=cameras)).notes
    )
