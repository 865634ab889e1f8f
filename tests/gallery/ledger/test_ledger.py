"""Each decision does what it says, and is taken back wholly; what cannot be is explained."""

from __future__ import annotations

import pytest

from passerby.gallery.ledger.ledger import BuiltUpon
from passerby.gallery.ledger.obeyed import obeyed
from passerby.gallery.reviewed_pairs import answer
from passerby.tables.filters import Where
from passerby.tables.sightings import NOT_A_PERSON
from tests.gallery.ledger.conftest import name, persons


def ids(*numbers):
    return [name(number) for number in numbers]


def test_sightings_are_named(few):
    event = few.ledger.name(ids(8, 2), "bert", by="Kim")
    assert persons(few.store)[8] == persons(few.store)[2] == "bert"
    assert (event.number, event.kind, event.by) == (1, "name", "Kim")
    assert event.at.utcoffset().total_seconds() == 0
    assert event.said == "2 sightings are 'bert'"
    assert (event.persons_before, event.persons_after) == (("linked/1",), ("bert",))
    assert few.about.decisions == 1


def test_a_person_is_renamed_but_never_into_another(few):
    few.ledger.rename("linked/2", "bert")
    assert {n for n, who in persons(few.store).items() if who == "bert"} == {3, 4}
    with pytest.raises(ValueError, match="if the two are one person, merge them"):
        few.ledger.rename("bert", "anna")
    with pytest.raises(ValueError, match=r"no person is named 'ana'.*did you mean 'anna'"):
        few.ledger.rename("ana", "else")
    assert few.about.decisions == 1


def test_merging_and_unmerging(few):
    before = persons(few.store)
    event = few.ledger.merge(["anna", "linked/1", "linked/3"])
    assert {n for n, who in persons(few.store).items() if who == "anna"} == {0, 1, 2, 5, 6, 7}
    assert event.said == "'anna', 'linked/1' and 'linked/3' are one person: 'anna' (6 sightings)"
    undo = few.ledger.undo(by="Lee")
    assert persons(few.store) == before
    assert (undo.kind, undo.undoes, undo.by) == ("undo", 1, "Lee")
    assert few.ledger.event(1).undone_by == 2
    assert few.about.decisions == 0


def test_merging_under_another_name(few):
    few.ledger.merge(["linked/1", "linked/2"], "cleo")
    assert sum(who == "cleo" for who in persons(few.store).values()) == 5
    with pytest.raises(ValueError, match="somebody else is named 'cleo'"):
        few.ledger.merge(["anna", "linked/3"], "cleo")
    with pytest.raises(ValueError, match="two persons or more"):
        few.ledger.merge(["anna", "anna"])


def test_splitting_tells_the_sides_apart(few):
    event = few.ledger.split(ids(1))
    assert persons(few.store)[1] == ""
    assert event.said == "1 sighting is not 'linked/1': not known"
    sides = obeyed(few.store, ids(*range(10))).apart
    assert [[side.tolist() for side in pair] for pair in sides] == [[[1], [0, 2]]]
    few.ledger.split(ids(4), "dora")
    assert persons(few.store)[4] == "dora"
    for given, reason in (
        (ids(5), "all sightings of 'linked/3'"),
        (ids(0, 3), "sightings of one person"),
        (ids(8), "nobody known"),
        (["nobody"], "not in the gallery"),
        ([], "got none"),
    ):
        with pytest.raises(ValueError, match=reason):
            few.ledger.split(given)
    few.ledger.undo()
    few.ledger.undo()
    assert obeyed(few.store, ids(1)).apart == ()


def test_what_is_no_person_is_left_out_until_that_is_undone(few):
    few.ledger.not_a_person(person="linked/1")
    assert persons(few.store)[0] == NOT_A_PERSON
    assert few.about.not_persons == 3
    assert few.people.count() == few.view.count() == 7
    assert few.people.count(Where(persons=(NOT_A_PERSON,))) == 3
    assert len(few) == 10
    few.ledger.not_a_person(ids(8))
    assert len(persons(few.people)) == 6
    assert "4 set aside as no person" in few.show().to_text()
    with pytest.raises(ValueError, match="set aside already"):
        few.ledger.not_a_person(ids(8, 0))
    with pytest.raises(ValueError, match="no name of a person"):
        few.ledger.name(ids(9), NOT_A_PERSON)
    few.ledger.undo()
    few.ledger.undo()
    assert few.about.not_persons == 0
    assert few.view is few.store


