"""A checkpoint in another runtime: converted once, compared first, anew when anything changed."""

from dataclasses import replace

import numpy as np
import pytest

from passerby.config import Input
from passerby.embedding import converted
from passerby.embedding.converted import converted_model, drawn_persons, require_same
from passerby.embedding.embedder import load
from passerby.embedding.runtimes import Outputs, Runtime
from passerby.models.checkpoint import load_model, save_model

CROP = np.random.default_rng(0).integers(0, 256, (50, 30, 3), np.uint8)


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("PASSERBY_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.mark.parametrize("runtime", ["onnx", "openvino"])
def test_a_checkpoint_runs_in_other_runtimes(small_model, cache, runtime, monkeypatch):
    for package in ("onnx", "onnxscript", "onnxruntime", runtime):
        pytest.importorskip(package)
    opened = load(small_model, runtime=runtime)
    expected = load(small_model, device="cpu")
    assert opened.runtime.name == runtime
    assert opened.fingerprint == expected.fingerprint
    assert opened.card == expected.card
    lengths = np.linalg.norm(expected([CROP]))
    assert np.abs(opened([CROP]) - expected([CROP])).max() <= 1e-5 * lengths
    files = sorted(cache.rglob("model.*"))
    monkeypatch.setattr(converted, "load_model", None)  # converted once
    assert load(small_model, runtime=runtime)([CROP]).shape == opened([CROP]).shape
    assert sorted(cache.rglob("model.*")) == files


def test_another_card_is_another_file(small_model, cache, tmp_path, monkeypatch):
    written = []

    def write(folder, runtime, part):
        part.mkdir()
        (part / "model.onnx").touch()
        written.append(part)

    monkeypatch.setattr(converted, "_convert", write)
    first = converted_model(small_model, "onnx")
    assert converted_model(small_model, "onnx") == first
    assert len(written) == 1
    network, card = load_model(small_model)
    save_model(tmp_path / "other", network, replace(card, epoch=card.epoch + 1))
    assert converted_model(tmp_path / "other", "onnx") != first
    assert len(written) == 2
    assert [path.suffix for path in first.parent.parent.iterdir()].count(".part") == 0


class Fixed(Runtime):
    """Vectors that do not depend on the images."""

    precision, dimensions, outputs = "fp32", 2, ("embedding",)

    def __init__(self, name, second):
        self.name, self.second = name, second

    def start(self, images, cameras):
        vectors = np.tile(np.float32([1, self.second]), (len(images), 1))
        return lambda: Outputs(vectors, None, None)


def test_vectors_that_are_others_are_refused():
    size = Input(height=32, width=16)
    require_same(Fixed("torch", 1), Fixed("onnx", 1 + 1e-6), size)
    with pytest.raises(ValueError, match=r"in onnx does not make the vectors .* in torch: off by"):
        require_same(Fixed("torch", 1), Fixed("onnx", 1.001), size)
    with pytest.raises(ValueError, match="off by nan"):
        require_same(Fixed("torch", 1), Fixed("onnx", float("nan")), size)


def test_what_failed_leaves_nothing(small_model, cache, monkeypatch):
    def fail(folder, runtime, part):
        part.mkdir()
        raise ValueError("it cannot")

    monkeypatch.setattr(converted, "_convert", fail)
    with pytest.raises(ValueError, match="it cannot"):
        converted_model(small_model, "onnx")
    assert [path for path in cache.rglob("*") if path.is_dir()] == [
        cache / "converted",
        cache / "converted" / "onnx",
    ]


def test_the_images_it_compares_on_are_persons_of_the_networks_size():
    images = drawn_persons(2, Input(height=48, width=24))
    assert images.shape == (2, 3, 48, 24)
    assert images.float().std() > 20
    assert not np.array_equal(images[0], images[1])
