"""Watch a clip into a gallery, each passage written at once: for tests that kill it.

python watch_process.py CLIP GALLERY: prints a line for each frame that was looked at.
"""

from __future__ import annotations

import sys
import time

import numpy as np

from passerby.gallery.gallery import Gallery
from passerby.video import enrolling
from passerby.video.detectors.detections import Detections, Detector
from passerby.video.enrolling import Enroller
from passerby.video.sources.files import FileSource
from passerby.video.sources.paces import EveryNth
from passerby.video.tracking import Tracker
from passerby.video.watching import Camera, watch

PASSAGES = 5


class Walkers(Detector):
    """One person after another, each for fifteen frames of every forty."""

    name, sure = "walkers", 0.5

    def __init__(self, pause: float = 0.0) -> None:
        self._number, self._pause = -1, pause

    def detect(self, pixels: np.ndarray) -> Detections:
        self._number += 1
        time.sleep(self._pause)
        if self._pause:
            print(self._number, flush=True)
        at = self._number % 40
        if at >= 15:
            return Detections(np.empty((0, 4), np.float32), np.empty(0, np.float32))
        left = 10 + at + 3 * (self._number // 40)
        box = np.array([[left, 10, left + 20, 60]], np.float32)
        return Detections(box, np.array([0.9], np.float32))


def watched(clip: str, gallery: Gallery, pause: float = 0.0) -> None:
    """All of a clip of 200 frames."""
    enrolling._SECONDS = 0.0
    camera = Camera(
        "hall", FileSource(clip), EveryNth(1), Walkers(pause), Tracker("bytetrack", 0.5)
    )
    watch([camera], Enroller(gallery.store, gallery.embedder))


if __name__ == "__main__":
    with Gallery.open(sys.argv[2]) as opened:
        watched(sys.argv[1], opened, 0.004)