def test_answers_are_events(few):
    store, ledger = few.store, few.ledger
    event = ledger.answer([answer(name(0), name(3), True)])
    assert event.said == f"{name(0)} and {name(3)} are of one person"
    ledger.answer([answer(name(0), name(3), False), answer(name(1), name(3), None)])
    assert [each.same for each in store.about.answers] == [False, None]
    with pytest.raises(ValueError, match="given already"):
        ledger.answer([answer(name(3), name(0), False)])
    ledger.undo()
    assert [each.same for each in store.about.answers] == [True]
    ledger.undo()
    assert store.about.answers == ()


def test_later_decisions_overrule_earlier_ones_and_give_them_back(few):
    store, ledger = few.store, few.ledger
    ledger.answer([answer(name(0), name(3), False), answer(name(8), name(9), True)])
    ledger.tell_apart("linked/1", "linked/2")
    before = store.about
    merged = ledger.merge(["linked/1", "linked/2"])
    assert "(2 earlier statements no longer hold)" in merged.said
    assert [each.same for each in store.about.answers] == [True]
    assert obeyed(store, ids(*range(10))).apart == ()
    ledger.undo()
    assert store.about == before
    assert len(obeyed(store, ids(*range(10))).apart) == 1


def test_what_must_be_undone_first_is_named(few):
    ledger = few.ledger
    ledger.rename("linked/1", "bert")  # 1
    ledger.rename("anna", "zoe")  # 2
    ledger.name(ids(0), "cleo")  # 3: of bert's
    ledger.name(ids(9), "anna")  # 4: that name anew
    with pytest.raises(ValueError, match=r"built upon decision 1: undo first 3$"):
        ledger.undo(1)
    with pytest.raises(ValueError, match=r"built upon decision 2: undo first 4$"):
        ledger.undo(2)
    ledger.undo(3)
    ledger.undo(1)
    assert persons(few.store)[0] == "linked/1"
    for number, reason in ((1, "taken back already"), (5, "decide anew"), (99, "no decision 99")):
        with pytest.raises(ValueError, match=reason):
            ledger.undo(number)
    ledger.undo()
    ledger.undo()
    with pytest.raises(ValueError, match="no decision to undo"):
        ledger.undo()


def test_what_an_earlier_decision_overruled_hangs_on_it(few):
    ledger = few.ledger
    ledger.answer([answer(name(8), name(9), False)])  # 1
    ledger.name(ids(9), "bert")  # 2
    ledger.name(ids(8), "bert")  # 3: overrules 1, as 2 has it so
    with pytest.raises(BuiltUpon) as refused:
        ledger.undo(2)
    assert refused.value.later == (3,)
    ledger.tell_apart("linked/1", "linked/2")  # 4
    ledger.name(ids(3), "dora")  # 5
    ledger.name(ids(0), "dora")  # 6: overrules 4, as 5 has it so
    with pytest.raises(BuiltUpon) as refused:
        ledger.undo(5)
    assert refused.value.later == (6,)


def test_who_was_told_apart_since_hangs_on_it_but_not_who_left_the_same_person(few):
    ledger = few.ledger
    ledger.name(ids(0), "bert")  # 1: of linked/1
    ledger.name(ids(1), "cleo")  # 2: of linked/1, too
    ledger.undo(1)
    ledger.name(ids(0), "bert")  # 4
    ledger.tell_apart("linked/1", "anna")  # 5: without sighting 0
    with pytest.raises(BuiltUpon) as refused:
        ledger.undo(4)
    assert refused.value.later == (5,)


def test_decisions_are_listed(few):
    ledger = few.ledger
    assert ledger.events() == ()
    ledger.rename("linked/1", "bert", by="Kim")
    ledger.tell_apart("anna", "linked/2")
    ledger.undo(1)
    assert [event.number for event in ledger.events()] == [3, 2, 1]
    assert [event.number for event in ledger.events(1, before=3)] == [2]
    assert [event.number for event in ledger.events(person="bert")] == [1]
    assert [event.said for event in ledger.events()] == [
        "decision 1 is undone",
        "'anna' (2 sightings) and 'linked/2' (2 sightings) are two persons",
        "'linked/1' is 'bert' (3 sightings)",
    ]
    content = ledger.event(1).to_json(whole=True)
    assert content["changes"][0] == {
        "sighting": name(0),
        "before": "linked/1",
        "after": "bert",
    }
    assert content["undone_by"] == 3


@pytest.mark.parametrize("by", ["x" * 201, "two\nlines"])
def test_who_decides_is_a_short_line(few, by):
    with pytest.raises(ValueError, match="a line of at most 200"):
        few.ledger.rename("anna", "bert", by=by)
    assert few.ledger.events() == ()
