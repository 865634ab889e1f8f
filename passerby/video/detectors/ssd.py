"""SSD's detection output as OpenVINO's models have it: rows of picture, class, score, corners.

Liu et al., "SSD: Single Shot MultiBox Detector", ECCV 2016; corners are shares of the picture,
which is stretched into the input.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from passerby.video.detectors.card import Card
from passerby.video.detectors.detections import Detections, Detector, cleaned
from passerby.video.detectors.networks import Network, stretched


class Ssd(Detector):
    """Output [1, 1, N, 7]; a picture of −1 ends the rows.

    Raises:
        ValueError: The output has another shape.
    """

    def __init__(self, name: str, card: Card, network: Network) -> None:
        self.name, self.sure = name, card.sure
        self._card, self._network = card, network

    def detect(self, pixels: NDArray[np.uint8]) -> Detections:
        """See `Detector`."""
        output = self._network(stretched(pixels, self._card))
        if output.shape[-1] != 7:
            raise ValueError(
                f"{self.name}: expected an output [1, 1, N, 7], got {list(output.shape)}: is its "
                "layout ssd?"
            )
        rows = output.reshape(-1, 7)
        ended = np.flatnonzero(rows[:, 0] < 0)
        rows = rows[: ended[0]] if len(ended) else rows
        rows = rows[(rows[:, 1] == self._card.person) & (rows[:, 2] >= self._card.floor)]
        height, width = pixels.shape[:2]
        boxes = rows[:, 3:] * np.array([width, height, width, height], np.float32)
        return cleaned(boxes, rows[:, 2], pixels.shape, self._card.overlap)
