"""Thumbnails and pictures: JPEGs that a gallery may keep beside its vectors."""

from __future__ import annotations

import numpy as np
import simplejpeg
from numpy.typing import NDArray
from PIL import Image

LONGEST = 128
"""Pixels of the longer side; smaller images are kept at their size."""

MOST_BYTES = 16_384
"""No thumbnail is larger, so that a million of them are bounded."""

HIGHEST = 320
"""Pixels of the height of a passage's picture; lower ones are kept at their size."""

MOST_PICTURE_BYTES = 40_000
"""No picture is larger: what every engine takes, and a bound for a passage."""

_QUALITIES = (85, 60, 30, 5)


def thumbnail(pixels: NDArray[np.uint8]) -> bytes:
    """A JPEG of an image [H, W, 3], at most LONGEST pixels and MOST_BYTES; nothing else is kept.

    The file is written anew from pixels: no metadata of the original comes with it.
    """
    height, width = pixels.shape[:2]
    return _jpeg(pixels, min(1.0, LONGEST / max(height, width)), MOST_BYTES)


def picture(pixels: NDArray[np.uint8]) -> bytes:
    """A JPEG of a crop [H, W, 3] of a passage, HIGHEST pixels high where it is as high, at most
    twice as wide, and of MOST_PICTURE_BYTES; large enough to be embedded anew. Nothing else is
    kept."""
    height, width = pixels.shape[:2]
    return _jpeg(pixels, min(1.0, HIGHEST / height, 2 * HIGHEST / width), MOST_PICTURE_BYTES)


def _jpeg(pixels: NDArray[np.uint8], scale: float, most: int) -> bytes:
    height, width = pixels.shape[:2]
    size = max(1, round(width * scale)), max(1, round(height * scale))
    small = np.asarray(Image.fromarray(pixels).resize(size, Image.Resampling.BOX))
    for quality in _QUALITIES:
        jpeg: bytes = simplejpeg.encode_jpeg(np.ascontiguousarray(small), quality=quality)
        if len(jpeg) <= most:
            break
    return jpeg
