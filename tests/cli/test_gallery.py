"""The gallery commands in a folder: from crops to a search's ground, forgetting, and a kill."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from passerby.data.crops import content_id
from passerby.gallery.gallery import Gallery
from passerby.tables.sightings import Sightings

pytest.importorskip("lancedb")

ROOT = Path(__file__).resolve().parents[2]
OFTEN = """
from passerby.cli.app import main
from passerby.gallery.enrol import enrolment
enrolment.enrol_crops.__kwdefaults__["pace"] = enrolment.Pace(64, 64)
main()
"""  # the command, with a write after every batch
ENVIRONMENT = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}


@pytest.fixture
def place(tmp_path, small_model, passerby_command):
    done = passerby_command("gallery", "create", tmp_path / "g", "--model", small_model)
    assert done.code == 0, done.err
    assert f"made: {tmp_path / 'g'}" in done.out
    return tmp_path / "g"


def shown(passerby_command, place):
    return json.loads(passerby_command("gallery", "show", place, "--json").out)


def test_crops_are_added_shown_removed_and_gone(place, crops, passerby_command, tmp_path):
    zoned = ("--camera", "lobby", "--time", "2026-05-01T10:00:00+02:00")
    (crops / "broken.png").write_bytes(b"no image")
    done = passerby_command(
        "gallery", "add", place, crops, *zoned, "--keep-thumbnails", "--report", tmp_path / "r.csv",
        "--device", "cpu",
    )  # fmt: skip
    assert done.code == 0, done.err
    assert "10 sightings added" in done.out
    assert "broken.png" in (tmp_path / "r.csv").read_text(encoding="utf-8")
    (crops / "broken.png").unlink()
    done = passerby_command("gallery", "add", place, crops, "--device", "cpu")
    assert "0 sightings added, 10 were there already" in done.out
    assert "cameras (1): lobby: 10" in passerby_command("gallery", "show", place).out
    summary = shown(passerby_command, place)
    assert (summary["sightings"], summary["days"]) == (10, {"2026-05-01": 10})

    first = sorted(crops.iterdir())[0]
    sighting = content_id(first.read_bytes())
    done = passerby_command("gallery", "remove", place, "--sighting", sighting)
    assert done.code == 2
    assert "1 sighting would be removed for good: confirm with --yes" in done.err
    with Gallery.open(place) as gallery:
        thumbnail = Sightings.joined([*gallery.store.read(with_thumbnails=True)]).thumbnails[0]
    done = passerby_command("gallery", "remove", place, "--keep", "1h", "--yes", "--compact")
    assert done.code == 0, done.err
    assert "10 sightings removed" in done.out
    assert shown(passerby_command, place)["sightings"] == 0
    stored = [path.read_bytes() for path in place.rglob("*") if path.is_file()]
    assert not any(thumbnail in content for content in stored)
    assert not any(sighting.encode() in content for content in stored)


def test_a_gallery_is_dumped_restored_compacted_and_moved(
    place, crops, make_model, passerby_command, tmp_path
):
    assert passerby_command("gallery", "add", place, crops, "--device", "cpu").code == 0
    done = passerby_command("gallery", "dump", place, "--out", tmp_path / "g.zip")
    assert "10 sightings in" in done.out
    done = passerby_command("gallery", "restore", tmp_path / "g2", "--file", tmp_path / "g.zip")
    assert "10 sightings restored" in done.out
    one, two = (shown(passerby_command, at) for at in (place, tmp_path / "g2"))
    assert {**one, "bytes": 0, "index": 0} == {**two, "bytes": 0, "index": 0}
    assert "on disk" in passerby_command("gallery", "compact", place).out
    assert "10 sightings: whole" in passerby_command("gallery", "check", place).out
    other = make_model(1)
    moved = ("gallery", "reembed", place, "--model", other, "--out", tmp_path / "g3")
    assert "10 sightings embedded anew" in passerby_command(*moved, "--device", "cpu").out
    assert shown(passerby_command, tmp_path / "g3")["about"]["name"] == "small1"


@pytest.fixture
def named(place, crops, small_model, tmp_path):
    return {"GALLERY": place, "CROPS": crops, "MODEL": small_model, "OTHER": tmp_path / "other"}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("add", "GALLERY", "CROPS", "--time", "2026-05-01T10:00:00"), "has no zone"),
        (("add", "GALLERY", "CROPS", "--zone", "Mars/Olympus"), "no time zone is named"),
        (("add", "GALLERY", "nowhere"), "no such file or folder: nowhere"),
        (("add", "GALLERY", "e.npz"), "e.npz"),
        (("add", "nowhere", "CROPS"), "nowhere"),
        (("remove", "GALLERY", "--yes"), "needs a condition"),
        (("remove", "GALLERY", "--until", "2026-05-01", "--yes"), "has no zone"),
        (("remove", "GALLERY", "--keep", "soon", "--yes"), "hours, days or weeks"),
        (("restore", "OTHER", "--file", "CROPS/0001_c1s1_000000_01.jpg"), "no whole dump"),
        (("create", "GALLERY", "--model", "MODEL"), "GALLERY"),
    ],
)
def test_mistakes_end_in_one_clear_line(arguments, message, named, passerby_command):
    def filled(text):
        for name, path in named.items():
            text = text.replace(name, str(path))
        return text

    done = passerby_command("gallery", *map(filled, arguments))
    assert done.code == 2
    assert filled(message) in done.err
    assert "Traceback" not in done.err


@pytest.fixture(scope="module")
def many(tmp_path_factory, draw_crop):
    folder = tmp_path_factory.mktemp("many")
    for number in range(400):
        draw_crop(folder / f"{number}.jpg", number)
    return folder


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGKILL")
def test_killed_while_adding_nothing_is_lost_and_nothing_twice(
    trial, place, many, passerby_command
):
    """What progress said is on disk stays; the same command ends with all of it, once."""
    given = [sys.executable, "-c", OFTEN, "gallery", "add", str(place), str(many)]
    log = place.with_suffix(".log")
    with log.open("w") as out, subprocess.Popen(given, env=ENVIRONMENT, stderr=out) as process:
        deadline = time.monotonic() + 200
        while process.poll() is None and time.monotonic() < deadline:
            with Gallery.open(place) as gallery:
                acknowledged = len(gallery)
            if acknowledged:
                time.sleep(0.03 * (trial % 25))
                break
            time.sleep(0.05)
        process.send_signal(signal.SIGKILL)
    assert process.returncode in (-signal.SIGKILL, 0), log.read_text()
    with Gallery.open(place) as gallery:
        kept = len(gallery)
    assert kept >= acknowledged > 0
    done = passerby_command("gallery", "add", place, many, "--device", "cpu")
    assert f"{400 - kept} sightings added, {kept} were there already" in done.out
    with Gallery.open(place) as gallery:
        stored = Sightings.joined([*gallery.store.read(with_vectors=False)])
    assert len(stored) == len({*stored.ids.tolist()}) == 400
    assert {Path(image).name for image in stored.images.tolist()} == {
        f"{number}.jpg" for number in range(400)
    }
