"""passerby explain: on data, on images, of several models; what is refused, and why."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from passerby.config import Input, Network, Recipe
from passerby.conversion.onnx_files import write_onnx
from passerby.models.checkpoint import Card, load_model, save_model
from passerby.models.system import build_model


@pytest.fixture(scope="module")
def attending(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint with CBAM in its blocks."""
    network = Network("resnet18", attention="cbam")
    folder = tmp_path_factory.mktemp("models") / "cbam"
    torch.manual_seed(0)
    recipe = Recipe("cbam", input=Input(height=64, width=32), network=network)
    save_model(folder, build_model(network, 0), Card(recipe, 0, 0, 0))
    return folder


def test_a_data_set_gives_a_page_pictures_and_charts(
    passerby_command: Callable, attending: Path, small_model: Path, tiny_root: Path, tmp_path: Path
) -> None:
    out = tmp_path / "why"
    given = ("explain", attending, "--data", tiny_root, "--queries", "2", "--against", small_model)
    done = passerby_command(*given, "--out", out)
    assert done.code == 0, done.err
    assert {file.name for file in out.iterdir()} == {
        "explained.html", "maps.png", "matches.png", "embeddings.svg", "scores.svg",
        "scores-2.svg", "cmc.svg", "roc.svg",
    }  # fmt: skip
    assert "6 of 16 maps of attention are drawn" in done.out
    page = (out / "explained.html").read_text("utf-8")
    for words in ("Where the model looks", "What made the matches", "Map of embeddings", "ROC"):
        assert words in page
    curves = (out / "roc.svg").read_text("utf-8")
    assert "2 lines: cbam, small0." in curves


def test_images_are_held_against_the_first(
    passerby_command: Callable, small_model: Path, crops: Path, tmp_path: Path
) -> None:
    files = sorted(crops.iterdir())[:3]
    done = passerby_command("explain", small_model, "--data", *files, "--out", tmp_path / "a.png")
    assert done.code == 0, done.err
    assert "this network has no attention" in done.out
    assert (tmp_path / "a.png").stat().st_size > 1000


def test_the_packaged_model_is_explained_by_one_image_too(
    passerby_command: Callable, crops: Path, tmp_path: Path
) -> None:
    file = sorted(crops.iterdir())[0]
    done = passerby_command("explain", "default", "--data", file, "--out", tmp_path / "a.html")
    assert done.code == 0, done.err
    assert "no attention modules or tokens whose maps could be drawn beside Grad-CAM" in done.out


def test_a_file_that_is_no_picture_is_set_aside_and_named(
    passerby_command: Callable, small_model: Path, crops: Path, tmp_path: Path
) -> None:
    (tmp_path / "broken.jpg").write_bytes(b"no picture")
    good, given = sorted(crops.iterdir())[0], ("explain", small_model, "--data")
    done = passerby_command(*given, good, tmp_path / "broken.jpg", "--out", tmp_path / "a.png")
    assert done.code == 0, done.err
    assert "set aside" in done.out
    done = passerby_command(*given, tmp_path / "broken.jpg", "--out", tmp_path / "b.png")
    assert done.code == 2
    assert "none of 1 image can be read" in done.err


def test_what_cannot_be_explained_is_refused_in_one_sentence(
    passerby_command: Callable, small_model: Path, crops: Path, tmp_path: Path
) -> None:
    network, card = load_model(small_model)
    exported = write_onnx(network, card.recipe.input, tmp_path / "exported", metadata={})
    for model in (exported, "default-int8"):
        done = passerby_command("explain", model, "--data", crops, "--out", tmp_path / "x.html")
        assert done.code == 2
        assert "exported model: it gives vectors and no maps" in done.err
    given = ("explain", small_model, "--data", crops, "--out")
    done = passerby_command(*given, tmp_path / "x.svg")
    assert "expected a folder, a page (.html) or a picture" in done.err
    done = passerby_command(*given, tmp_path / "x.html", "--queries", "0")
    assert "one query and one match at least" in done.err
    file = sorted(crops.iterdir())[0]
    images = ("explain", small_model, "--data", file, "--out", tmp_path / "x.html")
    done = passerby_command(*images, "--against", "default")
    assert "--against compares scores" in done.err
    nowhere = ("explain", small_model, "--data", "nowhere", "--out", tmp_path / "y.html")
    done = passerby_command(*nowhere)
    assert done.code == 2
    assert "nowhere" in done.err
