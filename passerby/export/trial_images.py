"""The real images that an exported model is tried and calibrated on.

Never noise: a network's maps are of other sizes there, and a quantisation that is right for persons
looks wrong, or the other way round.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from torch import Tensor

from passerby.config import Input
from passerby.data.crops import read_crops
from passerby.data.images import UnreadableImage, decode
from passerby.embedding.preprocessing import resized, stacked


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
