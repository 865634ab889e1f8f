"""Vectors, pairs and frames over HTTP; concurrent pictures go through the network together."""

import threading

import numpy as np
import pytest
import torch
from starlette.testclient import TestClient

from passerby.embedding.embedder import load
from passerby.embedding.runtimes import Outputs, Runtime
from passerby.serve.application import application
from passerby.serve.working.batching import Together
from passerby.serve.working.detecting import Frames
from passerby.video.detectors.detections import Detections

JPEG = {"Content-Type": "image/jpeg"}


def form(crops, numbers):
    paths = sorted(crops.glob("*.jpg"))
    return [("image", (str(n), paths[n].read_bytes(), "image/jpeg")) for n in numbers]


def test_vectors_are_the_model_s(client, crops, small_model):
    answer = client.post("/v1/embed", files=form(crops, [0, 1, 2])).json()
    expected = load(small_model, unit_length=True)(sorted(crops.glob("*.jpg"))[:3])
    assert np.array(answer["vectors"]) == pytest.approx(expected, abs=1e-6)
    assert answer["dimensions"] == expected.shape[1]


def test_two_pictures_are_compared(client, crops):
    same = client.post("/v1/compare", files=form(crops, [0, 0])).json()
    assert same["distance"] == pytest.approx(0, abs=1e-6)
    assert same["likelihood_ratio"] is None  # nobody calibrated
    assert same["reasons"]
    assert client.post("/v1/compare", files=form(crops, [0])).status_code == 422
    assert client.post("/v1/compare", files=form(crops, [0, 1, 2])).status_code == 413


def test_frames_need_a_detector(client, crops, settings, monkeypatch):
    data = sorted(crops.glob("*.jpg"))[0].read_bytes()
    assert client.post("/v1/detect", content=data, headers=JPEG).status_code == 404
    with pytest.raises(ValueError, match="does not move"):
        Frames("motion")

    class Whole:
        def detect(self, pixels):
            height, width = pixels.shape[:2]
            return Detections(np.array([[0, 0, width, height]], "f4"), np.array([0.5], "f4"))

    monkeypatch.setattr("passerby.serve.working.detecting.open_detector", lambda name: Whole())
    with TestClient(application(settings), "http://127.0.0.1") as other:
        other.app.state.frames = Frames("whole")
        found = other.post("/v1/detect", content=data, headers=JPEG).json()
    assert found == {
        "width": 12, "height": 24, "persons": [{"box": [0.0, 0.0, 12.0, 24.0], "score": 0.5}],
    }  # fmt: skip


class Sums(Runtime):
    """Of each image the sum; keeps how many came at once."""

    name, precision, dimensions, outputs = "sums", "fp32", 1, ("embedding",)

    def __init__(self):
        self.batches, self.fail = [], False

    def start(self, images, cameras):
        self.batches.append(len(images))
        if self.fail:
            raise RuntimeError("broken")
        sums = images.reshape(len(images), -1).sum(1, keepdim=True).numpy().astype(np.float32)
        return lambda: Outputs(sums, None, None)


def test_concurrent_images_are_one_batch_and_each_gets_its_own():
    inner = Sums()
    together = Together(inner, most=8, wait=0.2)
    given = [torch.full((1 + n % 3, 3, 2, 2), n) for n in range(6)]
    got = {}

    def ask(n):
        got[n] = together.start(given[n], None)().embedding

    threads = [threading.Thread(target=ask, args=(n,)) for n in range(6)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    for n in range(6):
        assert got[n].tolist() == [[12.0 * n]] * (1 + n % 3)
    assert sum(inner.batches) == 12
    assert len(inner.batches) < 6
    assert max(inner.batches) <= 8
    inner.fail = True
    with pytest.raises(RuntimeError, match="broken"):
        together.start(given[0], None)()
    inner.fail = False
    assert together.start(given[2], None)().embedding.tolist() == [[24.0]] * 3
    together.close()


def test_what_waits_is_computed_before_the_end():
    together = Together(Sums(), most=8, wait=0.2)
    waiting = [together.start(torch.full((1, 3, 2, 2), n), None) for n in range(3)]
    together.close()
    assert [answer().embedding.tolist() for answer in waiting] == [[[12.0 * n]] for n in range(3)]


def test_an_application_that_ended_leaves_no_thread_which_would_hold_its_model(settings, crops):
    before = {*threading.enumerate()}
    with TestClient(application(settings), "http://127.0.0.1:8765") as client:
        assert client.post("/v1/search", files=form(crops, [0])).status_code == 200
        names = {thread.name for thread in {*threading.enumerate()} - before}
    left = {thread.name for thread in {*threading.enumerate()} - before}
    assert {"batches", "writing", "gallery_0"} <= names
    assert not left & {"batches", "writing", "gallery_0"}
