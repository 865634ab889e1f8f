"""What moves before a fixed camera, without weights: not persons, but all that may be one.

A running mean of each block of pixels is the background, a running mean of its own changes the
noise; blocks beyond it that hang together and stand upright are given. It takes carts and shadows
for persons, joins those who walk together, and loses who stands still. Wren et al., "Pfinder",
PAMI 1997, in its simplest form.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from passerby.video.detectors.detections import NOTHING, Detections, Detector, cleaned

_WARM_UP = 5  # frames that only teach the background
_LEARNING = 0.02  # share of a new frame in the background, where nothing moves
_SLOW = 0.002  # where something does, so that what is put down becomes background in the end
_NOISES = 4.0  # times its noise that a block must change
_LEAST = 6.0  # grey levels that count as change at least
_SHORTEST = 0.08  # of the picture's height
_SCORE = 0.6


class Motion(Detector):
    """Background subtraction; needs scipy, which trackers brings along."""

    name, sure = "motion", 0.5

    def __init__(self) -> None:
        self._mean: NDArray[np.float32] | None = None
        self._noise: NDArray[np.float32] = np.empty(0, np.float32)
        self._seen = 0

    def detect(self, pixels: NDArray[np.uint8]) -> Detections:
        """See `Detector`; frames of one fixed camera, in their order."""
        side = max(2, pixels.shape[0] // 108)
        blocks = block_means(pixels, side)
        if self._mean is None or self._mean.shape != blocks.shape:
            self._mean, self._noise, self._seen = blocks, np.full_like(blocks, _LEAST / 4), 0
        change = np.abs(blocks - self._mean)
        moved = change > np.maximum(_NOISES * self._noise, _LEAST)
        self._learn(blocks, change, moved)
        return self._boxes(moved, side, pixels.shape) if self._seen > _WARM_UP else NOTHING

    def _learn(
        self, blocks: NDArray[np.float32], change: NDArray[np.float32], moved: NDArray[np.bool_]
    ) -> None:
        assert self._mean is not None
        self._seen += 1
        share = np.where(moved, _SLOW, max(_LEARNING, 1 / self._seen)).astype(np.float32)
        self._mean = self._mean + share * (blocks - self._mean)
        self._noise = np.where(moved, self._noise, self._noise + share * (change - self._noise))

    @staticmethod
    def _boxes(moved: NDArray[np.bool_], side: int, shape: tuple[int, ...]) -> Detections:
        from scipy import ndimage

        closed = ndimage.binary_closing(np.pad(moved, 3), np.ones((5, 3)))[3:-3, 3:-3]
        labels, _ = ndimage.label(ndimage.binary_opening(closed, np.ones((2, 2))))
        boxes = [
            (cols.start * side, rows.start * side, cols.stop * side, rows.stop * side)
            for rows, cols in ndimage.find_objects(labels)
            if (rows.stop - rows.start) * side >= _SHORTEST * shape[0]
            and rows.stop - rows.start >= 1.2 * (cols.stop - cols.start)
        ]
        if not boxes:
            return NOTHING
        scores = np.full(len(boxes), _SCORE, np.float32)
        return cleaned(np.array(boxes, np.float32), scores, shape, 0.5)


def block_means(pixels: NDArray[np.uint8], side: int) -> NDArray[np.float32]:
    """The mean green [H // side, W // side] of each block: nearly the grey of it, at less cost."""
    height, width = (length // side * side for length in pixels.shape[:2])
    green = pixels[:height, :width, 1].reshape(height // side, side, width // side, side)
    return green.mean(axis=(1, 3), dtype=np.float32)
