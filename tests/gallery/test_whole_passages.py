"""A passage that is one sighting, from one end of a gallery to the other.

Everything that is learnt or judged from it must be what five sightings of one tracklet give.
"""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from passerby.embedding.embedder import load
from passerby.gallery.enrol.thumbnails import picture
from passerby.gallery.gallery import Gallery
from passerby.gallery.link.linking import link
from passerby.gallery.link.rules import Rules
from passerby.gallery.own_distances import sample_of
from passerby.gallery.review.learning import footage_calibration
from passerby.gallery.reviewed_pairs import sightings_of
from passerby.gallery.search.matches import matches_csv
from passerby.gallery.upkeep.dumps import dump, restore
from passerby.stores.opening import create_store, open_store
from passerby.tables.filters import Where
from passerby.tables.looks import Looks
from passerby.tables.sightings import Sightings, by_look
from passerby.visual.found.match_page import write_match_page
from passerby.visual.link_page import write_link_page
from passerby.visual.match_pictures import draw_matches

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
LOOKS = 4


@pytest.fixture
def site(crowd):
    """40 persons, seen once by each of two cameras: as passages, and as sightings of tracklets."""
    random = np.random.default_rng(5)
    centres = np.repeat(crowd.persons(40), 2, axis=0)
    whole, apart = [], []
    for number, centre in enumerate(centres):
        vectors = crowd.shots(np.repeat(centre[None], LOOKS, axis=0), 0.2).astype(np.float32)
        # As float16 holds them, so that both galleries hold the same.
        vectors = Looks.from_bytes(_looks(vectors, number).to_bytes()).vectors
        looks = _looks(vectors, number)
        vector, coherence = looks.pooled()
        known = {
            "cameras": [f"cam {number % 2}"],
            "sources": ["site.mp4"],
            "tracklets": [number],
        }
        pixels = random.integers(0, 256, (LOOKS, 80, 40, 3), np.uint8)
        whole.append(
            Sightings(
                [f"{number:032x}"], vector[None], times=looks.times[:1], untils=looks.times[-1:],
                coherences=[coherence], looks=[looks], pictures=[[picture(p) for p in pixels]],
                **known,
            )
        )  # fmt: skip
        apart.append(
            Sightings(
                [f"{number:016x}{row:016x}" for row in range(LOOKS)], vectors, times=looks.times,
                frames=looks.frames, **{name: value * LOOKS for name, value in known.items()},
            )
        )  # fmt: skip
    return Sightings.joined(whole), Sightings.joined(apart)


