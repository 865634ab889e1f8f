"""The commands by which people decide, as a user calls them."""

from __future__ import annotations

import csv
import json

import pytest

from passerby.gallery.gallery import Gallery
from passerby.stores.opening import create_store
from passerby.tables.sightings import Sightings
from tests.gallery.conftest import Crowd
from tests.gallery.ledger.conftest import name, persons


@pytest.fixture
def place(tmp_path, sharp_about):
    crowd = Crowd(seed=5, noise=0.08)
    vectors = crowd.shots(crowd.persons(4)[[0, 0, 1, 1, 2, 2, 2, 3]])
    names = ["linked/1", "linked/2", "anna", "anna", "linked/3", "linked/3", "linked/3", ""]
    store = create_store(tmp_path / "lobby", sharp_about)
    ids = [name(n) for n in range(8)]
    store.write(Sightings(ids, vectors, persons=names, cameras=list("abababab")))
    store.close()
    return tmp_path / "lobby"


def test_persons_are_listed_and_decided_about(passerby_command, place):
    def run(*words):
        done = passerby_command("gallery", *words)
        assert done.code == 0, done.err
        return done.out

    assert "linked/3" in run("person", "list", place)
    listed = json.loads(run("person", "list", place, "--json"))["persons"]
    assert [(one["name"], one["linked"], one["sightings"]) for one in listed] == [
        ("linked/3", True, 3), ("anna", False, 2), ("linked/1", True, 1), ("linked/2", True, 1),
    ]  # fmt: skip
    assert run("person", "list", place, "--csv").splitlines()[2].startswith("anna,no,2,")
    said = run("person", "merge", place, "linked/1", "linked/2", "--by", "Kim")
    assert "1: 'linked/1' and 'linked/2' are one person: 'linked/1' (2 sightings)" in said
    run("person", "rename", place, "linked/1", "bert")
    run("person", "split", place, name(4), "--person", "cleo")
    run("person", "name", place, "dora", name(7))
    run("person", "apart", place, "anna", "bert")
    run("person", "not-a-person", place, "--person", "linked/3")
    assert "2 set aside as no person" in run("show", place)
    listed = run("decisions", place)
    assert listed.splitlines()[-1].endswith(
        "by Kim: 'linked/1' and 'linked/2' are one person: 'linked/1' (2 sightings)"
    )
    assert len(run("decisions", place, "--newest", 2).splitlines()) == 2
    assert len(run("decisions", place, "--person", "bert").splitlines()) == 2
    assert "decision 6 is undone" in run("decisions", place, "--undo", "last")
    with Gallery.open(place) as gallery:
        assert sorted(persons(gallery.store).items())[:5] == [
            (0, "bert"), (1, "bert"), (2, "anna"), (3, "anna"), (4, "cleo"),
        ]  # fmt: skip


def test_decisions_are_exported(passerby_command, place, tmp_path):
    passerby_command("gallery", "person", "merge", place, "linked/1", "linked/2", "--by", "Kim")
    passerby_command("gallery", "person", "apart", place, "linked/1", "anna")
    for ending in ("json", "csv"):
        done = passerby_command("gallery", "decisions", place, "--out", tmp_path / f"all.{ending}")
        assert (done.code, "2 decisions in" in done.out) == (0, True), done.err
    content = json.loads((tmp_path / "all.json").read_text())["decisions"]
    assert [len(each["changes"]) for each in content] == [0, 2]
    assert [len(side) for side in content[0]["apart"]] == [2, 2]
    with (tmp_path / "all.csv").open() as file:
        rows = [*csv.DictReader(file)]
    assert [(row["decision"], row["sighting"], row["person_before"]) for row in rows[-2:]] == [
        ("1", name(0), "linked/1"), ("1", name(1), "linked/2"),
    ]  # fmt: skip
    assert {row["side"] for row in rows[:4]} == {"1", "2"}


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("person", "merge", "linked/1"), "two persons or more"),
        (("person", "merge", "linked/1", "linked/22"), "did you mean 'linked/2'"),
        (("person", "rename", "anna", "linked/1"), "merge them"),
        (("person", "split", "nobody"), "not in the gallery"),
        (("person", "not-a-person"), "either sightings or a person"),
        (("person", "list", "--json", "--csv"), "contradict each other"),
        (("decisions", "--undo", "last"), "no decision to undo"),
        (("decisions", "--undo", "first"), "the number of a decision, or last"),
        (("decisions", "--out", "all.txt"), "ends in .csv or .json"),
        (("review",), "no terminal to ask in"),
    ],
)
def test_mistakes_are_explained_and_change_nothing(passerby_command, place, words, reason):
    if words[0] == "person":
        done = passerby_command("gallery", *words[:2], place, *words[2:])
    else:
        done = passerby_command("gallery", words[0], place, *words[1:])
    assert (done.code, reason in done.err) == (2, True), done.err
    with Gallery.open(place) as gallery:
        assert gallery.ledger.events() == ()


def test_questions_are_printed_for_other_programs(passerby_command, place):
    done = passerby_command("gallery", "review", place, "--kind", "merge", "--json")
    assert done.code == 0, done.err
    asked = json.loads(done.out)["questions"]
    assert [each["persons"] for each in asked] == [["linked/1", "linked/2"]]
