"""Linking against a slow version, its constraints, and what it writes."""

from __future__ import annotations

import csv
import io
import json
import math
from dataclasses import asdict, replace

import numpy as np
import pytest

from passerby.data.reading.reader import read_split
from passerby.embedding.histogram import MODEL, embed_histograms
from passerby.evaluation.decisions.calibration_fitting import calibrate
from passerby.gallery.link.linking import link, write_links
from passerby.gallery.link.persons import persons_csv
from passerby.gallery.link.rules import Rules
from passerby.gallery.stored_calibrations import calibration_of
from passerby.stores.about import About
from passerby.stores.engines.memory import MemoryStore
from passerby.tables.filters import Where
from passerby.tables.keys import person_names
from passerby.tables.sightings import Sightings

EIGHT = np.datetime64("2026-05-01T08:00:00", "us")


def walkers(make_store, crowd, about, *, persons=25, cameras=3, named=()):
    """Persons who pass every camera, an hour apart; ``named`` ones are known at camera 0."""
    owners = np.repeat(np.arange(persons), cameras)
    views = np.tile(np.arange(cameras), persons)
    centres = crowd.persons(persons)
    store = make_store(
        crowd.shots(centres[owners], 0.08),
        about=about,
        persons=[
            f"p{o}" if o in named and v == 0 else "" for o, v in zip(owners, views, strict=True)
        ],
        cameras=[f"cam {v}" for v in views],
        times=EIGHT + (views * 3600 + owners * 60).astype("timedelta64[s]"),
    )
    store.owners = owners
    return store


def persons_of(store):
    return {
        str(i): str(p) for part in store.read() for i, p in zip(part.ids, part.persons, strict=True)
    }


def slow_groups(vectors, calibration, least):
    """Average linkage with every pair and every mean computed anew at every step."""
    llrs = calibration.llr(np.maximum(1 - vectors @ vectors.T, 0))
    groups = [[row] for row in range(len(vectors))]
    while len(groups) > 1:
        means = {
            (a, b): llrs[np.ix_(groups[a], groups[b])].mean()
            for a in range(len(groups))
            for b in range(a)
        }
        a, b = max(means, key=lambda pair: means[pair])
        if means[a, b] <= least:
            break
        groups[b] += groups.pop(a)
    return {frozenset(group) for group in groups}


@pytest.mark.parametrize("seed", range(5))
def test_groups_are_those_of_average_linkage(make_store, crowd_calibration, crowd, seed):
    """In a blur where groups grow large and joins change what was next."""
    crowd.random = np.random.default_rng(seed)
    vectors = crowd.shots(crowd.persons(6)[np.arange(40) % 6], 0.2).astype(np.float32)
    found = link(make_store(vectors), rules=Rules(passages=20, cost=1, neighbours=60))
    assert found.least_llr == pytest.approx(math.log(39 / 19))
    given = {frozenset(np.flatnonzero(found.groups == g).tolist()) for g in np.unique(found.groups)}
    assert given == slow_groups(vectors, crowd_calibration, found.least_llr)
    assert 1 < len(given) < 40


def test_persons_are_linked_over_cameras_and_judged(make_store, crowd, sharp_about):
    known = walkers(make_store, crowd, sharp_about, named=())
    known.name_persons([f"{n:032x}" for n in range(75)], [f"p{owner}" for owner in known.owners])
    judged = link(known, judge=True)
    assert judged.agreement.sightings == 75
    assert judged.agreement.pairs.precision > 0.95
    assert judged.agreement.across_cameras.recall > 0.9
    assert judged.agreement.b_cubed.f1 > 0.95
    assert "Rand index" in str(judged)
    assert persons_of(known)[f"{0:032x}"] == "p0"  # nothing is written


def test_names_are_written_only_when_asked_and_never_over_known_persons(
    make_store, crowd, sharp_about
):
    store = walkers(make_store, crowd, sharp_about, named=(3, 4))
    before = persons_of(store)
    found = link(store)
    assert persons_of(store) == before
    written = write_links(store, found)
    after = persons_of(store)
    assert written == sum(before[i] != after[i] for i in before) > 50
    for number, owner in enumerate(store.owners):
        sighting = f"{number:032x}"
        if before[sighting]:
            assert after[sighting] == before[sighting]
        elif owner in (3, 4):  # linked to a known person, whose name is not for us to give
            assert after[sighting] == ""
    linked = {name for name in after.values() if name.startswith("linked/")}
    assert {f"linked/{n}" for n in range(1, len(linked) + 1)} == linked
    write_links(store, found, extend=True)
    extended = persons_of(store)
    assert sum(name == "p3" for name in extended.values()) == 3


