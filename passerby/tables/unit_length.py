"""Vectors of length 1: the one place that decides which vectors have a direction, and which do not.

Cosine distances mean nothing for vectors so short that rounding makes their direction.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

SHORTEST = 1e-12
"""Vectors of at most this length have no direction; torch.nn.functional.normalize has the same."""

TOLERANCE = 1e-3
"""By so much may a stored vector's length differ from 1."""

_ROWS = 4096  # in float64 at once


def lengths(vectors: NDArray) -> NDArray[np.float64]:
    """The length [N] of each of the vectors [N, D], in float64: squares of floats overflow."""
    squares: NDArray[np.float64] = np.einsum("nd,nd->n", vectors, vectors, dtype=np.float64)
    return np.sqrt(squares)


def directed(lengths: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Whether a vector of each length [N] has a direction: it is finite and not too short."""
    return np.isfinite(lengths) & (lengths > SHORTEST)


def is_unit(vectors: NDArray) -> NDArray[np.bool_]:
    """Whether each of the vectors [N, D] has the length 1, within `TOLERANCE`; NaN has not."""
    return np.abs(lengths(vectors) - 1) <= TOLERANCE


def unit(vectors: NDArray[np.float32], what: str = "vectors") -> NDArray[np.float32]:
    """Vectors [N, D] at length 1.

    Raises:
        ValueError: Some have no direction: they are zero, shorter than `SHORTEST`, or not finite.

    Examples:
        >>> unit(np.array([[3, 4]], np.float32)).round(3).tolist()
        [[0.6000000238418579, 0.800000011920929]]
    """
    found = lengths(vectors)
    wrong = np.flatnonzero(~directed(found))
    if len(wrong):
        raise ValueError(
            f"{len(wrong)} of {len(vectors)} {what} have no direction (zero or not finite, or "
            f"shorter than {SHORTEST:g}), the first in row {wrong[0]}"
        )
    made = np.empty(vectors.shape, np.float32)
    for start in range(0, len(vectors), _ROWS):
        part = slice(start, start + _ROWS)
        made[part] = vectors[part] / found[part, None]
    return made
