"""Cases: what is in them, what is not, and that a change shows."""

from __future__ import annotations

import hashlib
import io
import json
import re
import zipfile
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
import simplejpeg

from passerby.data.crops import content_id
from passerby.gallery.case.case import Asked, case_of_images, case_of_person
from passerby.gallery.case.verifying import verify_case
from passerby.gallery.case.writing import figures
from passerby.gallery.search.options import SearchOptions
from passerby.tables.filters import Where
from passerby.visual.case.case_page import case_page, write_case_file

HOSTILE = '<img src=x onerror="alert(1)">'
NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
ASKED = Asked(f"Ann {HOSTILE}", "case 12/34 & more", "passerby gallery export-case", NOON)


@pytest.fixture
def filled(gallery, crops, crowd_calibration):
    """Ten crops of five persons, seen a minute apart, with a calibration (of another crowd)."""
    gallery.add(crops, keep_thumbnails=True)
    fitting = replace(crowd_calibration, model=gallery.about.model)
    gallery.store.change_about(
        lambda about: replace(about, calibrations={"single": asdict(fitting)})
    )
    return gallery


@pytest.fixture
def probe() -> bytes:
    pixels = np.random.default_rng(7).integers(0, 256, (48, 24, 3), np.uint8)
    return simplejpeg.encode_jpeg(pixels)


def opened(written: io.BytesIO) -> zipfile.ZipFile:
    return zipfile.ZipFile(io.BytesIO(written.getvalue()))


def test_a_search_becomes_a_case(filled, probe):
    case = case_of_images(filled, [probe], SearchOptions(4, exact=True), ASKED)
    found = filled.search([probe], 4, exact=True)
    assert [one.sighting for one in case.exhibits] == [match.sighting for match in found]
    assert [one.llr for one in case.exhibits] == [match.llr for match in found]
    assert case.calibration is not None
    file = io.BytesIO()
    written = write_case_file(case, file)
    archive = opened(file)
    manifest = archive.read("manifest.json")
    assert hashlib.sha256(manifest).hexdigest() == written.sha256
    assert json.loads(manifest)["files"].keys() | {"manifest.json"} == {*archive.namelist()}
    assert archive.read("pictures/query-01.jpg") == probe
    said = json.loads(archive.read("case.json"))
    assert said["asked"] == {
        "by": ASKED.by, "reason": ASKED.reason, "command": ASKED.command,
        "at": "2026-05-01T12:00:00Z",
    }  # fmt: skip
    assert said["model"]["fingerprint"] == filled.about.model
    assert said["passages"][0]["log_likelihood_ratio"] == found[0].llr
    assert said["calibration"]["quality"]["cllr"] == case.calibration.quality.cllr
    check = verify_case(file)
    assert check.whole
    assert (check.sha256, check.files) == (written.sha256, len(archive.namelist()) - 1)


def test_an_enrolled_file_is_there_byte_for_byte(filled, probe):
    case = case_of_images(filled, [probe], SearchOptions(2), ASKED)
    for exhibit in case.exhibits:
        (picture,) = exhibit.pictures
        assert picture.kind == "enrolled file"
        assert content_id(picture.content) == exhibit.sighting


def test_a_changed_file_is_not_taken_for_the_enrolled_one(filled, probe, crops):
    for path in Path(crops).rglob("*.jpg"):
        path.write_bytes(probe)
    case = case_of_images(filled, [probe], SearchOptions(2), ASKED)
    assert {one.kind for each in case.exhibits for one in each.pictures} == {"kept thumbnail"}


def test_the_same_case_gives_the_same_bytes(filled, probe):
    files = [io.BytesIO(), io.BytesIO()]
    for file in files:
        write_case_file(case_of_images(filled, [probe], SearchOptions(3), ASKED), file)
    assert files[0].getvalue() == files[1].getvalue()


def test_the_report_escapes_and_asks_nothing_of_anybody(filled, probe):
    filled.store.name_persons(next(iter(filled.store.read())).ids.tolist(), [HOSTILE] * 10)
    case = case_of_images(filled, [probe], SearchOptions(3), ASKED)
    page = case_page(case)
    assert HOSTILE not in page
    assert "&lt;img src=x" in page
    assert "<script" not in page
    assert re.findall(r'(?:src|href)="(?!data:)', page) == []
    assert "default-src 'none'" in page


def test_no_folder_of_the_machine_is_in_it(filled, crops, tmp_path):
    query = next(Path(crops).rglob("*.jpg"))
    case = case_of_images(filled, [query], SearchOptions(3), ASKED)
    text = case_page(case) + json.dumps(figures(case))
    assert str(tmp_path) not in text
    assert str(Path(crops).parent) not in text
    assert filled.about.place not in text
    assert query.name not in [one.file for one in case.exhibits]  # the query's own picture


def test_without_a_calibration_no_probability(filled, probe):
    filled.store.change_about(lambda about: replace(about, calibrations={}))
    case = case_of_images(filled, [probe], SearchOptions(3), ASKED)
    page, said = case_page(case), json.dumps(figures(case))
    assert "No calibration holds in this gallery" in page
    assert case.calibration is None
    assert "likelihood ratio from" not in page
    assert '"log_likelihood_ratio": null' in said
    assert '"probability": null' in said
    assert case.absent is None


