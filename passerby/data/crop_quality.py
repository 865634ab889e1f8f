"""What of an image says that it is no crop of a person: blank, tiny, or of another shape.

A network gives every image a vector, and images without content lie close together: two frames of a
camera that failed are nearer than two pictures of one person. Whatever concludes something from a
distance asks here first.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

LEAST_HEIGHT, LEAST_WIDTH = 16, 8
"""Pixels below which an image shows nothing of a person."""

LEAST_RANGE = 16
"""Grey levels, of 255, between the 1st and 99th percentile of a channel in an image with content;
real crops have 76 and more, a failed camera's noise has 2 to 6."""

RATIOS = (0.8, 6.0)
"""Height by width of a crop of a person: one in a thousand real ones is below 0.9, none above 5."""


@dataclass(frozen=True)
class CropFault:
    """Why an image is hardly a crop of a person. reason: in words, to follow the image's name."""

    kind: Literal["small", "blank", "shape"]
    reason: str

    def __str__(self) -> str:
        return self.reason


def crop_faults(pixels: NDArray[np.uint8]) -> tuple[CropFault, ...]:
    """What speaks against an image [H, W, 3] as a crop of a person; nothing of an ordinary one.

    Example:
        >>> [fault.kind for fault in crop_faults(np.zeros((128, 64, 3), np.uint8))]
        ['blank']
        >>> str(crop_faults(np.zeros((1, 1, 3), np.uint8))[0])
        'it has 1×1 pixels, too few to tell anything of a person'
    """
    height, width = pixels.shape[:2]
    faults = []
    if height < LEAST_HEIGHT or width < LEAST_WIDTH:
        reason = f"it has {width}×{height} pixels, too few to tell anything of a person"
        faults.append(CropFault("small", reason))
    if _is_blank(pixels):
        faults.append(CropFault("blank", "it is blank: nearly all of one colour"))
    if not faults and not RATIOS[0] <= height / width <= RATIOS[1]:
        reason = f"its {width}×{height} pixels are not the shape of a crop of one standing person"
        faults.append(CropFault("shape", reason))
    return tuple(faults)


def _is_blank(pixels: NDArray[np.uint8]) -> bool:
    if not pixels.size:
        return True
    low, high = np.percentile(pixels.reshape(-1, pixels.shape[2]), [1, 99], axis=0)
    return bool((high - low).max() < LEAST_RANGE)
