"""The contract of detectors: a frame in, boxes with scores out."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Detections:
    """N persons of one frame, best first.

    boxes [N, 4] float32: left, top, right, bottom in pixels, within the frame; scores [N] float32
    from 0 to 1.
    """

    boxes: NDArray[np.float32]
    scores: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.scores)


NOTHING = Detections(np.empty((0, 4), np.float32), np.empty(0, np.float32))


class Detector(ABC):
    """Finds persons in frames.

    name: for people; sure: the score from which a box may begin a track; fainter ones only go on
    with one. What lies below the detector's own floor is never given.
    """

    name: str
    sure: float

    @abstractmethod
    def detect(self, pixels: NDArray[np.uint8]) -> Detections:
        """The persons of a frame: uint8 [H, W, 3] in RGB."""


def cleaned(
    boxes: NDArray[np.floating],
    scores: NDArray[np.floating],
    shape: tuple[int, ...],
    overlap: float,
) -> Detections:
    """Boxes [N, 4] cut to a frame of ``shape`` (H, W, …), best first, without those that cover a
    better one by more than ``overlap`` (intersection over union): greedy non-maximum suppression.
    Boxes of less than two pixels, and what is not finite, are left out."""
    limits = np.array([shape[1], shape[0], shape[1], shape[0]], np.float32)
    finite = np.isfinite(boxes).all(axis=1) & np.isfinite(scores)
    cut = np.clip(np.where(finite[:, None], boxes, 0), 0, limits).astype(np.float32)
    wide = ((cut[:, 2:] - cut[:, :2]) >= 2).all(axis=1) & finite
    order = np.flatnonzero(wide)[np.argsort(-scores[wide], kind="stable")]
    kept: list[int] = []
    while len(order):
        best, order = order[0], order[1:]
        kept.append(int(best))
        order = order[overlaps(cut[best], cut[order]) <= overlap]
    return Detections(cut[kept], scores[kept].astype(np.float32))


def overlaps(box: NDArray[np.floating], others: NDArray[np.floating]) -> NDArray[np.float32]:
    """Intersection over union [N] of a box [4] and others [N, 4]."""
    corners = np.minimum(box[2:], others[:, 2:]) - np.maximum(box[:2], others[:, :2])
    shared = np.prod(np.clip(corners, 0, None), axis=1)
    areas = np.prod(others[:, 2:] - others[:, :2], axis=1)
    union = np.prod(box[2:] - box[:2]) + areas - shared
    return (shared / np.maximum(union, 1e-9)).astype(np.float32)