def _looks(vectors, number):
    seconds = 3.0 + 2.5 * np.arange(LOOKS)
    begun = np.datetime64("2026-05-01T12:00", "us") + np.timedelta64(7 * (number // 2), "s")
    times = begun + (1e6 * seconds).astype("timedelta64[us]") + np.timedelta64(number % 2, "h")
    boxes = np.tile([10, 20, 50, 100], (LOOKS, 1)).astype(np.float32)
    return Looks((2.0, 12.0), seconds, times, np.arange(LOOKS) * 60, boxes, vectors)


@pytest.fixture
def galleries(site, memory_place, crowd_about):
    """Both, with the calibration of the crowd."""
    made = []
    for name, given in zip(("whole", "apart"), site, strict=True):
        store = create_store(f"{memory_place}-{name}", crowd_about)
        store.write(given)
        made.append(Gallery(store))
    return made


def test_the_distance_of_a_passage_is_the_mean_distance_of_its_looks(galleries, site, crowd):
    whole, apart = galleries
    query = crowd.shots(site[1].vectors[:1].astype(np.float64))[0].astype(np.float32)
    found = whole.search(query, k=80)
    single = {m.sighting: m.distance for m in apart.search(query, k=320)}
    distances = 1 - site[1].vectors @ query
    means = distances.reshape(-1, LOOKS).mean(1)
    assert [int(m.sighting, 16) for m in found] == np.argsort(means).tolist()
    np.testing.assert_allclose([m.distance for m in found], np.sort(means), atol=1e-4)
    assert len(single) == 80
    judge = crowd_llr(whole)
    np.testing.assert_allclose([m.llr for m in found], judge(np.sort(means)), atol=0.02)


def crowd_llr(gallery):
    from passerby.gallery.stored_calibrations import calibration_of

    return calibration_of(gallery.about, "single").llr


def test_a_hit_shows_its_clip_and_strip(galleries, tmp_path):
    whole, _ = galleries
    query = next(iter(whole.store.read(Where(ids=("0" * 32,))))).vectors[0]
    found = whole.search(query, k=3, thumbnails=True)
    first = found[0]
    assert (first.first, first.last) == (
        NOON + timedelta(seconds=3),
        NOON + timedelta(seconds=10.5),
    )
    assert first.seconds == (2.0, 12.0)
    assert [one.second for one in first.pictures] == [3.0, 5.5, 8.0, 10.5]
    assert first.pictures[1].frame == 60
    assert first.pictures[1].box == (10, 20, 50, 100)
    assert all(one.jpeg for one in first.pictures)
    assert "site.mp4 0:02.0 to 0:12.0" in str(found)
    told = json.loads(found.to_json())["matches"][0]
    assert told["seconds"] == [2.0, 12.0]
    assert told["pictures"][0]["time"] == "2026-05-01T12:00:03Z"
    assert "jpeg" not in told["pictures"][0]
    assert matches_csv([found]).splitlines()[1].endswith(",2.0,12.0")
    page = write_match_page([found], tmp_path / "page.html").read_text("utf-8")
    assert page.count("data:image/jpeg") == 3 * LOOKS
    assert "0:05.5" in page
    assert draw_matches([found], tmp_path / "sheet.png").exists()
    plain = whole.search(query, k=3)
    assert [one.jpeg for one in plain[0].pictures] == [b""] * LOOKS


def test_linking_gives_what_tracklets_of_sightings_give(galleries, tmp_path):
    whole, apart = (link(gallery.view, rules=Rules(passages=2)) for gallery in galleries)
    assert whole.passages == apart.passages == 80
    assert whole.groups.tolist() == apart.groups[::LOOKS].tolist()
    joined = [[p for p in one.persons if len(p.passages) > 1] for one in (whole, apart)]
    assert len(joined[0]) == len(joined[1]) > 10
    assert [p.weakest_llr for p in joined[0]] == pytest.approx([p.weakest_llr for p in joined[1]])
    stay = whole.persons[0].passages[0]
    assert stay.last - stay.first == timedelta(seconds=7.5)
    strips = galleries[0].strips([stay.sighting])
    page = write_link_page(whole, tmp_path / "links.html", {}, strips).read_text("utf-8")
    assert page.count("data:image/jpeg") == LOOKS
    assert "video 0:03.0 to 0:10.5" in page


def test_footage_calibrates_itself_as_before(galleries):
    whole, apart = (footage_calibration(gallery.store) for gallery in galleries)
    assert whole is not None
    assert whole.quality.fitting == apart.quality.fitting
    grid = np.linspace(0, 1, 50)
    np.testing.assert_allclose(whole.llr(grid), apart.llr(grid), atol=1e-6)


def test_what_is_learnt_is_of_single_images(galleries, site):
    whole, _ = galleries
    middle = site[1].vectors[LOOKS // 2 :: LOOKS]
    sampled = sample_of(whole.store)
    np.testing.assert_array_equal(sampled[np.argsort(sampled.ids)].vectors, middle)
    shown = sightings_of(whole.store, [f"{3:032x}"])
    np.testing.assert_array_equal(shown.vectors[0], middle[3])
    rates = [m.false_match_rate for m in without_calibration(whole).search(middle[0], k=5)]
    assert rates[0] is not None
    assert rates[0] <= rates[4]


def without_calibration(gallery):
    gallery.store.change_about(lambda about: replace(about, calibrations={}))
    return gallery


def test_an_adapted_gallery_pools_what_it_sees(galleries):
    whole, apart = galleries
    for gallery in galleries:
        gallery.adapt(hubness=False)
    seen = Sightings.joined([*whole.view.read()])
    seen = seen[np.argsort(seen.ids)]
    for vector, coherence, looks in zip(seen.vectors, seen.coherences, seen.looks, strict=True):
        np.testing.assert_allclose(coherence * vector, looks.vectors.mean(0), atol=1e-5)
    assert apart.undo_adapting() == whole.undo_adapting()


def test_removal_and_retention_reach_passages_that_began_before(galleries):
    store = galleries[0].store
    during = Where(
        since=NOON + timedelta(seconds=9), until=NOON + timedelta(seconds=9.5), cameras=("cam 0",)
    )
    # The first lasts from second 3 to 10.5, the next begins at 10.
    assert [part.ids.tolist() for part in store.read(during)] == [["0" * 32]]
    gone = galleries[0].keep(datetime.now(UTC) - NOON - timedelta(seconds=4))
    assert gone.count == 1  # it began more than so long ago, though it ended later
    assert store.count() == 79


def test_dumps_carry_passages_from_engine_to_engine(galleries, tmp_path):
    whole, _ = galleries
    dump(whole.store, tmp_path / "dump.zip")
    for place in (str(tmp_path / "lance"), f"milvus://{tmp_path}/lite.db/site"):
        restore(tmp_path / "dump.zip", place)
        store = open_store(place)
        read = Sightings.joined([*store.read(with_thumbnails=True)])
        read = read[np.argsort(read.ids)]
        given = Sightings.joined([*whole.store.read(with_thumbnails=True)])
        assert read.pictures == given.pictures
        assert [looks.to_bytes() for looks in read.looks] == [
            looks.to_bytes() for looks in given.looks
        ]
        np.testing.assert_array_equal(read.untils, given.untils)
        np.testing.assert_allclose(read.coherences, given.coherences, atol=1e-6)
        store.close()


def test_another_model_embeds_the_kept_pictures(galleries, small_model, tmp_path, monkeypatch):
    whole, _ = galleries
    other = load(small_model, device="cpu")
    done = whole.reembed(other, tmp_path / "anew")
    assert (done.added, done.left_out) == (80, ())
    with Gallery.open(tmp_path / "anew", model=small_model) as anew:
        (one,) = anew.store.read(Where(ids=("0" * 32,)), with_thumbnails=True)
        from passerby.data.images import decode_contents

        pixels = [decode_contents(jpeg, "a picture") for jpeg in one.pictures[0]]
        expected = other(pixels if other.colours == "rgb" else [p[..., ::-1] for p in pixels])
        expected /= np.linalg.norm(expected, axis=1, keepdims=True)
        np.testing.assert_allclose(one.looks[0].vectors, expected, atol=1e-3)
        assert len(by_look(one)[0]) == LOOKS
        assert one.looks[0].span == (2.0, 12.0)
    again = whole.reembed(other, tmp_path / "anew")
    assert (again.added, again.present) == (0, 80)
