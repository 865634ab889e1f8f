"""Answers of people about pairs are kept with the gallery, and go with what they are about."""

import numpy as np
import pytest

from passerby.gallery.reviewed_pairs import (
    answer,
    constraints,
    record_answers,
    reviewed_pairs,
    withdraw_answers,
)
from passerby.gallery.upkeep.dumps import dump, restore
from passerby.stores.about import About, Answer
from passerby.stores.engines.memory import MemoryStore
from passerby.stores.opening import open_store
from passerby.tables.filters import Where


def name(number):
    return f"{number:032x}"


@pytest.fixture
def store(make_store, crowd):
    return make_store(crowd.shots(crowd.persons(6)), cameras=list("aabbcc"))


def test_answers_are_kept_and_replaced(store):
    assert record_answers(store, [answer(name(1), name(0), True)]) == 1
    again = [answer(name(0), name(1), False), answer(name(2), name(3), None)]
    assert record_answers(store, again) == 2
    assert store.about.answers == (
        Answer(name(0), name(1), False),
        Answer(name(2), name(3), None),
    )
    withdraw_answers(store, [answer(name(1), name(0), None)])
    assert [each.first for each in store.about.answers] == [name(2)]


def test_judged_pairs_come_with_vectors(store):
    record_answers(store, [answer(name(4), name(0), True), answer(name(1), name(2), None)])
    pairs = reviewed_pairs(store)
    assert len(pairs) == 1
    assert pairs.same.tolist() == [True]
    assert [pairs.first.ids[0], pairs.second.ids[0]] == [name(0), name(4)]
    assert pairs.second.vectors.shape == (1, 12)
    assert len(reviewed_pairs(store)) == 1


def test_a_gallery_without_answers_has_no_pairs(store):
    assert len(reviewed_pairs(store)) == 0


def test_constraints_are_rows_of_the_sightings_given(store):
    answers = [(0, 3, True), (1, 2, False), (4, 5, None), (0, 5, True)]
    record_answers(store, [answer(name(a), name(b), same) for a, b, same in answers])
    found = constraints(store, [name(3), name(0), name(2), name(1)])
    assert found.must.tolist() == [[1, 0]]
    assert found.cannot.tolist() == [[3, 2]]
    assert constraints(store, []).must.shape == (0, 2)


def test_removing_a_sighting_removes_its_answers(store):
    answers = [(0, 3, True), (1, 2, False)]
    record_answers(store, [answer(name(a), name(b), same) for a, b, same in answers])
    store.delete(Where(ids=(name(3),)))
    assert store.about.answers == (Answer(name(1), name(2), False),)
    store.delete(Where(cameras=("b",)))
    assert store.about.answers == ()


def test_a_dump_carries_answers_into_another_engine(store, tmp_path):
    record_answers(store, [answer(name(0), name(3), True)])
    dump(store, tmp_path / "all.zip")
    restore(tmp_path / "all.zip", tmp_path / "again")
    again = open_store(tmp_path / "again")
    assert again.about.answers == (Answer(name(0), name(3), True),)
    # What another process said meanwhile is kept, and goes as well.
    other = open_store(tmp_path / "again")
    record_answers(other, [answer(name(0), name(1), False)])
    assert record_answers(again, [answer(name(2), name(1), False)]) == 3
    other.delete(Where(ids=(name(1),)))
    assert again.refresh_about().answers == (Answer(name(0), name(3), True),)
    again.close()
    other.close()


def test_what_is_not_there_cannot_be_judged(store):
    with pytest.raises(ValueError, match=r"1 sighting is not in the gallery.*'nobody'"):
        record_answers(store, [answer(name(0), "nobody", True)])
    with pytest.raises(ValueError, match="two sightings"):
        answer(name(0), name(0), True)
    with pytest.raises(ValueError, match="the lesser id first"):
        Answer("b", "a", True)


def test_a_description_without_answers_is_read():
    text = '{"format": 1, "model": "m", "pooling": "plain", "dimensions": 2}'
    assert About.from_json(text).answers == ()
    assert About.from_json(text).to_json() == About("m", "plain", 2).to_json()
    store = MemoryStore(About.from_json(text))
    assert np.array_equal(constraints(store, ["a"]).cannot, np.empty((0, 2)))
