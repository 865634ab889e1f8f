"""``passerby gallery search``, ``link`` and ``calibrate``, from words to output."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import asdict, replace

import numpy as np
import pytest
from PIL import Image

from passerby.evaluation.decisions.calibration_files import write_calibration
from passerby.tables.embeddings import Embeddings


@pytest.fixture
def filled(gallery, crops):
    """Ten crops: five persons, two cameras."""
    gallery.add(crops)
    return gallery


@pytest.fixture
def calibrated(filled, crowd_calibration):
    """With a calibration; of another crowd, but these vectors are nobody's anyway."""
    fitting = replace(crowd_calibration, model=filled.about.model)
    filled.store.change_about(
        lambda about: replace(about, calibrations={"single": asdict(fitting)}, created="now")
    )
    return filled


@pytest.fixture
def probe(tmp_path):
    pixels = np.random.default_rng(99).integers(0, 256, (24, 12, 3), np.uint8)
    Image.fromarray(pixels).save(tmp_path / "probe.png")
    return tmp_path / "probe.png"


def test_an_image_is_searched_for(passerby_command, filled, memory_place, probe, tmp_path):
    out = tmp_path / "found.png"
    done = passerby_command(
        "gallery", "search", memory_place, probe, "-k", "3", "--camera", "1", "--out", out
    )
    assert (done.code, done.err) == (0, "")
    assert "among 5 sightings" in done.out
    assert "uncalibrated here: distances alone" in done.out
    assert len([line for line in done.out.splitlines() if line.startswith("  ")]) == 4
    with Image.open(out) as picture:
        assert picture.width > 700


def test_with_a_calibration_all_is_said(passerby_command, calibrated, memory_place, probe):
    done = passerby_command("gallery", "search", memory_place, probe, "--prior-absent", "0.9")
    assert "absence had 90 % and 5 candidates shared the rest evenly" in done.out
    assert "answer: " in done.out
    done = passerby_command("gallery", "search", memory_place, probe, "--json", "--rerank")
    (found,) = json.loads(done.out)["searches"]
    assert len(found["matches"]) == 10
    total = found["posterior"]["absent"] + found["posterior"]["rest"]
    total += sum(candidate["probability"] for candidate in found["posterior"]["candidates"])
    assert total == pytest.approx(1)
    done = passerby_command("gallery", "search", memory_place, probe, "--csv", "--known")
    rows = list(csv.DictReader(io.StringIO(done.out)))
    assert len(rows) == 10
    assert {row["query"] for row in rows} == {str(probe)}
    done = passerby_command("gallery", "search", memory_place, probe, "--unknown", "--exact")
    assert "nothing found" in done.out


def test_several_images_and_an_npz(passerby_command, calibrated, memory_place, probe, crops):
    second = sorted(crops.glob("*.jpg"))[0]
    done = passerby_command("gallery", "search", memory_place, probe, second)
    assert "(2 images pooled)" in done.out
    assert "uncalibrated here for pooled queries" in done.out
    assert "own image" in done.out
    embedder = calibrated.embedder
    file = Embeddings(embedder([probe, second]), [1, 2], model=embedder.fingerprint).save(
        crops / "queries.npz"
    )
    done = passerby_command("gallery", "search", memory_place, "--npz", file, "-k", "1")
    assert done.out.count("among 10 sightings") == 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "expected either images of one person, or --npz"),
        (["a.png", "--npz", "b.npz"], "expected either images of one person, or --npz"),
        (["none.png"], "cannot read the image none.png"),
        (["PROBE", "--json", "--csv"], "--json and --csv contradict"),
        (["PROBE", "--since", "2026-05-01T08:00:00"], "zone"),
        (["PROBE", "--fpir", "2"], "fpir must be between 0 and 1"),
        (["PROBE", "--out", "found.gif"], "expected the name of a picture"),
    ],
)
@pytest.mark.usefixtures("filled")
def test_searches_that_cannot_be_done(passerby_command, memory_place, probe, arguments, message):
    given = [str(probe) if argument == "PROBE" else argument for argument in arguments]
    done = passerby_command("gallery", "search", memory_place, *given)
    assert done.code == 2
    assert message in done.err


def test_linking(passerby_command, calibrated, memory_place):
    done = passerby_command("gallery", "link", memory_place)
    assert done.code == 0
    assert "10 sightings in 5 passages make 5 groups" in done.out
    done = passerby_command("gallery", "link", memory_place, "--test", "--tolerance", "0")
    assert "10 sightings of 5 persons" in done.out
    assert "pairs across cameras: precision" in done.out
    done = passerby_command("gallery", "link", memory_place, "--test", "--write")
    assert (done.code, "is not to be written" in done.err) == (2, True)
    done = passerby_command(
        "gallery", "link", memory_place, "--write", "--over-known", "--prefix", "p:"
    )
    assert "sightings have another person now" in done.out
    names = {name for name in calibrated.store.groups("person") if name}
    assert all(name.startswith("p:") for name in names)
    done = passerby_command(
        "gallery", "link", memory_place, "--json", "--overlapping", "1", "2", "--camera", "1"
    )
    assert done.code == 2
    assert "the camera '2' that is to overlap" in done.err
    done = passerby_command("gallery", "link", memory_place, "--json", "--overlapping", "1", "2")
    assert json.loads(done.out)["rules"]["overlapping"] == [["1", "2"]]


def test_calibrations_are_stored(
    passerby_command, filled, memory_place, tmp_path, crowd_calibration
):
    done = passerby_command("gallery", "link", memory_place)
    assert (done.code, "uncalibrated here" in done.err) == (2, True)
    done = passerby_command("gallery", "calibrate", memory_place)
    assert (done.code, "there is no file" in done.err) == (2, True)
    file = tmp_path / "calibration.json"
    write_calibration(file, replace(crowd_calibration, model=filled.about.model))
    done = passerby_command("gallery", "calibrate", memory_place, "--calibration", file)
    assert done.out == "stored: single\n"
    assert "single" in filled.about.calibrations
