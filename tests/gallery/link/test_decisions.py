"""Linking obeys what people decided, and never writes over it; so do those who count and learn."""

from __future__ import annotations

import time
from datetime import UTC

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from passerby.gallery.adapting import adapt
from passerby.gallery.gallery import Gallery
from passerby.gallery.ledger.obeyed import obeyed
from passerby.gallery.link.linking import write_links
from passerby.gallery.link.passages import passages_of
from passerby.gallery.link.rules import Rules
from passerby.gallery.visitors.parts import Question
from passerby.gallery.visitors.visitors import count_visitors
from passerby.tables.filters import EVERYTHING
from passerby.tables.sightings import NOT_A_PERSON, Sightings
from tests.gallery.conftest import Crowd
from tests.gallery.ledger.conftest import name, persons

OWNERS = np.repeat(np.arange(6), 4)


def vectors_of(owners, seed=7):
    crowd = Crowd(seed=seed, noise=0.05)
    return crowd.shots(crowd.persons(int(owners.max()) + 1)[owners])


@pytest.fixture
def site(make_store, sharp_about):
    """Six persons seen four times each, linked, and told apart well."""
    gallery = Gallery(make_store(vectors_of(OWNERS), about=sharp_about))
    relink(gallery)
    who = persons(gallery.store)
    assert len({*who.values()}) == 6
    assert all(who[n] == f"linked/{n // 4 + 1}" for n in who)
    return gallery


def relink(gallery, *, extend=False, **rules):
    linking = gallery.link(rules=Rules(**rules))
    write_links(gallery.store, linking, extend=extend)
    return linking


def ids(*numbers):
    return [name(n) for n in numbers]


@pytest.mark.parametrize("rules", [{}, {"over_known": True}])
def test_links_stay_as_people_decided(site, rules):
    ledger = site.ledger
    ledger.merge(["linked/1", "linked/2"])
    ledger.split(ids(8, 9))
    ledger.split(ids(12), "anna")
    ledger.rename("linked/5", "bert")
    ledger.not_a_person(person="linked/6")
    before = persons(site.store)
    linking = relink(site, **rules)
    after = persons(site.store)
    fixed = [n for n in before if n not in (8, 9)]
    assert {n: after[n] for n in fixed} == {n: before[n] for n in fixed}
    assert after[8] == after[9] == "linked/7"  # one person by looks, never linked/3
    assert linking.kept_apart_by_review > 0
    assert {after[n] for n in range(20, 24)} == {NOT_A_PERSON}


def test_two_halves_told_apart_are_not_linked_until_that_is_undone(make_store, sharp_about):
    store = make_store(vectors_of(OWNERS), about=sharp_about, persons=["linked/1", "linked/2"] * 12)
    gallery = Gallery(store)
    store.name_persons(ids(*range(4, 24)), [""] * 20)
    gallery.ledger.tell_apart("linked/1", "linked/2")
    relink(gallery)
    who = persons(store)
    assert who[0] == who[2] != who[1] == who[3]
    gallery.ledger.undo()
    relink(gallery)
    assert len({persons(store)[n] for n in range(4)}) == 1


def test_names_that_a_decision_may_bring_back_are_given_to_nobody(site):
    ledger = site.ledger
    ledger.merge(["linked/1", "linked/6"])
    site.store.name_persons(ids(*range(4, 20)), [""] * 16)
    relink(site)
    assert {persons(site.store)[n] for n in range(4, 20)} == {f"linked/{n}" for n in (7, 8, 9, 10)}
    ledger.undo()
    assert {persons(site.store)[n] for n in range(20, 24)} == {"linked/6"}


def test_a_tracklet_is_cut_where_people_split_it(make_store, sharp_about):
    times = np.datetime64("2026-05-01", "us") + np.arange(4) * np.timedelta64(1, "s")
    store = make_store(
        vectors_of(np.zeros(4, np.int64)), about=sharp_about, persons=["anna"] * 4,
        cameras=["a"] * 4, tracklets=[1] * 4, times=times,
    )  # fmt: skip
    gallery = Gallery(store)
    gallery.ledger.split(ids(2, 3))
    found = relink(gallery, extend=True)
    assert persons(store) == {0: "anna", 1: "anna", 2: "linked/1", 3: "linked/1"}
    assert found.groups[2] == found.groups[3] != found.groups[0]