def test_linking_again_changes_nothing(make_store, crowd, sharp_about):
    """Names of an earlier linking bind nothing, and groups that stay keep theirs."""
    store = walkers(make_store, crowd, sharp_about)
    write_links(store, link(store))
    once = persons_of(store)
    again = link(store)
    assert again.changes() == ([], [])
    assert write_links(store, again) == 0
    assert persons_of(store) == once


def test_a_part_of_the_gallery_takes_no_name_of_the_rest(make_store, crowd, sharp_about):
    store = walkers(make_store, crowd, sharp_about)
    write_links(store, link(store, Where(cameras=("cam 0", "cam 1"))))
    first = {name for name in persons_of(store).values() if name}
    store.name_persons([f"{0:032x}", f"{1:032x}"], ["", ""])
    write_links(store, link(store, Where(ids=(f"{0:032x}", f"{1:032x}"))))
    new = persons_of(store)[f"{0:032x}"]
    assert new
    assert new not in first


def test_known_persons_are_never_joined(make_store, crowd):
    """Two names for pictures of one person stay two persons, unless names are given anew."""
    centre = crowd.persons(1)[[0] * 4]
    store = make_store(crowd.shots(centre, 0.01), persons=["anna", "anna", "berta", ""])
    found = link(store, rules=Rules(passages=3))
    assert found.groups[0] == found.groups[1] != found.groups[2]
    assert found.kept_apart_by_name == 1
    assert found.changes() == ([], [])
    anew = link(store, rules=Rules(passages=3, over_known=True))
    assert len(np.unique(anew.groups)) == 1
    assert anew.changes()[1] == ["linked/1"] * 4
    alone = make_store(crowd.persons(2), persons=["anna", ""])
    assert link(alone, rules=Rules(least_ratio=1e6, over_known=True)).changes() == ([], [])


def test_nobody_is_in_two_places_at_once(make_store, crowd):
    """Four pictures alike, two of them by two cameras at one moment."""
    vectors = crowd.shots(crowd.persons(1)[[0] * 4], 0.01)
    seconds = np.array([0, 0, 60, 90]).astype("timedelta64[s]")
    cameras = ["hall", "street", "hall", "street"]
    store = make_store(vectors, cameras=cameras, times=EIGHT + seconds)
    found = link(store, rules=Rules(passages=3))
    assert found.groups[0] != found.groups[1]
    assert found.kept_apart_by_time >= 1
    assert "kept apart: " in str(found)
    for rules in (Rules(passages=3, overlapping=(("hall", "street"),)),):
        assert len(np.unique(link(store, rules=rules).groups)) == 1
    slow = link(store, rules=Rules(passages=3, tolerance=45))
    assert len(np.unique(slow.groups)) == 2
    assert slow.groups[2] != slow.groups[3]
    # Without times, or without cameras, nothing is known against it.
    for columns in ({"cameras": cameras}, {"times": EIGHT + seconds}):
        free = link(make_store(vectors, **columns), rules=Rules(passages=3))
        assert len(np.unique(free.groups)) == 1
        assert "4 sightings have no time or no camera" in str(free)
    with pytest.raises(ValueError, match="no sighting is by the camera 'roof'"):
        link(store, rules=Rules(overlapping=(("hall", "roof"),)))


def test_two_tracks_at_once_are_two_persons(make_store, crowd):
    """Pictures all alike; only a mirror makes one person of both tracks."""
    vectors = crowd.shots(crowd.persons(1)[[0] * 4], 0.01)
    seconds = np.array([0, 10, 5, 15]).astype("timedelta64[s]")
    store = make_store(vectors, cameras=["hall"] * 4, times=EIGHT + seconds, tracklets=[1, 1, 2, 2])
    found = link(store, rules=Rules(passages=3))
    assert len(np.unique(found.groups)) == 2
    assert found.kept_apart_by_time == 1
    mirror = link(store, rules=Rules(passages=3, overlapping=(("hall", "hall"),)))
    assert len(np.unique(mirror.groups)) == 1


