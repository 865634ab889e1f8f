"""Decisions in every engine: undone they leave everything as it was, and dumps carry them."""

from __future__ import annotations

import zipfile
from dataclasses import fields, replace

import numpy as np
import pytest

from passerby.gallery.gallery import Gallery
from passerby.gallery.ledger.people import people
from passerby.gallery.reviewed_pairs import answer
from passerby.gallery.upkeep.dumps import dump, restore
from passerby.stores.opening import open_store
from passerby.tables.filters import Where
from passerby.tables.sightings import NOT_A_PERSON, Sightings


@pytest.fixture
def filled(store, sightings, tmp_path, monkeypatch):
    """Sixty sightings of some twenty persons, and an answer that was given."""
    monkeypatch.setenv("PASSERBY_STATE", str(tmp_path / "state"))
    # The collection of a real server is there for many tests.
    store.change_about(lambda about: replace(about, answers=(), decisions=0, not_persons=0))
    store.write(sightings(60))
    gallery = Gallery(store)
    gallery.ledger.answer([answer(*_of(gallery, "person/1")[:2], True)])
    return gallery


def _of(gallery, person):
    parts = gallery.store.read(Where(persons=(person,)), with_vectors=False)
    return sorted(one for part in parts for one in part.ids.tolist())


def _content(gallery, file):
    """The description as a dump has it, byte for byte, and all columns in the order of ids."""
    dump(gallery.store, file)
    with zipfile.ZipFile(file) as archive:
        about = archive.read("about.json")
    rows = Sightings.joined([*gallery.store.read(with_thumbnails=True)])
    return about, rows[np.argsort(rows.ids)]


def _same(one, other):
    assert one[0] == other[0]
    for field in fields(Sightings):
        left, right = getattr(one[1], field.name), getattr(other[1], field.name)
        if field.name in ("looks", "pictures", "thumbnails"):
            assert repr([*left]) == repr([*right])
        else:
            assert left.tobytes() == right.tobytes(), field.name


def test_undone_decisions_leave_everything_as_it_was(filled, tmp_path):
    ledger = filled.ledger
    persons = [person for person in filled.store.groups("person") if person]
    one, other, third = sorted(persons)[:3]
    pair = _of(filled, one)[0], _of(filled, other)[0]
    decided = (
        lambda: ledger.answer([answer(*pair, False)]),
        lambda: ledger.merge([one, other]),
        lambda: ledger.split(_of(filled, one)[:1], "somebody"),
        lambda: ledger.rename(third, 'o\'brien "x" \\ 人'),
        lambda: ledger.not_a_person(person="somebody"),
        lambda: ledger.name(_of(filled, "")[:3], one),
        lambda: ledger.tell_apart(one, 'o\'brien "x" \\ 人'),
    )
    states = []
    for decide in decided:
        states.append(_content(filled, tmp_path / f"{len(states)}.zip"))
        decide()
    for state in reversed(states):
        ledger.undo()
        _same(_content(filled, tmp_path / "again.zip"), state)
    assert filled.about.decisions == 1


def test_what_is_set_aside_is_not_found(filled):
    aside = _of(filled, "person/1")
    filled.ledger.not_a_person(person="person/1")
    shown = people(filled.store)
    assert shown.count() == 60 - len(aside)
    vectors = Sightings.joined([*filled.store.read(Where(ids=tuple(aside)))]).vectors
    found = shown.search(vectors, 60, exact=True).sightings
    assert not {*found.ids.tolist()} & {*aside}
    assert NOT_A_PERSON not in shown.groups("person")
    there = {one for part in shown.read(with_vectors=False) for one in part.ids.tolist()}
    assert len(there) == 60 - len(aside)
    assert shown.count(Where(cameras=("cam 1",), not_persons=("person/2",))) == sum(
        int(((part.cameras == "cam 1") & (part.persons != "person/2")).sum())
        for part in shown.read(with_vectors=False)
    )


def test_a_dump_carries_the_ledger_into_another_engine(filled, tmp_path):
    one, other, third = sorted(person for person in filled.store.groups("person") if person)[:3]
    filled.ledger.merge([one, other], by="Kim")
    filled.ledger.not_a_person(_of(filled, "")[:2])
    filled.ledger.rename(third, "else")
    filled.ledger.undo()
    dump(filled.store, tmp_path / "all.zip")
    restore(tmp_path / "all.zip", tmp_path / "again")
    restore(tmp_path / "all.zip", tmp_path / "again")  # once more, as after a kill
    again = Gallery(open_store(tmp_path / "again"))
    assert again.about == filled.about
    assert [event.to_json(whole=True) for event in again.ledger.events()] == [
        event.to_json(whole=True) for event in filled.ledger.events()
    ]
    assert len(again.people.groups("person")) == len(filled.people.groups("person"))
    assert other not in again.store.groups("person")
    again.ledger.undo()
    again.ledger.undo()
    assert other in again.store.groups("person")
    again.close()
