"""Searches: who is found among whom, what is said of it, and what is refused."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import blake2b

import numpy as np
import pytest
from PIL import Image

from passerby.data.images import UnreadableImage
from passerby.evaluation.decisions.calibration_files import write_calibration
from passerby.gallery.gallery import Gallery
from passerby.gallery.search.matches import matches_csv
from passerby.gallery.search.options import SearchOptions
from passerby.gallery.search.querying import queries_of_embeddings, query_of_vectors
from passerby.gallery.search.searching import search
from passerby.gallery.stored_calibrations import calibration_of, fitting, store_calibrations
from passerby.stores.about import About
from passerby.tables.embeddings import Embeddings
from passerby.tables.filters import EVERYTHING, Where
from passerby.tables.sightings import Sightings

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)


class Colours:
    """Stands for a network: the mean colour of an image says who it shows."""

    def __init__(self, model="crowd", pooling="plain", dimensions=12):
        self.fingerprint, self.pooling, self.dimensions = model, pooling, dimensions

    colours = "rgb"

    def of_pixels(self, images):
        vectors = np.zeros((len(images), self.dimensions), np.float32)
        for row, pixels in enumerate(images):
            vectors[row, :3] = np.asarray(pixels, np.float32).reshape(-1, 3).mean(axis=0)
        return vectors


def opened(store, embedder=None):
    """A gallery whose model is open already."""
    gallery = Gallery(store)
    gallery._embedder = embedder or Colours()
    return gallery


@pytest.fixture
def store(make_store, crowd):
    """Thirty persons with three sightings each by three cameras; those of ten are not labelled."""
    owners = np.repeat(np.arange(30), 3)
    centres = crowd.persons(30)
    start = np.datetime64("2026-05-01T09:00", "us")
    times = start + np.arange(90) * np.timedelta64(60, "s")
    times[::9] = np.datetime64("NaT")
    made = make_store(
        crowd.shots(centres[owners], 0.05),
        persons=[f"p{owner}" if owner < 20 else "" for owner in owners],
        cameras=[f"cam {n % 3}" for n in range(90)],
        times=times,
        qualities=np.where(np.arange(90) % 2, 0.9, np.nan),
        images=[f"crops/{n}.jpg" for n in range(90)],
        thumbnails=[b"\xff\xd8" + bytes([n]) for n in range(90)],
    )
    made.centres = centres
    return made


def test_a_person_is_found_and_named(store, crowd):
    found = Gallery(store).search(crowd.shots(store.centres[[7]], 0.05)[0], k=5)
    assert len(found) == 5
    assert [match.person for match in found][:3] == ["p7"] * 3
    assert [match.rank for match in found] == [1, 2, 3, 4, 5]
    distances = [match.distance for match in found]
    assert distances == sorted(distances)
    assert found.answer.person == "p7"
    assert found.answer.sightings == found.answer.compared == 3
    assert found.posterior.population == 20 + 30
    assert found.probability(found[0]) == found.probability(found[2]) == found.answer.probability
    assert found.searched == 90
    assert found.exact
    assert found.decision.false_match_rate == pytest.approx(0.01 / 90)
    # The evidence of a pair is no probability of the search: with even odds it would be far more.
    alone = 1 / (1 + np.exp(-found[3].llr))
    assert found.probability(found[3]) < alone / 10 or found[3].llr < -3


def test_somebody_who_is_not_there_is_unknown(store, crowd):
    answers = [
        Gallery(store).search(vector).answer for vector in crowd.shots(crowd.persons(20), 0.05)
    ]
    assert answers == [None] * 20


def test_an_unlabelled_sighting_can_be_the_answer(store, crowd):
    found = Gallery(store).search(crowd.shots(store.centres[[25]], 0.02)[0], fpir=0.3)
    assert found[0].person == ""
    assert found.posterior.candidates[0].person == ""
    assert found.posterior.candidates[0].nearest in {f"{n:032x}" for n in (75, 76, 77)}
    assert "not named" in str(found.posterior.candidates[0])


@pytest.mark.parametrize(
    ("where", "sightings", "candidates"),
    [
        (Where(cameras=("cam 1",)), 30, 30),
        (Where(not_cameras=("cam 1", "cam 2")), 30, 30),
        (Where(known=True), 60, 20),
        (Where(known=False), 30, 30),
        (Where(min_quality=0.5), 45, 20 + 15),
        (Where(since=NOON - timedelta(hours=3), until=NOON - timedelta(hours=2)), 53, None),
    ],
)
def test_filters_say_who_can_be_meant(store, crowd, where, sightings, candidates):
    found = Gallery(store).search(store.centres[7], k=100, where=where)
    assert len(found) == found.searched == sightings
    assert candidates is None or found.posterior.population == candidates
    rows = np.array([int(match.sighting, 16) for match in found])
    kept = Sightings.joined([*store.read(where)])
    assert sorted(rows.tolist()) == sorted(int(i, 16) for i in kept.ids)
    assert found.posterior.rest == 0


def test_a_filter_on_time_says_what_it_passed_over(store):
    where = Where(since=NOON - timedelta(hours=3), cameras=("cam 0",))
    found = Gallery(store).search(store.centres[7], where=where)
    assert found.timeless == 10
    assert "10 sightings have no time, and the filter on time passed over them" in str(found)
    untimed = Gallery(store).search(store.centres[7], where=Where(cameras=("cam 0",)))
    assert untimed.timeless == 0


def test_times_that_are_not_known_leave_nothing_to_find(make_store, crowd):
    store = make_store(crowd.persons(3))
    found = Gallery(store).search(crowd.persons(1)[0], where=Where(since=NOON))
    assert (len(found), found.timeless, found.searched) == (0, 3, 0)
    assert found.posterior.absent == 1
    assert found.answer is None
    assert "nothing found" in str(found)


def test_several_pictures_of_a_person_are_pooled_and_calibrated_apart(store, crowd):
    centre = store.centres[[7, 7, 7]]
    shots = crowd.shots(centre, 0.26)
    found = Gallery(store).search(shots)
    assert found.images == 3
    pooled = query_of_vectors(shots, store.about)
    np.testing.assert_allclose(
        pooled.vector, shots.mean(axis=0) / np.linalg.norm(shots.mean(axis=0)), rtol=1e-5
    )
    calibration = calibration_of(store.about, "pooled")
    assert found[0].llr == pytest.approx(float(calibration.llr(found[0].distance)))
    assert calibration.pooling == "plain+mean of 2 to 4 images"
    many = Gallery(store).search(crowd.shots(store.centres[[7] * 6]))
    assert "6 images were pooled, and the calibration is of 4 at most" in str(many)
    without = replace(store.about, calibrations={"single": store.about.calibrations["single"]})
    store.change_about(lambda _: without)
    unjudged = Gallery(store).search(shots)
    assert unjudged.posterior is None
    assert unjudged.probability(unjudged[0]) is None
    assert unjudged[0].llr is None
    assert "uncalibrated here for pooled queries: 3 images" in str(unjudged)
    assert Gallery(store).search(shots[:1]).posterior is not None


def test_without_a_calibration_there_are_distances_alone(make_store, crowd):
    store = make_store(crowd.persons(4), about=About("crowd", "plain", 12))
    found = Gallery(store).search(crowd.persons(1)[0])
    assert (found.posterior, found.decision, found.answer) == (None, None, None)
    assert [match.llr for match in found] == [None] * 4
    assert "uncalibrated here: distances alone do not say who it is" in str(found)
    assert "%" not in str(found)


def test_an_empty_gallery_and_more_than_there_are(make_store, crowd):
    empty = Gallery(make_store([])).search(crowd.persons(1)[0])
    assert (len(empty), empty.posterior.absent, empty.answer) == (0, 1.0, None)
    few = Gallery(make_store(crowd.persons(3))).search(crowd.persons(1)[0], k=50)
    assert len(few) == 3


@pytest.mark.parametrize(
    ("vectors", "message"),
    [
        ([float("nan")] * 12, "1 of 1 query vectors .* have no direction"),
        ([0.0] * 12, "zero or not finite"),
        ([1.0] * 11, "must have the 12 dimensions of the gallery, got 11"),
        (np.ones((2, 2, 12)), r"vectors \[M, D\] of one person, got \[2, 2, 12\]"),
        (np.empty((0, 12)), r"got \[0, 12\]"),
    ],
)
def test_vectors_that_cannot_be_searched_with(store, vectors, message):
    with pytest.raises(ValueError, match=message):
        Gallery(store).search(vectors)


@pytest.mark.parametrize("options", [{"k": 0}, {"prior_absent": 1.0}, {"fpir": 0.0}])
def test_options_out_of_range(store, options):
    with pytest.raises(ValueError, match=f"{next(iter(options))} must be"):
        Gallery(store).search(store.centres[0], **options)


def test_saved_embeddings_are_many_queries(store, crowd):
    queries = Embeddings(
        crowd.shots(store.centres[:4], 0.02), range(4), images=list("abcd"), model="crowd"
    )
    found = Gallery(store).search_each(queries, SearchOptions(k=2))
    assert [one.query for one in found] == list("abcd")
    assert [one.answer.person for one in found] == ["p0", "p1", "p2", "p3"]
    other = Embeddings(queries.vectors, queries.persons, model="other")
    with pytest.raises(
        ValueError, match=r"the gallery is of a model .crowd, .* and this is of other"
    ):
        Gallery(store).search_each(other)
    unnamed = queries_of_embeddings(
        Embeddings(queries.vectors, range(4), model="crowd"), store.about
    )
    assert [query.name for query in unnamed] == ["row 0", "row 1", "row 2", "row 3"]


def test_an_image_is_searched_with_and_does_not_find_itself(tmp_path, make_store):
    pixels = np.zeros((32, 16, 3), np.uint8)
    pixels[::2, ::2, 0] = 200
    path = tmp_path / "query.png"
    Image.fromarray(pixels).save(path)
    itself = blake2b(path.read_bytes(), digest_size=16).hexdigest()
    store = make_store(np.eye(12)[:3], persons=["red", "green", "blue"])
    store.write(Sightings([itself], np.eye(12)[:1], persons=["red"]))
    for query in (str(path), path, pixels, Image.fromarray(pixels), [path]):
        found = opened(store).search(query)
        assert found[0].person == "red"
    found = opened(store).search(str(path))
    assert found.files == (str(path),)
    assert found.searched == 3
    assert itself not in {match.sighting for match in found}
    assert "the query's own image" in str(found)
    assert found.posterior.candidates[0].sightings == 1
    two = opened(store).search([path, pixels])
    assert (two.images, two.query) == (2, f"{path} and 1 more")


def test_what_is_no_crop_of_a_person_is_not_answered(make_store, tmp_path):
    store = make_store(np.eye(12)[:3], persons=["red", "green", "blue"])
    dark = np.zeros((32, 16, 3), np.uint8)
    dark[0, 0, 0] = 3
    path = tmp_path / "dark.png"
    Image.fromarray(dark).save(path)
    for query in (dark, str(path), Image.fromarray(dark)):
        found = opened(store).search(query)
        assert found[0].person == "red"
        assert found.posterior is found.decision is found[0].llr is None
        assert "is hardly a crop of a person: it is blank" in str(found)
        assert "answer: red" not in str(found)


def test_pooled_images_of_several_persons_are_not_answered(make_store, crowd):
    centres = crowd.persons(4)
    gallery = Gallery(make_store(crowd.shots(centres, 0.02), persons=list("abcd")))
    same = gallery.search(crowd.shots(centres[[0, 0, 0]], 0.02))
    assert same.posterior is not None
    assert "unlike" not in str(same)
    mixed = gallery.search(crowd.shots(centres[[0, 1, 0, 0]], 0.02))
    assert mixed.posterior is mixed.decision is None
    assert "hardly of one person: vector 2 is unlike the others" in str(mixed)
    two = gallery.search(crowd.shots(centres[[0, 0, 1, 1, 2, 2, 3, 3]], 0.02))
    assert "vector 3, vector 4, vector 5 and 1 more are unlike" in str(two)
    gallery.store.change_about(lambda about: replace(about, calibrations={}))
    assert "vector 2 is unlike" in str(gallery.search(np.eye(12)[[0, 3, 0]]))


def test_an_own_image_that_is_a_persons_only_one(tmp_path, make_store):
    path = tmp_path / "query.png"
    pixels = np.random.default_rng(0).integers(0, 256, (32, 16, 3), np.uint8)
    Image.fromarray(pixels).save(path)
    itself = blake2b(path.read_bytes(), digest_size=16).hexdigest()
    store = make_store([])
    store.write(Sightings([itself], np.eye(12)[:1], persons=["alone"]))
    found = opened(store).search(path)
    assert (len(found), found.searched, found.posterior.population) == (0, 0, 0)


@pytest.mark.parametrize("options", [("other",), ("crowd", "flip"), ("crowd", "plain", 3)])
def test_another_model_is_refused(tmp_path, store, options):
    path = tmp_path / "a.png"
    Image.new("RGB", (4, 8)).save(path)
    with pytest.raises(ValueError, match=r"the gallery is of a model .crowd, plain, 12 numbers"):
        opened(store, Colours(*options)).search(path)


def test_images_that_cannot_be_searched_with(tmp_path, store):
    with pytest.raises(UnreadableImage, match="No such file"):
        opened(store).search(tmp_path / "none.jpg")
    with pytest.raises(ValueError, match="at least one image"):
        opened(store).search([])


def test_re_ranking_orders_and_leaves_the_evidence_alone(store, crowd):
    """Two groups lie between: the query's true neighbours are those that share its neighbours."""
    query = crowd.shots(store.centres[[7]], 0.2)[0]
    plain = Gallery(store).search(query, k=90)
    again = Gallery(store).search(query, k=90, rerank=True)
    reranked = [match.reranked for match in again]
    assert reranked == sorted(reranked)
    assert [m.sighting for m in again] != [m.sighting for m in plain]
    assert {m.sighting: m.llr for m in again} == {m.sighting: m.llr for m in plain}
    assert again.posterior == plain.posterior
    assert again.decision == plain.decision
    assert "probabilities are of the distances as measured" in str(again)
    assert all(match.reranked is None for match in plain)


