"""Repeatable chance: every random choice follows from named whole numbers.

A generator is seeded from the seed of the set and from what it is for (a person, a camera, a
moment), never from the state that an earlier picture left behind. That is why a picture is the
same whether it is drawn first, last, or in another process.
"""

from collections.abc import Mapping
from typing import TypeVar

import numpy as np

_PURPOSES = (
    "person", "site", "camera", "passage", "moment", "file", "texture", "style", "street",
    "rendered",
)  # fmt: skip

Choice = TypeVar("Choice")


def generator(seed: int, purpose: str, *numbers: int) -> np.random.Generator:
    """A generator that depends only on the arguments; numbers may be -1 or larger."""
    if seed < 0:
        raise ValueError(f"expected a seed of 0 or more, got {seed}")
    entropy = [seed, _PURPOSES.index(purpose), *(number + 2 for number in numbers)]
    return np.random.default_rng(np.random.SeedSequence(entropy))


def pick(rng: np.random.Generator, chances: Mapping[Choice, float]) -> Choice:
    """One of the keys, each as likely as its value says (the values need not sum to 1)."""
    target = rng.random() * sum(chances.values())
    for choice, chance in chances.items():
        target -= chance
        if target < 0:
            return choice
    return choice  # rounding may leave a little over
