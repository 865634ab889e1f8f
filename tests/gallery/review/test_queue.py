"""The review queue asks what helps, never twice, and its answers change what they should."""

from __future__ import annotations

import numpy as np
import pytest

from passerby.gallery.gallery import Gallery
from passerby.gallery.link.rules import Rules
from passerby.gallery.review.queue import Said, queue, queue_json, reply
from passerby.gallery.review.suggesting import Faces, suggested_merges, suggested_splits
from tests.gallery.ledger.conftest import name, persons

CAMERAS = list("abcd")


@pytest.fixture
def halves(make_store, sharp_about):
    """Eight persons of eight sightings by four cameras: of the first three linking made two each,
    and a sighting of the last is said to be of the one before."""
    from tests.gallery.conftest import Crowd

    crowd = Crowd(seed=5, noise=0.08)
    who = np.repeat(np.arange(8), 8)
    vectors = crowd.shots(crowd.persons(8)[who])
    names = [f"linked/{person + 1}" for person in who]
    for person in range(3):
        names[person * 8 + 4 : person * 8 + 8] = [f"linked/{person + 11}"] * 4
    names[63] = "linked/7"
    store = make_store(vectors, persons=names, cameras=CAMERAS * 16, about=sharp_about)
    return Gallery(store)


def said(asked, same):
    return Said(asked.kind, asked.first.sighting, asked.second.sighting, asked.persons, same)


def test_halves_are_suggested_to_be_one_and_a_stranger_to_leave(halves):
    asked = queue(halves.view, kinds=("merge", "split"))
    merges = {frozenset(each.persons) for each in asked if each.kind == "merge"}
    assert merges == {frozenset({f"linked/{n}", f"linked/{n + 10}"}) for n in (1, 2, 3)}
    splits = [each for each in asked if each.kind == "split"]
    assert [each.first.sighting for each in splits] == [name(63)]
    assert splits[0].persons == ("linked/7", "linked/7")
    assert (
        splits[0].likelihood_ratio
        < 1
        < min(each.likelihood_ratio for each in asked if each.kind == "merge")
    )
    assert [each.kind for each in asked] == ["merge", "split", "merge", "merge"]
    assert '"kind": "merge"' in queue_json(asked)


def test_means_are_those_of_all_shown_pairs(halves):
    rules = Rules()
    faces = Faces.of(halves.view, rules)
    first = suggested_merges(halves.view, faces, rules, 10)[0]
    ids, owners = faces.shown.ids.tolist(), faces.shown.persons.tolist()
    vectors = faces.shown.vectors.astype(np.float64)
    curve = faces.worth
    llrs = []
    for one in range(len(ids)):
        for other in range(len(ids)):
            if (owners[one], owners[other]) == first.persons:
                distance = np.array([1 - vectors[one] @ vectors[other]])
                zero = np.zeros(1, np.int64)
                llrs.append(float(curve.llrs(distance, zero + 1, zero - 1)[0]))
    assert first.llr == pytest.approx(np.mean(llrs), abs=1e-4)


def test_same_merges_into_who_was_named_by_people(halves):
    halves.ledger.rename("linked/11", "anna")
    asked = next(each for each in queue(halves.view) if "anna" in each.persons)
    event = reply(halves.ledger, said(asked, True), by="Kim")
    assert (event.kind, event.by, event.persons_after) == ("merge", "Kim", ("anna",))
    assert [persons(halves.store)[n] for n in (0, 4)] == ["anna"] * 2


@pytest.mark.parametrize("same", [False, None])
def test_what_was_answered_is_not_asked_again_until_that_is_undone(halves, same):
    asked = queue(halves.view, kinds=("merge", "split"))
    for each in asked:
        reply(halves.ledger, said(each, same))
    with pytest.raises(ValueError, match="nothing is left to ask"):
        queue(halves.view, kinds=("merge", "split"))
    assert (persons(halves.store)[63] == "") == (same is False)
    for _ in asked:
        halves.ledger.undo()
    assert queue(halves.view, kinds=("merge", "split")) == asked


def test_a_sighting_that_is_right_is_not_doubted_again(halves):
    (asked,) = queue(halves.view, kinds=("split",))
    assert reply(halves.ledger, said(asked, True)).answer.same is True
    with pytest.raises(ValueError, match="nothing is left"):
        queue(halves.view, kinds=("split",))


def test_what_people_named_is_not_doubted(halves):
    halves.ledger.name([name(63)], "linked/7")
    faces = Faces.of(halves.view, Rules())
    assert suggested_splits(halves.view, faces, 10) == ()


def test_pairs_are_asked_about_beside(halves):
    asked = queue(halves.view, 10)
    kinds = [each.kind for each in asked]
    assert len(asked) == 4  # both persons of every pair are known
    assert "pair" not in kinds
    halves.store.name_persons([name(n) for n in range(32)], [""] * 32)
    asked = queue(halves.view, 10)
    assert sum(each.kind == "pair" for each in asked) == 10 - sum(
        each.kind != "pair" for each in asked
    )
    pair = next(each for each in asked if each.kind == "pair")
    assert 0 <= pair.probability <= 1
    assert pair.likelihood_ratio is None
    assert reply(halves.ledger, said(pair, True)).kind == "answer"


def test_a_stay_is_split_as_a_whole(make_store, sharp_about):
    vectors = np.eye(12, dtype=np.float32)[[0, 0, 1, 1]]
    store = make_store(
        vectors, persons=["p"] * 4, cameras=["a"] * 4, tracklets=[1, 1, 2, 2], about=sharp_about
    )
    ledger = Gallery(store).ledger
    reply(ledger, Said("split", name(2), name(0), ("p", "p"), False))
    assert persons(store) == {0: "p", 1: "p", 2: "", 3: ""}
    with pytest.raises(ValueError, match="not a sighting of 'p' by now"):
        reply(ledger, Said("split", name(2), name(0), ("p", "p"), False))


def test_nobody_known_gives_no_suggestions(make_store, sharp_about):
    store = make_store(np.eye(12, dtype=np.float32)[:1], cameras=["a"], about=sharp_about)
    with pytest.raises(ValueError, match=r"nobody in the gallery has a name.*nothing to ask"):
        queue(store)
    with pytest.raises(ValueError, match="of a kind merge, split, pair"):
        Said("other", "a", "b", ("", ""), True)
