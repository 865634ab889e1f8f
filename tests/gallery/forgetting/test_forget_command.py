"""``passerby gallery forget``: shown, confirmed, removed, certified; never more than was seen."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest

WHO = ("--by", "Ann", "--reason", "art. 17")
HOSTILE = "<script>alert(1)</script>"


@pytest.fixture
def named(gallery, crops, crowd_calibration):
    """Ten crops of five persons, named; with a calibration, so that something is found."""
    gallery.add(crops, keep_thumbnails=True)
    rows = next(iter(gallery.store.read()))
    own = rows.ids[np.char.find(rows.images, "0001_") >= 0].tolist()
    gallery.store.name_persons(own, [HOSTILE] * len(own))
    fitting = replace(crowd_calibration, model=gallery.about.model)
    gallery.store.change_about(
        lambda about: replace(about, calibrations={"single": asdict(fitting)})
    )
    gallery.own = own
    return gallery


@pytest.fixture
def command(passerby_command, memory_place):
    return lambda *words: passerby_command("gallery", "forget", memory_place, *words)


def test_a_look_removes_nothing(command, named, tmp_path):
    sheet = tmp_path / "sheet.html"
    done = command("--person", HOSTILE, "--dry-run", "--out", sheet)
    assert (done.code, done.err) == (0, "")
    assert "2 sightings in 2 passages" in done.out
    assert len(named) == 10
    page = sheet.read_text()
    assert HOSTILE not in page
    assert page.count("data:image/jpeg") == 2
    assert sheet.stat().st_mode & 0o077 == 0


def test_a_script_cannot_remove_more_than_was_seen(command, named):
    assert "--yes needs --expect" in command("--person", HOSTILE, *WHO, "--yes").err
    done = command("--person", HOSTILE, *WHO, "--yes", "--expect", "1")
    assert "1 sighting was expected and 2 were found" in done.err
    assert "confirm with --yes --expect 2" in command("--person", HOSTILE, *WHO).err
    assert "says who asks" in command("--person", HOSTILE, "--yes", "--expect", "2").err
    assert len(named) == 10


def test_it_goes_with_a_certificate_and_a_list_of_files(command, named, tmp_path, memory_place):
    certificate, page, files = (tmp_path / name for name in ("c.json", "c.html", "files.txt"))
    yes = ("--yes", "--expect", "2")
    done = command(
        "--person", HOSTILE, *WHO, *yes, "--certificate", certificate, "--files", files, "--opt-out"
    )
    assert (done.code, done.err) == (0, "")
    assert len(named) == 8
    said = json.loads(certificate.read_text())
    assert {*said["removed"]} == {*named.own}
    assert said["opted_out"]["id"]
    assert "opt-out list" in {one["what"] for one in said["remains"]}
    assert said["gallery"] == memory_place
    assert all(Path(line).is_file() for line in files.read_text().splitlines())
    assert len(files.read_text().splitlines()) == 2
    done = command("--person", "0002", *WHO, *yes, "--certificate", page)
    assert "no person is named '0002'" in done.err


def test_by_pictures_what_was_looked_at_is_left_or_taken(command, named, crops, tmp_path):
    query = sorted(crops.glob("0001_*"))[0]
    look = ("--like", query, "--least-ratio", "1", "--dry-run", "--json")
    found = json.loads(command(*look).out)
    whys = {one["why"] for one in found["passages"]}
    assert "the picture itself" in whys
    first = found["passages"][0]
    changed = json.loads(command(*look, "--not", first["shown"]).out)
    assert changed["sightings"] == found["sightings"] - len(first["sightings"])
    assert "or its beginning" in command(*look, "--also", "zzzz").err


def test_a_certificate_is_checked(passerby_command, command, named, tmp_path):
    file = tmp_path / "c.json"
    command("--person", HOSTILE, *WHO, "--yes", "--expect", "2", "--certificate", file)
    assert passerby_command("gallery", "verify-certificate", file).code == 0
    file.write_text(file.read_text().replace("art. 17", "art. 71"))
    done = passerby_command("gallery", "verify-certificate", file)
    assert "is not as it was made" in done.err


def test_two_persons_at_once_are_refused(command, named):
    assert "one person by name" in command("--person", "a", "--person", "b").err
    assert "expected images" in command().err
