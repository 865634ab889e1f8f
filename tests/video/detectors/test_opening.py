"""Detectors by name, card and file; the real ones where they are."""

import hashlib
import json
import threading
from dataclasses import asdict, replace
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
import torch

from passerby.video.detectors import opening, torchvision_models
from passerby.video.detectors.card import read_card
from passerby.video.detectors.opening import _CARDS, detector_names, open_detector
from passerby.video.sources.files import FileSource
from passerby.video.sources.paces import EveryNth
from passerby.weights.download import Fetched
from passerby.weights.pull import DETECTORS, place_of


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("PASSERBY_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def test_each_named_network_can_be_pulled_and_is_checked(cache):
    assert set(DETECTORS) == {name for name in detector_names() if name != "motion"}
    for name, entry in DETECTORS.items():
        card = read_card(_CARDS / f"{name}.json")
        assert card.sha256 == entry.sha256
        assert place_of(name).name == card.file
        with pytest.raises(ValueError, match=f"passerby pull {name}"):
            open_detector(name)
        place_of(name).parent.mkdir(parents=True, exist_ok=True)
        place_of(name).write_bytes(b"another file")
        with pytest.raises(ValueError, match="SHA-256"):
            open_detector(name.replace("_", "-"))


@pytest.mark.parametrize(
    ("text", "message"),
    [("yolox_nan", "did you mean 'yolox_nano'"), ("a.onnx", r"a\.json is not there"),
     ("torchvision:fasterrcn", "torchvision has no detector")],
)  # fmt: skip
def test_what_there_is_not_is_named(text, message):
    with pytest.raises(ValueError, match=message):
        open_detector(text)


def onnx_file(path: Path, output: np.ndarray) -> Path:
    """A network that gives the same output for every image."""
    onnx = pytest.importorskip("onnx")
    helper, kind = onnx.helper, onnx.TensorProto.FLOAT
    graph = helper.make_graph(
        [helper.make_node("Constant", [], ["y"], value=onnx.numpy_helper.from_array(output)),
         helper.make_node("Identity", ["images"], ["unused"])],
        "constant",
        [helper.make_tensor_value_info("images", kind, [1, 3, 64, 64])],
        [helper.make_tensor_value_info("y", kind, list(output.shape))],
    )  # fmt: skip
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    path.write_bytes(model.SerializeToString())
    return path


def test_a_network_with_its_card_beside_it(tmp_path):
    pytest.importorskip("onnxruntime")
    rows = np.array([[[10, 10, 8, 20, 0.9]], [[40, 20, 8, 20, 0.1]]], np.float32)
    output = rows.reshape(1, 2, 5).transpose(0, 2, 1)  # [1, 4 + 1, 2]
    network = onnx_file(tmp_path / "mine.onnx", output)
    digest = hashlib.sha256(network.read_bytes()).hexdigest()
    card = {"layout": "yolo_v8", "file": "mine.onnx", "height": 64, "width": 64, "sure": 0.5,
            "floor": 0.3, "sha256": digest}  # fmt: skip
    (tmp_path / "mine.json").write_text(json.dumps(card))
    for text in ("mine.onnx", "mine.json"):
        found = open_detector(str(tmp_path / text)).detect(np.zeros((128, 128, 3), np.uint8))
        np.testing.assert_allclose(found.boxes, [[12, 0, 28, 40]], atol=1e-4)


def test_torchvision_by_name_is_fetched_from_its_own_address(monkeypatch, tmp_path):
    from torchvision import models

    name = "ssdlite320_mobilenet_v3_large"
    torch.manual_seed(0)
    model = models.get_model(name, weights=None, weights_backbone=None)
    file = tmp_path / "w.pth"
    torch.save(model.state_dict(), file)
    asked = []

    def fetch(url, target, sha256):
        asked.append((url, sha256))
        return Fetched(file, "", cached=False)

    monkeypatch.setattr(torchvision_models, "fetch", fetch)
    detector = open_detector(f"torchvision:{name}")
    url = models.get_model_weights(name)["DEFAULT"].url
    assert asked == [(url, url.rpartition("-")[2].removesuffix(".pth"))]
    assert len(asked[0][1]) == 8
    found = detector.detect(np.zeros((64, 64, 3), np.uint8))
    assert found.boxes.shape == (len(found), 4)


# Frames of the clips and how many whole persons are in them, by eye.
SEEN = {40: 1, 220: 2, 372: 3, 540: 1, 120: 0, 300: 0, 448: 0}


@pytest.mark.parametrize("kind", ["yolox", "ssd"])
def test_the_real_networks_find_the_persons(clips, real_weights, tmp_path, kind):
    pytest.importorskip("openvino" if kind == "ssd" else "onnxruntime")
    if kind == "yolox":
        card = asdict(read_card(_CARDS / "yolox_nano.json"))
        card |= {"file": str(real_weights / "yolox_nano.onnx"), "sha256": ""}
    else:
        retail = "person-detection-retail-0013"
        card = {"layout": "ssd", "file": str(real_weights / retail / f"{retail}.xml"),
                "height": 320, "width": 544, "sure": 0.5, "floor": 0.2, "colours": "bgr",
                "divisor": 1.0, "person": 1}  # fmt: skip
    (tmp_path / "card.json").write_text(json.dumps(card))
    detector = open_detector(str(tmp_path / "card.json"))
    source = FileSource(clips / "people-detection.264", fps=25)
    found = {
        frame.index: int((detector.detect(frame.pixels).scores >= detector.sure).sum())
        for frame in source.frames(EveryNth(4))
        if frame.index in SEEN
    }
    # In single frames they miss some who are in the video; they make nobody up.
    assert all(found[frame] <= persons for frame, persons in SEEN.items())
    assert sum(found.values()) >= 6


def test_a_pulled_network_is_ready_to_watch(
    clips, real_weights, tmp_path, monkeypatch, passerby_command
):
    """From a server on this machine: `passerby pull yolox_nano`, then the detector by its name."""
    file = real_weights / "yolox_nano.onnx"
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    handler = partial(SimpleHTTPRequestHandler, directory=str(real_weights))
    monkeypatch.setattr(SimpleHTTPRequestHandler, "log_message", lambda *said: None)
    card = asdict(read_card(_CARDS / "yolox_nano.json")) | {"sha256": digest}
    (tmp_path / "yolox_nano.json").write_text(json.dumps(card))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        url = f"http://127.0.0.1:{server.server_port}/{file.name}"
        entry = replace(DETECTORS["yolox_nano"], url=url)
        monkeypatch.setitem(DETECTORS, "yolox_nano", entry)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        other = passerby_command("pull", "yolox_nano")
        assert other.code == 2  # not the file that upstream released
        assert "SHA-256" in other.err
        assert not place_of("yolox_nano").exists()
        monkeypatch.setitem(DETECTORS, "yolox_nano", replace(entry, sha256=digest))
        done = passerby_command("pull", "yolox-nano")
        server.shutdown()
    assert done.code == 0, done.err
    assert "passerby watch SOURCE --detector yolox_nano" in done.out
    monkeypatch.setattr(opening, "_CARDS", tmp_path)
    detector = open_detector("yolox_nano")
    frames = FileSource(clips / "people-detection.264", fps=25).frames(EveryNth(220))
    counts = [len(detector.detect(frame.pixels)) for frame in frames]
    assert counts == [0, 2, 0]
