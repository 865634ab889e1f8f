"""Ledgers come in parts and go in whole; what is no ledger is refused before anything is made."""

from __future__ import annotations

import hashlib
import json
import zipfile

import pytest

from passerby.gallery.gallery import Gallery
from passerby.gallery.ledger import carrying
from passerby.gallery.ledger.carrying import carry_ledger, ledger_parts, ledger_rows
from passerby.gallery.reviewed_pairs import answer
from passerby.gallery.upkeep.dumps import restore
from passerby.stores.about import About
from passerby.stores.engines.memory import MemoryStore
from passerby.tables.filters import Where
from tests.gallery.ledger.conftest import name, persons


@pytest.fixture
def decided(few):
    few.ledger.merge(["linked/1", "linked/2"], by="Kim")
    few.ledger.answer([answer(name(8), name(9), None)])
    few.ledger.split([name(0)], "bert")
    few.ledger.not_a_person([name(7)])
    few.ledger.undo()
    return few


def whole(gallery):
    return [event.to_json(whole=True) for event in gallery.ledger.events(whole=True)]


def test_a_large_ledger_comes_in_parts(decided, few, monkeypatch):
    monkeypatch.setattr(carrying, "_PART", 100)
    parts = [*ledger_parts(decided.store)]
    assert len(parts) > 5
    again = MemoryStore(About("crowd", "plain", 12))
    again.write(next(iter(decided.store.read())))
    carry_ledger(decided.store, again)
    assert whole(Gallery(again)) == whole(decided)
    assert again.about.decisions == 3


def test_a_gallery_of_some_of_the_sightings_gets_what_is_said_of_these(decided):
    again = MemoryStore(About("crowd", "plain", 12))
    again.write(next(iter(decided.store.read(Where(persons=("anna", "bert"))))))
    carry_ledger(decided.store, again)
    ledger = Gallery(again).ledger
    assert [each.sighting for each in ledger.event(1).changes.names] == [name(0)]
    assert ledger.event(2).answered == 0
    ledger.undo(3)
    assert persons(again)[0] == "linked/1"


@pytest.mark.parametrize(
    ("part", "reason"),
    [
        (b"[]", "expected tables of decisions"),
        (b'{"others": []}', "expected tables of decisions"),
        (b'{"names": 3}', "expected rows of names"),
        (b'{"names": [[1, "a", "b"]]}', "expected rows of names with event, sighting"),
        (b'{"names": [[1, "a", null, "b"]]}', "another before in names"),
        (b'{"names": [["1", "a", "", "b"]]}', "another event in names"),
        (b'{"names": [[true, "a", "", "b"]]}', "another event in names"),
        (b'{"names": [[1, "a\\u0000", "", "b"]]}', "another sighting in names"),
        (b'{"names": [[1, "' + b"a" * 9000 + b'", "", "b"]]}', "another sighting in names"),
        (b'{"events": [[1, "vote", "", "2026-01-01", null, null]]}', "of the kind 'vote'"),
        (b'{"events": [[1, "name", "", "yesterday", null, null]]}', "yesterday"),
        (b'{"events": [[1, "name", "", "2026-01-01T00:00:00", null, null]]}', "with its zone"),
        (b'{"answers": [[1, "a", "b", "{}", null, 0]]}', "an answer about its pair"),
        (b'{"answers": [[1, "a", "b", "[]", null, 0]]}', "an answer about its pair"),
        (
            b'{"answers": [[1, "a", "b", "{\\"first\\": \\"a\\", \\"second\\": \\"b\\", '
            b'\\"same\\": \\"x\\", \\"labelled\\": false}", null, 0]]}',
            "an answer about its pair",
        ),
        (b'{"answers": [[1, "a", "b", "{", null, 0]]}', "line 1"),
        (b'{"apart": [[1, 2, "a", "p", null]]}', "side 0 or 1"),
        (b"{", "line 1"),
    ],
)
def test_what_is_no_ledger_is_refused(part, reason, decided, tmp_path):
    with pytest.raises(ValueError, match=reason):
        ledger_rows(part)
    decided.dump(tmp_path / "all.zip")
    with zipfile.ZipFile(tmp_path / "all.zip") as archive:
        members = {one: archive.read(one) for one in archive.namelist()}
    members["decisions-000000.json"] = part
    manifest = json.loads(members.pop("manifest.json"))
    manifest["members"]["decisions-000000.json"] = {
        "bytes": len(part), "sha256": hashlib.sha256(part).hexdigest(),
    }  # fmt: skip
    with zipfile.ZipFile(tmp_path / "made_up.zip", "w") as archive:
        for one, content in {**members, "manifest.json": json.dumps(manifest)}.items():
            archive.writestr(one, content)
    with pytest.raises(ValueError, match=r"the decisions in .*made_up.zip are damaged"):
        restore(tmp_path / "made_up.zip", tmp_path / "again")
    assert not (tmp_path / "again").exists()
