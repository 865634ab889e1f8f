"""verify, calibrate, compare and compare-reports as commands, with an untrained model."""

import json
from xml.etree import ElementTree

import pytest
import torch
from PIL import Image

from passerby.config import Input, Network, Recipe
from passerby.embedding.embedder import load
from passerby.models.checkpoint import Card, save_model
from passerby.models.systems.plain import Plain


@pytest.fixture(scope="module")
def model(tmp_path_factory, tiny):
    """A folder with an untrained network that says it was trained on the tiny set."""
    folder = tmp_path_factory.mktemp("models") / "[bold] net"
    torch.manual_seed(0)
    recipe = Recipe(
        "untrained", network=Network("resnet18", start="none"), input=Input(height=64, width=32)
    )
    trained = sorted({f"{r.source}/{r.person}" for r in tiny.train})
    save_model(folder, Plain(recipe.network, 0), Card(recipe, 0, 0, 0, tuple(trained)))
    return folder


@pytest.fixture(scope="module")
def calibrated(passerby_command, model, tiny_root):
    """What calibrating printed; the file is beside the model."""
    return passerby_command(
        "calibrate", model, "--data", tiny_root, "--false-match-rate", "0.1", "--part", "test"
    )


@pytest.fixture
def pair(tiny):
    """Two images of one person by two cameras."""
    first = tiny.query[0]
    second = next(r for r in tiny.gallery if r.person == first.person and r.camera != first.camera)
    return first.image, second.image


def test_calibrate_writes_a_file_and_charts_beside_the_model(calibrated, model):
    assert (calibrated.code, calibrated.err) == (0, "")
    assert "Cllr " in calibrated.out
    assert "warning: only 6 persons" in calibrated.out
    assert calibrated.out.splitlines()[-1].endswith("calibration.json, with 3 charts")
    content = json.loads((model / "calibration.json").read_text(encoding="utf-8"))
    (entry,) = content["calibrations"]
    assert entry["model"] == load(model).fingerprint
    assert (entry["metric"], entry["pooling"]) == ("cosine", "plain")
    for name in ("distances", "reliability", "errors"):
        svg = (model / f"calibration-{name}.svg").read_text(encoding="utf-8")
        assert ElementTree.fromstring(svg).get("role") == "img"


def test_a_calibration_is_told_in_json(passerby_command, model, tiny_root, tmp_path):
    arguments = ("calibrate", model, "--data", tiny_root, "--part", "test", "--json")
    done = passerby_command(*arguments, "--out", tmp_path / "c.json")
    assert done.code == 0, done.err
    (entry,) = json.loads((tmp_path / "c.json").read_text(encoding="utf-8"))["calibrations"]
    assert json.loads(done.out) == entry
    assert "written: " in done.err


def test_compare_answers_and_draws(passerby_command, calibrated, model, pair, tmp_path):
    assert calibrated.code == 0
    picture = tmp_path / "out" / "pair.png"
    options = ("--false-match-rate", "0.1", "--prior", "0.25", "--out", picture)
    done = passerby_command("compare", *pair, "--model", model, *options)
    assert (done.code, done.err) == (0, "")
    distance, ratio, probability, decision = done.out.splitlines()[:4]
    assert distance.startswith("cosine distance 0.")
    assert ratio.startswith("likelihood ratio ")
    assert "% at a prior of 25 %" in probability
    assert "at a false-match rate of 0.1" in decision
    assert "warning: " in done.out
    with Image.open(picture) as drawn:
        assert drawn.size[0] > 600


def test_without_calibration_compare_says_so(passerby_command, calibrated, model, pair, tmp_path):
    assert calibrated.code == 0
    missing, picture = tmp_path / "none.json", tmp_path / "pair.png"
    done = passerby_command(
        "compare", *pair, "--model", model, "--calibration", missing, "--out", picture
    )
    assert (done.code, done.err) == (0, "")
    assert "not calibrated: a distance alone does not say" in done.out
    assert "%" not in done.out
    assert picture.exists()


def test_mistakes_are_one_clear_line(passerby_command, calibrated, model, pair, tiny_root):
    assert calibrated.code == 0
    for arguments, message in (
        (("compare", *pair, "--model", model, "--flip"), "holds no calibration for"),
        (("compare", *pair, "--model", model, "--prior", "1"), "prior probability must be"),
        (("compare", pair[0], "nowhere.jpg", "--model", model), "nowhere.jpg"),
        (
            ("calibrate", model, "--data", tiny_root, "--part", "train"),
            "12 of these persons trained the model",
        ),
        (("compare-reports", "nowhere.json", "nowhere.json"), "nowhere.json"),
    ):
        done = passerby_command(*arguments)
        assert done.code == 2, arguments
        (line,) = done.err.strip().splitlines()
        assert line.startswith("passerby: ")
        assert message in line


def test_compare_reports(passerby_command, model, tiny_root, tmp_path):
    plain, flipped = tmp_path / "plain.json", tmp_path / "flipped.json"
    for path, options in ((plain, ()), (flipped, ("--flip",))):
        done = passerby_command("evaluate", model, "--data", tiny_root, "--json", path, *options)
        assert done.code == 0
    out = tmp_path / "comparison.json"
    done = passerby_command("compare-reports", plain, flipped, "--replicates", 100, "--json", out)
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith("18 queries of 6 persons\nrank-1: ")
    assert "fewer than 30 persons" in done.out
    content = json.loads(out.read_text(encoding="utf-8"))
    assert content["rank1"]["first"] == pytest.approx(
        json.loads(plain.read_text())["rank1"], abs=0.01
    )
    assert content["replicates"] == 100


def test_verify(passerby_command, model, tiny, tiny_root, tmp_path):
    by_model, by_files = tmp_path / "model.json", tmp_path / "files.json"
    options = ("--replicates", 20, "--rank", 2, "--seed", 3, "--json")
    done = passerby_command("verify", model, "--data", tiny_root, *options, by_model)
    assert (done.code, done.err) == (0, "")
    assert "TPR " in done.out
    assert "within rank 2 at FPIR 0.1" in done.out
    content = json.loads(by_model.read_text(encoding="utf-8"))
    assert content["verification"]["same"] == 36  # 18 queries, 2 images by other cameras
    assert len(content["open_set"]["splits"]) == 5
    embedder = load(model)
    query = embedder.embed(tiny.query).embeddings.save(tmp_path / "q.npz")
    gallery = embedder.embed(tiny.gallery).embeddings.save(tmp_path / "g.npz")
    files = ("--query", query, "--gallery", gallery)
    assert passerby_command("verify", *files, *options, by_files).code == 0
    assert json.loads(by_files.read_text(encoding="utf-8")) == content
    done = passerby_command("verify", model, *files)
    assert done.code == 2
    assert "expected either MODEL --data ROOT, or --query" in done.err
