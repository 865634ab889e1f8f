"""What other people's trackers ask of an embedder: the vectors of a frame's boxes.

The two calls are those of trackers' encoders (``extract_features``, of supervision's detections)
and of BoxMOT's ``reid_model`` (``get_features``, of an array of boxes).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from passerby.embedding.image_inputs import AnyImage, Colours
from passerby.tables.unit_length import unit

if TYPE_CHECKING:
    from supervision import Detections

    from passerby.embedding.embedder import Embedder


class Appearance:
    """Vectors of the persons of a frame, for a tracker that compares them.

    Args:
        embedder: What `passerby.load` gives.
        colours: The channels of the frames: "bgr" as OpenCV has them, or "rgb". It must be said:
            with the wrong one everything runs, and finds less.

    Raises:
        ValueError: colours is neither.

    Examples:
        >>> import numpy as np, passerby
        >>> appearance = Appearance(passerby.load(), colours="bgr")
        >>> frame = np.zeros((240, 320, 3), np.uint8)
        >>> appearance.get_features([[10, 20, 60, 180]], frame).shape
        (1, 1280)
    """

    def __init__(self, embedder: Embedder, *, colours: Colours) -> None:
        if colours not in get_args(Colours):
            raise ValueError(f"colours must be 'rgb' or 'bgr', got {colours!r}")
        self._embed: Callable[[Sequence[AnyImage]], NDArray[np.float32]] = embedder
        self._turned = colours != embedder.colours
        self._nobody = np.empty((0, embedder.dimensions), np.float32)

    def extract_features(
        self, detections: Detections, frame: NDArray[np.uint8]
    ) -> NDArray[np.float32]:
        """The vectors [N, D] of length 1 of supervision's detections in a frame, in their order.

        Raises:
            ValueError: As of `get_features`.
        """
        return self.get_features(detections.xyxy, frame)

    def get_features(self, boxes: ArrayLike, frame: NDArray[np.uint8]) -> NDArray[np.float32]:
        """The vectors [N, D] float32 of length 1 of boxes [N, 4] in a frame; none of no boxes.

        boxes: left, top, right, bottom in pixels, cut to the frame; frame: uint8 [H, W, 3].

        Raises:
            ValueError: The frame is none, or a box shows no pixel of it.
        """
        if getattr(frame, "dtype", None) != np.uint8 or frame.ndim != 3 or frame.shape[2] != 3:
            shape = getattr(frame, "shape", type(frame).__name__)
            raise ValueError(f"expected a frame as uint8 [H, W, 3], got {shape}")
        corners = np.asarray(boxes, np.float64).reshape(-1, 4)
        if not len(corners):
            return self._nobody
        pixels = frame[..., ::-1] if self._turned else frame
        crops = [_crop(pixels, box, number) for number, box in enumerate(corners)]
        return unit(self._embed(crops))


def _crop(pixels: NDArray[np.uint8], box: NDArray[np.float64], number: int) -> NDArray[np.uint8]:
    """The pixels of a box, every one that it touches."""
    height, width = pixels.shape[:2]
    finite = np.isfinite(box).all()
    left, top, right, bottom = (
        np.clip([*np.floor(box[:2]), *np.ceil(box[2:])], 0, [width, height] * 2).astype(int)
        if finite
        else (0, 0, 0, 0)
    )
    if left >= right or top >= bottom:
        given = ", ".join(f"{value:g}" for value in box)
        raise ValueError(
            f"box {number} ({given}) shows no pixel of the frame of {width}×{height}: expected "
            "left, top, right, bottom in pixels; leave such boxes out before the tracker sees them"
        )
    return np.ascontiguousarray(pixels[top:bottom, left:right])
