"""Who was set aside as no person by mistake is found when they ask to be forgotten."""

from __future__ import annotations

import numpy as np
import pytest

from passerby.data.crops import content_id
from passerby.gallery.forgetting.finding import Question, find
from passerby.gallery.forgetting.forgetting import Request, forget
from passerby.gallery.forgetting.found import reviewed
from passerby.gallery.forgetting.opting_out import opt_out
from passerby.tables.filters import Where
from passerby.tables.looks import Looks
from passerby.tables.sightings import Sightings
from passerby.tables.unit_length import unit

ASIDE = "set aside as no person"


def ids(*numbers):
    return [f"{number:032x}" for number in numbers]


@pytest.fixture
def mistaken(sharp):
    """The first passage of the person, one sighting of the second, and three of others, are set
    aside."""
    sharp.ledger.not_a_person(ids(0, 1, 2, 700, 701, 702))
    return sharp


def asked(gallery):
    return Question((gallery.picture(gallery.centres[0]),))


def looks_of(vectors):
    return Looks(
        (0.0, 1.0),
        np.zeros(1),
        np.array(["NaT"], "M8[us]"),
        np.zeros(1, np.int64),
        np.zeros((1, 4), np.float32),
        np.asarray(vectors, np.float32),
    )


def aside_in(found):
    return [one for one in found.passages if one.why == ASIDE]


@pytest.mark.parametrize("how", ["a picture", "a name", "a picture, unlinked"])
def test_it_is_listed_and_not_chosen(mistaken, how):
    if how == "a name":
        mistaken.store.name_persons(ids(*range(3, 12)), ["ann"] * 9)
        question = Question(person="ann")
    else:
        picture = mistaken.picture(mistaken.centres[0])
        question = Question((picture,), link=how == "a picture")
    found = find(mistaken, question)
    (passage,) = aside_in(found)
    assert (passage.sightings, passage.chosen) == (tuple(ids(0, 1)), False)
    assert passage.worth.llr > 0
    assert passage.person == "not a person"
    # A passage of which one picture was set aside is theirs as a whole.
    assert {*found.ids} == {*ids(*range(2, 12))}
    assert ASIDE in str(found)
    assert f'"why": "{ASIDE}"' in found.to_json()


def test_the_picture_itself_is_chosen(mistaken):
    picture = mistaken.picture(mistaken.centres[0])
    own = Sightings([content_id(picture)], mistaken.centres[:1])
    mistaken.store.write(own)
    mistaken.ledger.not_a_person(own.ids.tolist())
    for question in (Question((picture,)), Question((picture,), link=False)):
        passages = [one for one in find(mistaken, question).passages if own.ids[0] in one.sightings]
        assert [(one.why, one.chosen) for one in passages] == [("the picture itself", True)]


@pytest.mark.parametrize("kept", ["a thumbnail", "a picture of a passage"])
@pytest.mark.parametrize("aside", [False, True])
def test_a_picture_that_the_gallery_keeps_is_the_picture_itself(sharp, kept, aside, crowd):
    """What is saved from the page; of video nothing else is there."""
    unlike = unit(sharp.centres[:1] + crowd.persons(1))
    picture = sharp.picture(sharp.centres[0])
    columns = {"thumbnails": [picture]}
    if kept != "a thumbnail":
        columns = {"pictures": [(picture,)], "looks": [looks_of(unlike)], "coherences": [1.0]}
    sharp.store.write(Sightings(["f" * 32], unlike, **columns))
    if aside:
        sharp.ledger.not_a_person(["f" * 32])
    found = find(sharp, Question((picture,), link=False))
    passage = next(one for one in found.passages if "f" * 32 in one.sightings)
    assert (passage.why, passage.chosen) == ("the picture itself", True)


def test_other_persons_are_not_spared_for_being_named_as_what_is_none(mistaken):
    """The commonest name of what is chosen may not be that of no person."""
    mistaken.ledger.not_a_person(ids(*range(3, 11)))
    found = find(mistaken, asked(mistaken))
    assert {*found.ids} == {*ids(10, 11)}
    assert {one for each in aside_in(found) for one in each.sightings} == {*ids(*range(10))}


def test_what_was_taken_of_it_is_removed_certified_and_refused(mistaken):
    question = asked(mistaken)
    found = find(mistaken, question)
    found = reviewed(found, also=[passage.shown for passage in aside_in(found)])
    done = forget(mistaken, found.ids, Request("Ann", "asked", opt_out=True), question)
    assert {*done.certificate.removed} == {*ids(*range(12))}
    assert (done.certificate.checked, done.certificate.still_there) == (0, ())
    assert mistaken.store.count(Where(ids=tuple(ids(*range(12))))) == 0
    assert mistaken.about.not_persons == 3
    back = Sightings(ids(0, 1), np.repeat(mistaken.centres[[0]], 2, axis=0))
    assert mistaken.store.write(back).refused == 2
    assert aside_in(find(mistaken, question)) == []


def test_everybody_may_be_set_aside(sharp):
    sharp.ledger.not_a_person(ids(*range(720)))
    found = find(sharp, asked(sharp))
    assert {one for each in aside_in(found) for one in each.sightings} >= {*ids(*range(12))}
    assert found.ids == ()


def test_others_are_counted_among_persons(mistaken):
    """Whom an opt-out refuses is a share of persons: what is none tells nothing of that."""
    theirs = Sightings.joined([*mistaken.store.read(Where(ids=tuple(ids(*range(3, 12)))))])
    made = opt_out(mistaken.store, theirs, theirs.ids.tolist(), 0.01)
    assert "708 sightings of others" not in made.basis
    assert f"{720 - 9 - 6} sightings of others" in made.basis
