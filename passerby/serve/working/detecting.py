"""Persons in whole frames, by a detector that all requests share."""

from __future__ import annotations

import threading
from typing import Any

from passerby.data.images import decode_contents
from passerby.video.detectors.opening import open_detector


class Frames:
    """A detector; one frame at a time.

    Raises:
        ValueError: It cannot be opened, or is of movement, which a single picture has none of.
    """

    def __init__(self, detector: str) -> None:
        if detector == "motion":
            raise ValueError("a single picture does not move: name another --detector")
        self._detector = open_detector(detector)
        self._lock = threading.Lock()

    def persons(self, data: bytes) -> dict[str, Any]:
        """Width, height, and the box and score of each person, best first."""
        pixels = decode_contents(data, "(the picture)")
        with self._lock:
            found = self._detector.detect(pixels)
        height, width = pixels.shape[:2]
        both = zip(found.boxes.tolist(), found.scores.tolist(), strict=True)
        persons = [{"box": box, "score": score} for box, score in both]
        return {"width": width, "height": height, "persons": persons}