def test_passages_are_ranked_and_not_their_frames(make_store, crowd):
    """A tracklet of 300 frames lies before the tracklets and single sightings of three others."""
    centres = crowd.persons(4)
    owners = np.array([0] * 300 + [1, 1, 2, 3])
    seconds = np.arange(len(owners)) % 300
    seconds[-4:] = [0, 5, 0, 0]
    store = make_store(
        crowd.shots(centres[owners], 0.01),
        cameras=["1"] * len(owners),
        tracklets=[7] * 300 + [8, 8, -1, -1],
        times=np.datetime64("2026-05-01T09:00", "us") + seconds * np.timedelta64(1, "s"),
    )
    found = Gallery(store).search(centres[0], k=3)
    assert [match.tracklet for match in found][:1] == [7]
    assert len(found) == 3
    assert found[0].sightings == 300
    assert (found[0].last - found[0].first).total_seconds() == 299
    assert len({(match.tracklet, match.sighting) for match in found}) == 3
    assert "09:00:00Z to 09:04:59Z" in str(found)
    every = Gallery(store).search(centres[0], k=10)
    assert sorted(match.sightings for match in every) == [1, 1, 2, 300]
    assert [match.rank for match in every] == [1, 2, 3, 4]
    rows = matches_csv([every]).splitlines()
    assert rows[0].endswith("answer,sightings,first,last,first_second,last_second")
    assert ",300,2026-05-01T09:00:00Z,2026-05-01T09:04:59Z" in rows[1]