def test_frames_of_a_tracklet_are_together_and_count_once(make_store, crowd):
    """Even frames that look like somebody else."""
    centres = crowd.persons(2)
    vectors = crowd.shots(centres[[0] * 10 + [1] * 10 + [0]], 0.02)
    store = make_store(vectors, cameras=["1"] * 20 + ["2"], tracklets=[5] * 11 + [6] * 9 + [-1])
    found = link(store, rules=Rules(passages=2.5))
    assert len(np.unique(found.groups[:11])) == 1
    assert found.groups[20] == found.groups[0]
    assert found.groups[11] != found.groups[0]
    assert found.passages == 3


def test_a_gallery_without_a_calibration_or_without_sightings(make_store, crowd):
    with pytest.raises(ValueError, match="nothing says so: uncalibrated here"):
        link(make_store(crowd.persons(2), about=About("crowd", "plain", 12)))
    with pytest.raises(ValueError, match="there is nothing to link"):
        link(make_store(crowd.persons(0)))
    found = link(make_store(crowd.persons(1)), judge=True)
    assert len(found.groups) == 1
    assert found.changes() == ([], [])
    assert "0 of two sightings or more" in str(found)


def test_too_many_passages_for_the_calibration(make_store, crowd, crowd_calibration):
    found = link(make_store(crowd.persons(30)), rules=Rules(passages=1.0001))
    assert "too few persons to link so many" in str(found)
    assert len(np.unique(found.groups)) == 30
    assert math.exp(found.least_llr) > math.exp(crowd_calibration.curve.llrs[0])


@pytest.mark.parametrize(
    "options",
    [{"passages": 1}, {"passages": math.nan}, {"tolerance": -1}, {"neighbours": 0}],
)
def test_rules_out_of_range(options):
    with pytest.raises(ValueError, match="expected more than 1 passage"):
        Rules(**options)
    with pytest.raises(ValueError, match="a least likelihood ratio must be 1 or more"):
        Rules(least_ratio=0.5)
    with pytest.raises(ValueError, match="need a prefix"):
        Rules(prefix="")


def test_the_least_ratio_may_be_said(make_store, crowd, sharp_about):
    store = walkers(make_store, crowd, sharp_about)
    few, many = (link(store, rules=Rules(least_ratio=ratio)) for ratio in (1e5, 1))
    assert (few.least_llr, many.least_llr) == (math.log(1e5), 0)
    assert len(np.unique(few.groups)) > len(np.unique(many.groups))


def test_the_json_names_the_sightings_of_each_person(make_store, crowd, sharp_about):
    store = walkers(make_store, crowd, sharp_about, persons=5, named=(1,))
    content = json.loads(link(store).to_json())
    assert content["sightings"] == 15
    assert content["agreement"] is None
    persons = {person["name"]: person for person in content["persons"]}
    ids = [i for one in content["persons"] for stay in one["passages"] for i in stay["sightings"]]
    assert len(ids) == len(set(ids)) <= 15
    known = persons["p1"]
    assert known["known"]
    assert f"{3:032x}" in known["passages"][0]["sightings"]
    assert known["passages"][0]["camera"] == "cam 0"
    assert known["weakest_likelihood_ratio"] > content["least_likelihood_ratio"]
    judged = json.loads(replace(link(store, judge=True), notes=("a",)).to_json())
    assert judged["notes"] == ["a"]
    assert judged["agreement"]["sightings"] == 1


