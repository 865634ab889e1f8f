"""A gate before a detector: where nothing moved since it last looked, it need not look again."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from passerby.video.detectors.detections import NOTHING, Detections, Detector
from passerby.video.detectors.motion import block_means

_SIDE = 16  # pixels of a block: noise is averaged away, a hand is not
_LEVELS = 3.0  # grey levels by which a block must change


class Gated(Detector):
    """Gives the last detections again while no block of the picture changed since they were made.

    Change is measured against the frame that was looked at, so that slow motion adds up. looked,
    passed: frames of either kind.
    """

    def __init__(self, detector: Detector, levels: float = _LEVELS) -> None:
        self.name, self.sure = detector.name, detector.sure
        self.looked = self.passed = 0
        self._detector, self._levels = detector, levels
        self._blocks: NDArray[np.float32] | None = None
        self._last = NOTHING

    def detect(self, pixels: NDArray[np.uint8]) -> Detections:
        """See `Detector`; frames of one fixed camera, in their order."""
        blocks = block_means(pixels, min(_SIDE, *pixels.shape[:2]))
        before = self._blocks
        if before is not None and before.shape == blocks.shape:
            change = float(np.abs(blocks - before).max())
            if change < self._levels:
                self.passed += 1
                return self._last
        self._blocks, self._last = blocks, self._detector.detect(pixels)
        self.looked += 1
        return self._last
