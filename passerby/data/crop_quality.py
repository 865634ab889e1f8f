"""What of an image says it is no crop of a person: blank, dark, cut, blurred, tiny, misshapen.

A network gives every image a vector, and images without content lie close together: two frames of a
camera that failed are nearer than two pictures of one person. Whatever concludes something from a
distance asks here first.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

LEAST_HEIGHT, LEAST_WIDTH = 16, 8
"""Pixels below which an image shows nothing of a person."""

LEAST_RANGE = 16
"""Grey levels, of 255, between the 1st and 99th percentile of a channel in an image with content;
real crops have 76 and more, a failed camera's noise has 2 to 6."""

LEAST_BRIGHTNESS = 48
"""Grey levels that the brightest hundredth of an image reaches; real crops reach 100 and more."""

LEAST_ROUGHNESS = 0.15
"""Mean step between pixels of an image reduced to 64×32, by their deviation: real crops have 0.19
and more, the same blurred with a deviation of a sixteenth of their height 0.17 at the middle."""

MOST_FLAT = 0.25
"""Share of an image's rows (or columns) at its ends that have one colour, as where a box was filled
up or a file broke off; one in a thousand real crops has 0.02, the most 0.06."""

_FLAT_RANGE = 8  # grey levels within a row of one colour, which JPEG makes uneven

RATIOS = (0.8, 6.0)
"""Height by width of a crop of a person: one in a thousand real ones is below 0.9, none above 5."""


@dataclass(frozen=True)
class CropFault:
    """Why an image is hardly a crop of a person. reason: in words, to follow the image's name."""

    kind: Literal["small", "blank", "dark", "cut", "blurred", "shape"]
    reason: str

    def __str__(self) -> str:
        return self.reason


def crop_faults(pixels: NDArray[np.uint8]) -> tuple[CropFault, ...]:
    """What speaks against an image [H, W, 3] as a crop of a person; nothing of an ordinary one.

    Examples:
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
    fault = _fault_of_content(pixels)
    if fault is not None:
        faults.append(fault)
    if not faults and not RATIOS[0] <= height / width <= RATIOS[1]:
        reason = f"its {width}×{height} pixels are not the shape of a crop of one standing person"
        faults.append(CropFault("shape", reason))
    return tuple(faults)


def _is_blank(pixels: NDArray[np.uint8]) -> bool:
    if not pixels.size:
        return True
    low, high = np.percentile(pixels.reshape(-1, pixels.shape[2]), [1, 99], axis=0)
    return bool((high - low).max() < LEAST_RANGE)


def _fault_of_content(pixels: NDArray[np.uint8]) -> CropFault | None:
    """The first thing that is wrong with what an image shows."""
    if _is_blank(pixels):
        return CropFault("blank", "it is blank: nearly all of one colour")
    grey = pixels.astype(np.float32).mean(axis=2)
    if np.percentile(grey, 99) < LEAST_BRIGHTNESS:
        return CropFault("dark", "it is nearly black")
    flat = max(_flat_ends(pixels), _flat_ends(pixels.transpose(1, 0, 2)))
    if flat >= MOST_FLAT:
        return CropFault(
            "cut", f"{100 * flat:.0f} % of it, at its ends, have one colour: it is cut"
        )
    if _roughness(grey) < LEAST_ROUGHNESS:
        return CropFault("blurred", "it is blurred: a person's outlines are gone")
    return None


def _flat_ends(pixels: NDArray[np.uint8]) -> float:
    """Share of the rows from either end on that are of one colour each."""
    uneven = np.ptp(pixels, axis=1).max(axis=1) >= _FLAT_RANGE
    filled = np.flatnonzero(uneven)
    if not len(filled):
        return 1.0
    return float(filled[0] + len(uneven) - 1 - filled[-1]) / len(uneven)


def _roughness(grey: NDArray[np.float32]) -> float:
    """Mean step between neighbours in an image of at most 64×32 pixels, by their deviation."""
    height, width = grey.shape
    size = (min(width, 32), min(height, 64))
    small = np.asarray(Image.fromarray(grey).resize(size, Image.Resampling.BOX))
    if min(small.shape) < 2:
        return 1.0
    steps = np.abs(np.diff(small, axis=0)).mean() + np.abs(np.diff(small, axis=1)).mean()
    return float(steps / (small.std() + 1e-6))
