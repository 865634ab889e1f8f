"""Thumbnails: small JPEGs that a gallery may keep beside its vectors."""

from __future__ import annotations

import numpy as np
import simplejpeg
from numpy.typing import NDArray
from PIL import Image

LONGEST = 128
"""Pixels of the longer side; smaller images are kept at their size."""

MOST_BYTES = 16_384
"""No thumbnail is larger, so that a million of them are bounded."""

_QUALITIES = (85, 60, 30, 5)


def thumbnail(pixels: NDArray[np.uint8]) -> bytes:
    """A JPEG of an image [H, W, 3], at most LONGEST pixels and MOST_BYTES; nothing else is kept.

    The file is written anew from pixels: no metadata of the original comes with it.
    """
    height, width = pixels.shape[:2]
    scale = min(1.0, LONGEST / max(height, width))
    size = max(1, round(width * scale)), max(1, round(height * scale))
    small = np.asarray(Image.fromarray(pixels).resize(size, Image.Resampling.BOX))
    for quality in _QUALITIES:
        jpeg: bytes = simplejpeg.encode_jpeg(np.ascontiguousarray(small), quality=quality)
        if len(jpeg) <= MOST_BYTES:
            break
    return jpeg
