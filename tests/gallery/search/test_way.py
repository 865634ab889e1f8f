"""Searches that count the time since, or until, a query was seen; and those that do not."""

from __future__ import annotations

import csv
import io
import json
import math
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from passerby.evaluation.decisions.wording import likelihood_ratio
from passerby.gallery.gallery import Gallery
from passerby.gallery.link.linking import link
from passerby.gallery.paths.gallery_transits import Moments, transits_of
from passerby.gallery.paths.transits import FOLDS
from passerby.gallery.search.matches import matches_csv, matches_json
from passerby.gallery.search.options import SearchOptions
from passerby.gallery.search.querying import Query
from passerby.gallery.search.searching import search
from passerby.tables.filters import Where
from passerby.visual.found.match_page import write_match_page
from passerby.visual.match_pictures import _lines
from tests.gallery.link.test_linking_by_transits import timed

K = 200


@pytest.fixture
def site(make_store, crowd, sharp_about):
    """Sixty persons by a, and 40 to 80 seconds later by b; nobody is named."""
    store = timed(make_store, crowd, sharp_about, noise=0.08)
    (stored,) = store.read()
    store.name_persons(stored.ids.tolist(), [""] * len(stored))
    return store


def asked(site, crowd, number=7, noise=0.2):
    """A blurred picture of a person, and when b saw them."""
    (stored,) = site.read(Where(ids=tuple(f"{2 * number + one:032x}" for one in (0, 1))))
    vector = crowd.shots(stored.vectors.mean(axis=0)[None].astype(float), noise)[0]
    at = stored.times[stored.cameras == "b"][0].astype("datetime64[us]").astype(datetime)
    return vector, at.replace(tzinfo=UTC)


def test_both_ratios_are_told_and_their_product_believed(site, crowd):
    vector, at = asked(site, crowd)
    gallery = Gallery(site)
    time = at - timedelta(seconds=60)
    among = {"where": Where(cameras=("b",)), "camera": "a"}
    without = gallery.search(vector, K, **among)
    found = gallery.search(vector, K, **among, time=time, transits=True)
    learnt = transits_of(link(site))
    second = np.array([(time - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds()])
    query = Moments(np.array([learnt.names.index("/a")]), second, second, np.array([FOLDS]))
    plain = {match.sighting: match for match in without}
    joint = {}
    for match in found:
        expected = float(learnt.llrs(query, learnt.moments([match.sighting]))[0])
        assert match.transit_llr == pytest.approx(expected)
        assert match.llr == plain[match.sighting].llr
        assert match.joint_llr == pytest.approx(match.llr + expected)
        joint[match.sighting] = match.llr + expected
    assert [match.sighting for match in found] == sorted(joint, key=lambda one: -joint[one])
    assert found[0].sighting == f"{15:032x}"
    mass = sum(math.exp(llr) for llr in joint.values()) / 60
    expected = math.exp(joint[found[0].sighting]) / 60 / (1 + mass)
    assert found.probability(found[0]) == pytest.approx(expected)
    assert expected > without.probability(plain[found[0].sighting])
    assert learnt.said in found.notes
    assert "  both " in str(found)
    shown = json.loads(matches_json([found]))["searches"][0]["matches"][0]
    row = next(csv.DictReader(io.StringIO(matches_csv([found]))))
    for said in (shown, row):
        both = [float(said[f"{name}likelihood_ratio"]) for name in ("", "transit_", "joint_")]
        assert both[0] * both[1] == pytest.approx(both[2], rel=1e-3)


def test_pages_and_pictures_tell_both(site, crowd, tmp_path):
    vector, at = asked(site, crowd)
    time = at - timedelta(seconds=60)
    found = Gallery(site).search(vector, 3, camera="a", time=time, transits=True)
    page = write_match_page([found], tmp_path / "page.html").read_text("utf-8")
    first = found[0]
    assert f"of the time between {likelihood_ratio(first.transit_llr)}" in page
    assert f"of both {likelihood_ratio(first.joint_llr)}" in page
    assert f"LR {likelihood_ratio(first.joint_llr)} with way" in _lines(first)
    assert len(_lines(first)) <= 7


def test_the_moment_of_the_query_s_own_sighting_is_known(site):
    (stored,) = site.read(Where(ids=(f"{14:032x}",)))
    query = Query("own", stored.vectors[0], hashes=(f"{14:032x}",))
    (found,) = search(site, [query], SearchOptions(K, transits=True))
    ways = {match.sighting: match.transit_llr for match in found}
    assert ways[f"{15:032x}"] > math.log(20)
    by_a = [match for match in found if match.camera == "a"]
    assert len(by_a) == 59
    assert all(match.transit_llr is None for match in by_a)
    assert json.loads(matches_json([found]))["searches"][0]["matches"][-1]["rank"] == len(found)


@pytest.mark.parametrize(
    ("said", "note"),
    [
        ({"camera": "a"}, "it is not said which camera took the query, and when"),
        ({"elsewhere": True}, "it is not said which camera took the query, and when"),
        ({"time": datetime(2026, 5, 1, 9, tzinfo=UTC)}, "it is not said which camera"),
    ],
)
def test_what_is_not_said_does_not_count(site, crowd, said, note):
    vector, _ = asked(site, crowd)
    plain = {name: value for name, value in said.items() if name != "time"}
    without = Gallery(site).search(vector, K, **plain)
    found = Gallery(site).search(vector, K, **said, transits=True)
    assert found.matches == without.matches
    assert found.posterior == without.posterior
    (added,) = {*found.notes} - {*without.notes}
    assert note in added


def test_times_that_say_nothing_or_looks_without_a_ratio(make_store, crowd, sharp_about):
    store = timed(make_store, crowd, sharp_about, noise=0.08, persons=15)
    vector, at = asked(store, crowd)
    found = Gallery(store).search(vector, camera="a", time=at, transits=True)
    assert any("two cameras need 20 persons" in note for note in found.notes)
    assert all(match.transit_llr is None for match in found)
    store.change_about(lambda _: type(sharp_about)("crowd", "plain", 12))
    found = Gallery(store).search(vector, camera="a", time=at, transits=True)
    assert any("transit times do not count" in note for note in found.notes)


def test_a_gallery_that_grew_is_linked_anew(site, crowd, monkeypatch):
    vector, at = asked(site, crowd)
    gallery, links = Gallery(site), []
    monkeypatch.setattr(
        "passerby.gallery.search.way.link", lambda store: links.append(1) or link(store)
    )
    for _ in range(2):
        gallery.search(vector, camera="a", time=at, transits=True)
    assert len(links) == 1
    site.delete(Where(ids=(f"{0:032x}",)))  # of whom nothing may stay
    gallery.search(vector, camera="a", time=at, transits=True)
    assert len(links) == 2


def test_times_have_a_zone():
    with pytest.raises(ValueError, match="has no zone"):
        SearchOptions(time=datetime(2026, 5, 1))