def test_re_ranking_of_one_or_none(make_store, crowd):
    for count in (0, 1):
        found = Gallery(make_store(crowd.persons(count))).search(crowd.persons(1)[0], rerank=True)
        assert len(found) == count


def test_thumbnails_come_where_they_are_asked_for(store):
    query = query_of_vectors(store.centres[7], store.about)
    (found,) = search(store, [query], SearchOptions(k=3, thumbnails=True))
    assert [match.thumbnail[2] for match in found] == [int(m.sighting, 16) for m in found]
    (found,) = search(store, [query], SearchOptions(k=3))
    assert found[0].thumbnail == b""


def test_approximate_searches_say_so_and_count_what_they_may_miss(store, monkeypatch):
    query = query_of_vectors(store.centres[7], store.about)
    whole = type(store).search
    monkeypatch.setattr(
        type(store),
        "search",
        lambda self, vectors, k, where=EVERYTHING, **o: replace(
            whole(self, vectors, 12, where, **o), exact=False
        ),
    )
    monkeypatch.setattr(type(store), "recall", lambda self: 0.9)
    (found,) = search(store, [query])
    assert not found.exact
    assert "approximately" in str(found)
    assert 0 < found.posterior.rest <= found.posterior.rest_at_most
    assert "those not compared: at most" in str(found)


