"""No decision is lost: by a kill at any moment, by two who decide at once, by a failed write; and
of removed sightings nothing is left."""

from __future__ import annotations

import random
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from passerby.gallery.gallery import Gallery
from passerby.gallery.ledger.place import reading
from passerby.gallery.reviewed_pairs import answer
from passerby.process.whole_files import DiskFull
from passerby.stores.about import About
from passerby.stores.opening import create_store
from passerby.tables.filters import Where
from passerby.tables.sightings import Sightings
from tests.gallery.ledger.conftest import name, persons

SCRIPT = Path(__file__).with_name("ledger_processes.py")


@pytest.fixture
def folder(tmp_path):
    """Forty sightings: of p, of q, and of nobody known."""
    store = create_store(tmp_path / "lobby", About("model", "plain", 8, created="now"))
    vectors = np.random.default_rng(0).normal(size=(40, 8))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    given = ["p"] * 4 + ["q"] * 4 + [""] * 32
    store.write(Sightings([name(n) for n in range(40)], vectors, persons=given))
    store.close()
    return tmp_path / "lobby"


def started(*words):
    return subprocess.Popen(
        [sys.executable, SCRIPT, *map(str, words)], stdout=subprocess.PIPE, text=True
    )


@pytest.mark.parametrize("where", ["before", "between", "after", "undoing"])
def test_a_kill_within_a_decision_is_made_good(folder, where):
    with Gallery.open(folder) as gallery:
        gallery.ledger.answer([answer(name(0), name(4), False)])
        before = gallery.about, persons(gallery.store)
    process = started("die", folder, where)
    process.communicate()
    assert process.returncode == -9
    with Gallery.open(folder) as gallery:
        last = gallery.ledger.events()[0]
        assert last.kind == ("undo" if where == "undoing" else "merge")
        with reading(gallery.store) as file:
            assert file.pending() == []
        if where != "undoing":
            assert sum(who == "p" for who in persons(gallery.store).values()) == 8
            assert gallery.about.answers == ()
            assert gallery.about.decisions == 2
            gallery.ledger.undo()
        assert (gallery.about, persons(gallery.store)) == before


def test_what_was_acknowledged_is_there_after_a_kill(folder):
    process = started("decide", folder, 8, 40, "one")
    acknowledged = [int(process.stdout.readline()) for _ in range(3)]
    time.sleep(random.Random(folder.name).uniform(0.0, 0.3))
    process.kill()
    acknowledged += map(int, process.communicate()[0].split())
    with Gallery.open(folder) as gallery:
        events = gallery.ledger.events()
        assert [event.number for event in events][::-1] == [*range(1, len(events) + 1)]
        assert len(acknowledged) <= len(events) <= len(acknowledged) + 1
        expected = {n: "" for n in range(8, 40)}
        for event in reversed(events):
            for each in gallery.ledger.event(event.number).changes.names:
                assert expected[int(each.sighting, 16)] == each.before
                expected[int(each.sighting, 16)] = each.after
        assert {n: who for n, who in persons(gallery.store).items() if n >= 8} == expected


def test_two_who_decide_at_once_lose_nothing(folder):
    processes = [started("decide", folder, 8, 13, "one"), started("decide", folder, 16, 21, "two")]
    numbers = [[*map(int, process.communicate()[0].split())] for process in processes]
    assert [process.returncode for process in processes] == [0, 0]
    assert sorted(numbers[0] + numbers[1]) == [*range(1, 19)]
    with Gallery.open(folder) as gallery:
        who = persons(gallery.store)
        assert {who[n] for n in range(8, 13)} == {"one 8"}
        assert {who[n] for n in range(16, 21)} == {"two 16"}
        assert gallery.about.decisions == 18


def test_threads_that_decide_at_once_lose_nothing(few):
    def decide(first):
        for number in range(first, first + 3):
            few.ledger.name([name(number)], f"of {number}")

    threads = [threading.Thread(target=decide, args=(first,)) for first in (0, 3, 6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert few.about.decisions == 9
    assert [persons(few.store)[n] for n in range(9)] == [f"of {n}" for n in range(9)]


def test_what_cannot_be_written_is_taken_back(folder, monkeypatch):
    with Gallery.open(folder) as gallery:
        gallery.ledger.answer([answer(name(0), name(4), False)])
        before = gallery.about, persons(gallery.store)
        whole = type(gallery.store).name_persons

        def full(store, ids, given):
            if given[0] == "p":
                whole(store, ids[:2], given[:2])  # half of it
                raise DiskFull("no room")
            return whole(store, ids, given)

        monkeypatch.setattr(type(gallery.store), "name_persons", full)
        with pytest.raises(DiskFull):
            gallery.ledger.merge(["p", "q"])
        assert (gallery.about, persons(gallery.store)) == before
        assert [event.kind for event in gallery.ledger.events()] == ["answer"]


def test_of_removed_sightings_the_ledger_keeps_nothing(folder):
    with Gallery.open(folder) as gallery:
        ledger = gallery.ledger
        ledger.rename("q", "Zebulon Quagmire")
        ledger.answer([answer(name(4), name(0), False), answer(name(8), name(9), True)])
        ledger.split([name(5)], "Xanthippe Quux")
        ledger.merge(["p", "Zebulon Quagmire"], "both")
        ledger.not_a_person([name(6)])
        gallery.remove(Where(ids=tuple(name(n) for n in range(4, 8))), compact=True)
        assert gallery.about.not_persons == 0
        assert [event.kind for event in ledger.events()][::-1] == [
            "rename", "answer", "split", "merge", "not a person",
        ]  # fmt: skip
        assert ledger.event(4).said == "'p' are one person: 'both' (4 sightings)"
        assert ledger.event(3).said == "of sightings that were removed since"
        ledger.undo(4)
        assert persons(gallery.store)[0] == "p"
    gone = ["Zebulon", "Xanthippe", *(name(n) for n in range(4, 8))]
    for path in folder.rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            assert [one for one in gone if one.encode() in content] == [], path


def test_what_a_killed_removal_left_goes_with_the_next_compaction(folder):
    with Gallery.open(folder) as gallery:
        gallery.ledger.rename("q", "Zebulon Quagmire")
        gallery.store.delete(Where(persons=("Zebulon Quagmire",)))
        assert b"Zebulon" in (folder / "decisions.sqlite").read_bytes()
        gallery.compact()
        assert b"Zebulon" not in (folder / "decisions.sqlite").read_bytes()


def test_a_ledger_that_is_not_here_is_told_of(folder):
    with Gallery.open(folder) as gallery:
        gallery.ledger.rename("q", "else")
    (folder / "decisions.sqlite").unlink()
    with Gallery.open(folder) as gallery:
        for asked in (
            gallery.ledger.events,
            lambda: gallery.ledger.rename("else", "q"),
            lambda: gallery.dump(folder / "all.zip"),
        ):
            with pytest.raises(ValueError, match=r"1 decision of people .* is not here"):
                asked()
    (folder / "decisions.sqlite").write_bytes(b"no ledger" * 100)
    with pytest.raises(ValueError, match="cannot be used"):
        Gallery.open(folder)


def test_the_ledger_is_its_owners_alone(folder):
    with Gallery.open(folder) as gallery:
        gallery.ledger.rename("q", "else")
    assert (folder / "decisions.sqlite").stat().st_mode & 0o077 == 0
