"""The usual outputs of exported YOLO networks, boxes decoded in the graph.

yolo_v5: [1, N, 5 + classes], centre, size, that there is something, classes; yolo_v8:
[1, 4 + classes, N], centre, size, classes; yolo_end_to_end: [1, N, 6], corners, score, class.
All in pixels of the input. Only layouts: many such networks come under the AGPL.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from passerby.video.detectors.card import Card
from passerby.video.detectors.detections import Detections, Detector, cleaned
from passerby.video.detectors.networks import Network, letterboxed


class Yolo(Detector):
    """A network of one of these layouts, as its card says.

    Raises:
        ValueError: The output does not have the layout's shape.
    """

    def __init__(self, name: str, card: Card, network: Network) -> None:
        self.name, self.sure = name, card.sure
        self._card, self._network = card, network

    def detect(self, pixels: NDArray[np.uint8]) -> Detections:
        """See `Detector`."""
        images, scale = letterboxed(pixels, self._card)
        output = self._network(images)
        least = {"yolo_v5": 6, "yolo_v8": 5, "yolo_end_to_end": 6}[self._card.layout]
        rows = output[0].T if self._card.layout == "yolo_v8" and output.ndim == 3 else output[0]
        exact = self._card.layout == "yolo_end_to_end"
        if output.ndim != 3 or rows.shape[1] < least or (exact and rows.shape[1] != least):
            raise ValueError(
                f"{self.name}: an output {list(output.shape)} is not of the layout "
                f"{self._card.layout}"
            )
        boxes, scores = self._decoded(rows)
        chosen = scores >= self._card.floor
        return cleaned(boxes[chosen] / scale, scores[chosen], pixels.shape, self._card.overlap)

    def _decoded(
        self, rows: NDArray[np.float32]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Corners [N, 4] in pixels of the input, and scores [N]."""
        person = self._card.person
        if self._card.layout == "yolo_end_to_end":
            return rows[:, :4], np.where(rows[:, 5] == person, rows[:, 4], 0)
        centres, halves = rows[:, :2], rows[:, 2:4] / 2
        boxes = np.concatenate([centres - halves, centres + halves], axis=1)
        if self._card.layout == "yolo_v5":
            return boxes, rows[:, 4] * rows[:, 5 + person]
        return boxes, rows[:, 4 + person]