def test_calibrations_that_do_not_fit(store, crowd_calibration, pooled_calibration):
    bare = replace(store.about, calibrations={})
    assert calibration_of(bare, "single") is None
    found = fitting("crowd", "plain", [crowd_calibration, pooled_calibration])
    both = replace(bare, calibrations=found)
    assert calibration_of(both, "single") == crowd_calibration
    assert calibration_of(both, "pooled") == pooled_calibration
    again = About.from_json(both.to_json())
    assert calibration_of(again, "pooled") == pooled_calibration
    foreign = replace(crowd_calibration, model="other")
    assert fitting("crowd", "plain", [foreign]) == fitting("crowd", "flip", [pooled_calibration])
    damaged = replace(bare, calibrations={"single": {"model": "crowd"}})
    with pytest.raises(ValueError, match="the single calibration of the gallery is damaged"):
        calibration_of(damaged, "single")
    swapped = replace(bare, calibrations={"single": found["pooled"]})
    with pytest.raises(ValueError, match="and not of crowd, cosine, plain"):
        calibration_of(swapped, "single")


def test_calibrations_are_taken_from_the_file_beside_the_model(
    tmp_path, store, crowd_calibration, pooled_calibration
):
    with pytest.raises(ValueError, match="does not say where its model is"):
        store_calibrations(store)
    store.change_about(lambda about: replace(about, calibrations={}, place=str(tmp_path)))
    with pytest.raises(ValueError, match=r"there is no file .*: run passerby calibrate"):
        store_calibrations(store)
    file = tmp_path / "calibration.json"
    write_calibration(file, replace(crowd_calibration, model="other"))
    with pytest.raises(
        ValueError, match=r"no calibration for crowd, cosine, plain .* but for othe"
    ):
        store_calibrations(store)
    write_calibration(file, crowd_calibration)
    assert store_calibrations(store) == ("single",)
    write_calibration(file, pooled_calibration)
    assert store_calibrations(store, file) == ("pooled", "single")
    assert calibration_of(store.about, "pooled") == pooled_calibration