def test_persons_are_told_with_where_when_and_how_sure(make_store, crowd, sharp_about):
    store = walkers(make_store, crowd, sharp_about, persons=4, named=(1,))
    found = link(store)
    known = next(person for person in found.persons if person.known)
    assert [stay.camera for stay in known.passages] == ["cam 0", "cam 1", "cam 2"]
    starts = [stay.first for stay in known.passages]
    assert starts == sorted(starts)
    # Every join was at least as sure as the weakest, which a slow version finds again.
    rows = np.flatnonzero(found.names == "p1")
    vectors = Sightings.joined([*store.read()])
    vectors = vectors[np.argsort(vectors.ids)].vectors[rows]
    calibration = calibration_of(store.about, "single")
    llrs = calibration.llr(np.maximum(1 - vectors @ vectors.T, 0))
    pair = max(((0, 1), (0, 2), (1, 2)), key=lambda p: llrs[p])
    other = ({0, 1, 2} - {*pair}).pop()
    assert known.weakest_llr == pytest.approx(llrs[list(pair), other].mean(), rel=1e-4)
    ends = calibration.llr_ends(np.maximum(1 - vectors @ vectors.T, 0))[:, list(pair), other]
    low, high = ends.mean(axis=1)
    spread = known.weakest_interval
    assert (spread.low, spread.high) == pytest.approx((low, high), rel=1e-4)
    assert spread.low <= known.weakest_llr < spread.high
    row = next(
        r for r in csv.DictReader(io.StringIO(persons_csv(found.persons))) if r["known"] == "yes"
    )
    assert float(row["weakest_likelihood_ratio_low"]) == pytest.approx(math.exp(low), rel=1e-3)
    assert float(row["weakest_likelihood_ratio_high"]) == pytest.approx(math.exp(high), rel=1e-3)
    assert row["weakest_support"].endswith("support for one person")
    plain = json.loads(found.to_json())["persons"][0]
    assert len(plain["weakest_likelihood_ratio_interval"]) == 2
    assert "support for" in plain["weakest_support"]
    text = str(found)
    assert known.sure in text
    assert "person  " in text
    assert "weakest LR" in text
    assert "cam 1" in text
    rows = list(csv.DictReader(io.StringIO(persons_csv(found.persons))))
    assert len(rows) == sum(len(person.passages) for person in found.persons)
    assert {row["person"]: row["known"] for row in rows}["p1"] == "yes"
    assert rows[0]["from"].startswith("2026-05-01T08:")


def test_a_passage_is_shown_by_its_best_picture(make_store, crowd, sharp_about):
    store = make_store(
        crowd.shots(crowd.persons(1)[[0] * 4], 0.05),
        about=sharp_about,
        persons=["=anna"] * 4,
        cameras=["1", "1", "1", "2"],
        tracklets=[5, 5, 5, -1],
        frames=[10, 11, 12, -1],
        qualities=[0.1, 0.9, np.nan, np.nan],
        images=["a.jpg", "b.jpg", "c.jpg", "\x1b[2J"],
    )
    (anna,) = link(store).persons
    assert [(stay.image, stay.frame, len(stay.sightings)) for stay in anna.passages] == [
        ("b.jpg", 11, 3),
        ("\x1b[2J", -1, 1),
    ]
    assert anna.weakest_llr is None  # nothing was joined: she was known
    assert "\x1b" not in str(link(store))
    assert "'=anna" in persons_csv([anna])


def test_real_crops_by_their_colours(people, tmp_path):
    """Calibrated on train persons, linked on test persons; colours tell little, and it shows."""
    split = read_split(str(people))
    views = {}
    for record in split.train:
        views.setdefault(record.person, set()).add(record.camera)
    chosen = [record for record in split.train if len(views[record.person]) > 1][:500]
    calibration = calibrate(embed_histograms(chosen).embeddings, replicates=2)
    test = embed_histograms([record for record in split.gallery if record.person > 0][:300])
    found = test.embeddings
    store = MemoryStore.create(
        f"memory://{tmp_path}",
        About(MODEL, "plain", 768, calibrations={"single": asdict(calibration)}),
    )
    lengths = np.linalg.norm(found.vectors, axis=1, keepdims=True)
    store.write(
        Sightings(
            [f"{row:032x}" for row in range(len(found))],
            found.vectors / lengths,
            persons=person_names(found),
            cameras=found.cameras.astype(str),
        )
    )
    strict, loose = (
        link(store, rules=Rules(least_ratio=ratio), judge=True).agreement for ratio in (30, 3)
    )
    assert strict.sightings == loose.sightings == 300
    assert strict.pairs.precision > loose.pairs.precision
    assert strict.pairs.recall < loose.pairs.recall
    assert loose.adjusted_rand > 0.1
