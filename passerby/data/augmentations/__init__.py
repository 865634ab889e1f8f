"""Random augmentations of training images, one family a file; each is a call in a recipe.

Each takes the random generator of its image, so that what happens to an image depends on seed,
epoch and position in the epoch alone, not on the number of workers.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np
from torch import Tensor


class Augmentation(ABC):
    """A random change of one image."""

    @abstractmethod
    def __call__(self, image: Tensor, random: np.random.Generator) -> Tensor:
        """The changed image, uint8 [3, H, W] of the same size; the given one stays as it is.

        All chance must come from ``random``. In memory the channels stand last, so that `view`
        may refuse where `reshape` does not.
        """

    def at(self, epoch: int) -> Augmentation:
        """The augmentation in an epoch of the run (from 0): itself, unless it changes with time."""
        return self
