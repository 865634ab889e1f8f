"""YOLOX: rows of offsets within grids of stride 8, 16 and 32.

Ge et al., "YOLOX: Exceeding YOLO Series in 2021", arXiv:2107.08430; the form of its released files,
in which boxes are not decoded.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from passerby.video.detectors.card import Card
from passerby.video.detectors.detections import Detections, Detector, cleaned
from passerby.video.detectors.networks import Network, letterboxed

_STRIDES = (8, 16, 32)


class Yolox(Detector):
    """Output [1, cells, 5 + classes]: centre, log size, that there is something, classes.

    Raises:
        ValueError: The network gives another number of rows than its input has cells.
    """

    def __init__(self, name: str, card: Card, network: Network) -> None:
        self.name, self.sure = name, card.sure
        self._card, self._network = card, network
        self._corners, self._strides = _grid(card.height, card.width)

    def detect(self, pixels: NDArray[np.uint8]) -> Detections:
        """See `Detector`."""
        images, scale = letterboxed(pixels, self._card)
        rows = self._network(images)
        if rows.ndim != 3 or rows.shape[1] != len(self._corners) or rows.shape[2] < 6:
            raise ValueError(
                f"{self.name}: expected an output [1, {len(self._corners)}, 5 + classes], got "
                f"{list(rows.shape)}: is its layout yolox?"
            )
        scores = rows[0, :, 4] * rows[0, :, 5 + self._card.person]
        chosen = scores >= self._card.floor
        offsets, strides = rows[0, chosen, :4], self._strides[chosen, None]
        centres = (offsets[:, :2] + self._corners[chosen]) * strides
        halves = np.exp(offsets[:, 2:]) * strides / 2
        boxes = np.concatenate([centres - halves, centres + halves], axis=1) / scale
        return cleaned(boxes, scores[chosen], pixels.shape, self._card.overlap)


def _grid(height: int, width: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """The column and row of each cell [cells, 2], and its stride [cells]."""
    corners, strides = [], []
    for stride in _STRIDES:
        rows, columns = np.indices((height // stride, width // stride))
        corners.append(np.stack([columns.ravel(), rows.ravel()], axis=1))
        strides.append(np.full(rows.size, stride))
    return (
        np.concatenate(corners).astype(np.float32),
        np.concatenate(strides).astype(np.float32),
    )
