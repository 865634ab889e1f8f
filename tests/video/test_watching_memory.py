"""Watching takes the same memory however long it goes on."""

import resource
from pathlib import Path

import numpy as np
import pytest

from passerby.embedding.embedder import load
from passerby.gallery.gallery import Gallery
from passerby.video.detectors.detections import Detections, Detector
from passerby.video.enrolling import Enroller
from passerby.video.sources.files import FileSource
from passerby.video.sources.paces import EveryNth
from passerby.video.tracking import Tracker
from passerby.video.watching import Camera, watch

FRAMES = 10_000
SETTLED = 6000  # frames until the gallery has written its first parts: 34 MB, once
EVERY = 50  # frames from one walker to the next


class Walkers(Detector):
    """One after the other; notes how much memory there is beside each frame."""

    name, sure = "walkers", 0.5

    def __init__(self) -> None:
        self.megabytes: list[float] = []

    def detect(self, pixels: np.ndarray) -> Detections:
        number = len(self.megabytes)
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        self.megabytes.append(pages * resource.getpagesize() / 1e6)
        step = number % EVERY
        if step > 25:
            return Detections(np.empty((0, 4), np.float32), np.empty(0, np.float32))
        left = 5 + 2 * step
        return Detections(np.array([[left, 10, left + 20, 60]], np.float32), np.array([0.9], "f"))


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="needs Linux's /proc")
def test_memory_stays_flat(tmp_path, small_model, make_video, monkeypatch):
    monkeypatch.setenv("PASSERBY_CACHE", str(tmp_path / "cache"))
    clip = make_video(tmp_path / "door.mp4", frames=FRAMES, fps=10, size=(72, 96))
    walkers = Walkers()
    with Gallery.create(tmp_path / "g", load(small_model)) as gallery:
        camera = Camera(
            "door", FileSource(clip), EveryNth(1), walkers, Tracker("bytetrack", 0.5), None
        )
        watched = watch([camera], Enroller(gallery.store, gallery.embedder))
        assert watched.added == len(gallery) == FRAMES // EVERY
    early, late = walkers.megabytes[:SETTLED], walkers.megabytes[SETTLED:]
    assert max(late) - max(early) < 40, [round(one) for one in walkers.megabytes[::250]]
