"""When two compared images are evidence, and what is said when they are none."""

import dataclasses
import re

import numpy as np
import pytest
from PIL import Image

import passerby
from passerby.assessment.calibrate import calibration_file, find_calibration, is_of_other_sites
from passerby.assessment.compare import compare_images
from passerby.evaluation.decisions.calibration_files import write_calibration
from passerby.models.packaged import DEFAULT


@pytest.fixture(scope="module")
def embedder():
    return passerby.load()


@pytest.fixture(scope="module")
def packaged(embedder):
    return find_calibration(calibration_file(DEFAULT), embedder)


@pytest.fixture(scope="module")
def own(packaged):
    """Of the user's site: the same curve, fitted on other persons."""
    within = dataclasses.replace(packaged, sources=("hall",), pairs="within a camera")
    return dataclasses.replace(packaged, sources=("hall",), within=within)


@pytest.fixture
def pair(tmp_path):
    """Two pictures with content, of the shape of a crop."""
    random = np.random.default_rng(0)
    files = []
    for name in ("a.png", "b.png"):
        small = Image.fromarray(random.integers(0, 256, (16, 8, 3), np.uint8))
        small.resize((64, 128)).save(tmp_path / name)
        files.append(tmp_path / name)
    return files


def test_what_came_with_the_model_gives_no_probability(embedder, packaged, own, pair):
    assert is_of_other_sites(packaged)
    assert not is_of_other_sites(own)
    found = compare_images(embedder, *pair, packaged)
    assert found.evidence is None
    said = str(found)
    assert "not calibrated where it is used" in said
    assert "on another site (street_site, 500 persons)" in said
    assert "%" not in said
    assert "likelihood" not in said
    assert compare_images(embedder, *pair, own).evidence is not None


def test_the_shares_on_another_site_are_those_below_the_distance(embedder, packaged, pair):
    found = compare_images(embedder, pair[0], pair[0], packaged)  # at a distance of zero
    assert "less than 1 of 1,000 pairs of one person and less than 1 of 1,000" in str(found)
    curve = packaged.quality.curve
    found = compare_images(embedder, *pair, packaged)
    nearer = np.searchsorted(curve.thresholds, found.distance)
    true = 1000 * (1 - np.array(curve.false_non_match_rates)[nearer - 1 : nearer + 1])
    shown = int(re.search(r"(\d+) of 1,000 pairs of one person", str(found))[1])
    assert np.floor(true[0]) <= shown <= np.ceil(true[-1])


def test_pairs_of_one_camera_need_a_calibration_of_their_own(embedder, own, pair):
    halved = dataclasses.replace(own.curve, llrs=tuple(llr / 2 for llr in own.curve.llrs))
    within = dataclasses.replace(own.within, curve=halved)
    both = dataclasses.replace(own, within=within)
    across, one = (compare_images(embedder, *pair, both, one_camera=kind) for kind in (False, True))
    assert one.evidence.llr == pytest.approx(0.5 * across.evidence.llr)
    alone = dataclasses.replace(own, within=None)
    found = compare_images(embedder, *pair, alone, one_camera=True)
    assert found.evidence is None
    assert "no calibration for pairs of one camera" in str(found)


@pytest.mark.parametrize(
    ("size", "reason"), [((64, 128), "blank"), ((320, 180), "shape"), ((4, 8), "too few")]
)
def test_what_is_no_crop_of_a_person_is_no_evidence(embedder, own, pair, size, reason):
    pixels = np.random.default_rng(1).integers(0, 256, (9, 16, 3), np.uint8) * (reason != "blank")
    room = pair[0].with_name("room.png")
    Image.fromarray(pixels.astype(np.uint8)).resize(size).save(room)
    for first in (pair[0], room):
        found = compare_images(embedder, first, room, own)
        assert found.evidence is None
        assert "room.png does not look like a crop of a person" in str(found)
        assert reason in str(found)
        assert "%" not in str(found)


def test_as_a_command(passerby_command, embedder, own, pair, tmp_path):
    done = passerby_command("compare", *pair, "--one-camera")
    assert (done.code, done.err) == (0, "")
    assert "not calibrated where it is used" in done.out
    assert "flatter those who come back" in done.out
    file = write_calibration(tmp_path / "hall.json", own)
    for options in ((), ("--one-camera",)):
        done = passerby_command("compare", *pair, "--calibration", file, *options)
        assert (done.code, done.err) == (0, "")
        assert "probability of one person" in done.out
    done = passerby_command("compare", "nowhere.png", pair[1], "--out", tmp_path / "pair")
    assert done.code == 2
    assert "expected the name of a picture" in done.err  # before any work
    for out, message in (((), "--out FILE"), (("--out", tmp_path / "no" / "c.json"), "exists")):
        done = passerby_command("calibrate", "default", "--data", tmp_path / "nowhere", *out)
        assert done.code == 2
        assert message in done.err


def test_bytes_of_files_compare_as_the_files(embedder, own, pair):
    files = compare_images(embedder, *pair, own)
    found = compare_images(embedder, *(file.read_bytes() for file in pair), own)
    assert (found.first, found.second) == ("the first image", "the second image")
    assert (found.distance, found.evidence) == (files.distance, files.evidence)
