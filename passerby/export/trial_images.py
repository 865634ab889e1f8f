"""The images that an exported model is tried and calibrated on: real ones, or drawn persons.

Never noise: a network's maps are of other sizes there, and a quantisation that is right for persons
looks wrong, or the other way round.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from passerby.config import Input
from passerby.data.crops import read_crops
from passerby.data.images import UnreadableImage, decode
from passerby.embedding.preprocessing import resized, stacked
from passerby.synthesis.figures import draw

_CAMERAS = 3  # of drawn persons


def real_images(inputs: Sequence[str], size: Input, most: int, seed: int = 0) -> Tensor:
    """Images uint8 [N, 3, H, W] of folders, tables or data sets, ``most`` drawn by seed.

    Raises ValueError where there is none that can be read.
    """
    crops = read_crops(inputs).crops
    order = np.random.default_rng([seed, 11]).permutation(len(crops))
    found = []
    for row in order.tolist():
        try:
            found.append(resized(decode(crops[row].image), size))
        except UnreadableImage:
            continue
        if len(found) == most:
            break
    if not found:
        raise ValueError(f"none of {len(crops)} images can be read: expected crops of persons")
    return stacked(found)


def drawn_images(size: Input, count: int) -> Tensor:
    """Drawn persons as uint8 [N, 3, H, W]."""
    return stacked([resized(_drawn(number), size) for number in range(count)])


def _drawn(number: int) -> NDArray[np.uint8]:
    person, camera = divmod(number, _CAMERAS)
    pixels: NDArray[np.uint8] = draw(0, person + 1, camera + 1, 0)
    return pixels