def test_what_was_set_aside_is_said_not_to_be_searched(filled, probe):
    assert not any(
        "set aside" in note
        for note in case_of_images(filled, [probe], SearchOptions(3), ASKED).notes
    )
    aside = str(next(iter(filled.store.read())).ids[0])
    filled.ledger.not_a_person([aside])
    case = case_of_images(filled, [probe], SearchOptions(10), ASKED)
    assert aside not in {one.sighting for one in case.exhibits}
    assert "1 sighting was set aside as no person and was not searched" in case.notes
    assert "was not searched" in case_page(case)


def test_a_person_becomes_a_case(filled):
    sightings = next(iter(filled.store.read()))
    person = str(sightings.persons[0])
    case = case_of_person(filled, person, ASKED)
    mine = set(sightings.ids[sightings.persons == person].tolist())
    assert {one.sighting for one in case.exhibits} == mine
    assert "Nothing was compared" in case_page(case)
    assert case.question["filter"] == {"persons": (person,)}
    with pytest.raises(ValueError, match="no person is named"):
        case_of_person(filled, "nobody at all", ASKED)


def test_lanes_are_drawn_of_what_has_times(gallery, probe):
    crops = np.random.default_rng(1).integers(0, 256, (2, 48, 24, 3), np.uint8)
    times = [NOON, NOON.replace(hour=13)]
    gallery.add(crops, person="ann", camera=["door", "hall"], time=times, keep_thumbnails=True)
    page = case_page(case_of_person(gallery, "ann", ASKED, Where(cameras=("door", "hall"))))
    assert "Over the cameras" in page
    assert "door" in page


@pytest.mark.parametrize("member", ["report.html", "case.json", "pictures/query-01.jpg"])
def test_what_was_changed_is_named(member, filled, probe, tmp_path):
    file = tmp_path / "case.zip"
    write_case_file(case_of_images(filled, [probe], SearchOptions(2), ASKED), file)
    changed = tmp_path / "changed.zip"
    with zipfile.ZipFile(file) as old, zipfile.ZipFile(changed, "w") as new:
        for name in old.namelist():
            data = old.read(name)
            new.writestr(name, data[:-1] + b"?" if name == member else data)
    assert verify_case(changed).problems == (f"{member!r} is not what was written",)


def test_what_is_missing_or_added_is_named(filled, probe, tmp_path):
    file, changed = tmp_path / "case.zip", tmp_path / "changed.zip"
    write_case_file(case_of_images(filled, [probe], SearchOptions(2), ASKED), file)
    with zipfile.ZipFile(file) as old, zipfile.ZipFile(changed, "w") as new:
        for name in old.namelist():
            if name != "case.json":
                new.writestr(name, old.read(name))
        new.writestr("../evil.txt", "x")
    problems = verify_case(changed).problems
    assert problems == ("'../evil.txt' is not in the manifest", "'case.json' is missing")


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04rubbish", b"no zip at all"])
def test_what_is_no_case_is_refused(content, tmp_path):
    (tmp_path / "a.zip").write_bytes(content)
    with pytest.raises(ValueError, match="no file of a case"):
        verify_case(tmp_path / "a.zip")


def test_a_manifest_that_is_none_is_refused(tmp_path):
    for text in ("[]", '{"format": 1}', '{"format": 1, "files": {"a": 3}}', '{"format": 9}'):
        with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
            archive.writestr("manifest.json", text)
        with pytest.raises(ValueError, match=r"no file of a case|newer|format"):
            verify_case(tmp_path / "a.zip")


@pytest.mark.parametrize(("by", "reason"), [("", "x"), ("x", " "), ("x" * 3000, "x")])
def test_who_asks_and_why_must_be_said(by, reason):
    with pytest.raises(ValueError, match="a case says"):
        Asked(by, reason)


def test_the_commands(passerby_command, filled, memory_place, probe, tmp_path):
    query, out = tmp_path / "probe.jpg", tmp_path / "new" / "case.zip"
    query.write_bytes(probe)
    who = ("--by", "Ann", "--reason", "a/b: lost")
    done = passerby_command("gallery", "export-case", memory_place, out, "--like", query, *who)
    assert (done.code, done.err) == (0, "")
    with zipfile.ZipFile(out) as archive:
        said = json.loads(archive.read("case.json"))["asked"]
    assert said["reason"] == "a/b: lost"
    assert said["command"].startswith("passerby gallery export-case")
    assert str(tmp_path) not in said["command"]
    assert "--like probe.jpg --by Ann --reason 'a/b: lost'" in said["command"]
    done = passerby_command("gallery", "verify-case", out)
    assert (done.code, done.err) == (0, "")
    assert "all files are as the manifest says" in done.out
    data = out.read_bytes()
    out.write_bytes(data.replace(probe, probe[:-1] + b"?"))
    done = passerby_command("gallery", "verify-case", out)
    assert done.code == 2
    assert "'pictures/query-01.jpg' cannot be read" in done.out
    told = json.loads(passerby_command("gallery", "verify-case", out, "--json").out)
    assert (told["whole"], len(told["problems"])) == (False, 1)
    done = passerby_command("gallery", "export-case", memory_place, out, *who)
    assert "--like" in done.err