def test_groups_that_were_decided_about_meanwhile_are_not_written(site):
    site.store.name_persons(ids(*range(24)), [""] * 24)
    linking = site.link()
    site.ledger.name(ids(0), "anna")
    site.ledger.not_a_person(ids(5))
    write_links(site.store, linking)
    who = persons(site.store)
    assert [who[n] for n in range(8)] == ["anna", "", "", "", "", NOT_A_PERSON, "", ""]
    assert all(who[n].startswith("linked/") for n in range(8, 24))


def test_a_test_of_linking_sees_no_decision(site):
    site.ledger.merge(["linked/1", "linked/2"], "anna")
    for person in range(3, 7):
        site.ledger.rename(f"linked/{person}", f"known {person}")
    agreed = site.link(judge=True).agreement
    assert agreed.pairs.precision == 1
    assert agreed.pairs.recall < 1  # what people merged looks like two persons


def test_visitors_are_counted_as_people_decided(make_store, crowd):
    # By pairs: merged ones are one, split ones two, and what is no person does not count.
    hours = np.tile(np.arange(3), 8)
    owners = np.repeat(np.arange(8), 3)
    store = make_store(
        crowd.shots(np.eye(12)[owners], 0.05),
        persons=[f"linked/{one + 1}" for one in owners],
        cameras=[f"cam {view}" for view in hours],
        times=np.datetime64("2026-05-01T08:00:00", "us")
        + (hours * 3600 + owners * 120).astype("timedelta64[s]"),
    )
    gallery = Gallery(store)

    def counted():
        return count_visitors(
            gallery.view, Question(EVERYTHING, None, UTC), Rules()
        ).whole.persons.middle

    assert counted() == 8
    gallery.ledger.merge(["linked/1", "linked/2"])
    assert counted() == 7
    gallery.ledger.split(ids(6))
    assert counted() == 8
    gallery.ledger.not_a_person(person="linked/8")
    assert counted() == 7
    for _ in range(3):
        gallery.ledger.undo()
    assert counted() == 8


def test_adaptation_learns_of_merged_persons_as_of_named_ones(make_store, sharp_about):
    owners = np.repeat(np.arange(40), 4)
    given = [f"linked/{owner * 2 + n % 2}" for n, owner in enumerate(owners)]
    columns = {"cameras": list("abcd") * 40, "about": sharp_about, "persons": given}
    merged, named = (make_store(vectors_of(owners), **columns) for _ in range(2))
    for owner in range(40):
        Gallery(merged).ledger.merge([f"linked/{owner * 2}", f"linked/{owner * 2 + 1}"])
    named.name_persons(ids(*range(160)), [f"person {owner}" for owner in owners.tolist()])
    assert adapt(merged).decided == adapt(named).decided


@given(st.lists(st.tuples(*[st.integers(0, 11)] * 4), max_size=5))
@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
def test_no_passage_joins_what_was_told_apart(made):
    vectors = np.eye(12, dtype=np.float32)
    sightings = Sightings(ids(*range(12)), vectors, tracklets=[0] * 6 + [1] * 6)
    sides = [(np.array(sorted({a, b} - {c, d})), np.array(sorted({c, d}))) for a, b, c, d in made]
    sides = [pair for pair in sides if len(pair[0])]
    passages = passages_of(sightings, np.full(12, ""), apart=sides)
    for one, other in sides:
        assert not {*passages.of[one].tolist()} & {*passages.of[other].tolist()}


def test_a_great_merge_writes_no_pairs(make_store, sharp_about):
    count = 5000
    given = ["linked/1"] * 2000 + ["linked/2"] * 3000
    vectors = vectors_of(np.zeros(count, np.int64))
    store = make_store(vectors, about=sharp_about, persons=given)
    gallery = Gallery(store)
    gallery.ledger.merge(["linked/1", "linked/2"])
    gallery.ledger.split(ids(*range(1000)))
    started = time.monotonic()
    said = obeyed(store, ids(*range(count)))
    assert time.monotonic() - started < 2
    assert int((said.decided != "").sum()) == 4000
    assert [[len(side) for side in pair] for pair in said.apart] == [[1000, 4000]]
    assert len(gallery.ledger.events()) == 2
