"""Which vectors repeat earlier ones, found without copying or sorting the vectors."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_CHUNK = 1024


@dataclass(frozen=True, eq=False)
class Copies:
    """rows [K]: vectors that are bitwise equal to an earlier one; originals [K]: the first such."""

    rows: NDArray[np.int64]
    originals: NDArray[np.int64]


def find_copies(vectors: NDArray[np.float32]) -> Copies:
    """The copies among vectors [N, D]; extra memory is a few numbers a row.

    Rows are hashed, and those of equal hash compared in full: a collision costs a comparison,
    never a wrong answer.

    >>> find_copies(np.float32([[1, 2], [3, 4], [1, 2]])).rows
    array([2])
    """
    _, first, inverse = np.unique(_hashes(vectors), return_index=True, return_inverse=True)
    originals = first[inverse.reshape(-1)]
    rows = np.flatnonzero(originals != np.arange(len(vectors)))
    originals = originals[rows]
    equal = np.ones(len(rows), bool)
    for start in range(0, len(rows), _CHUNK):
        chunk = slice(start, start + _CHUNK)
        # Bits, not values: 0 and -0 are equal numbers, but not the same vector.
        one, other = (vectors[r[chunk]].view(np.uint32) for r in (rows, originals))
        equal[chunk] = (one == other).all(axis=1)
    return Copies(rows[equal], originals[equal])


def _hashes(vectors: NDArray[np.float32]) -> NDArray[np.uint64]:
    """A number [N] for each row: the sum of its 64-bit words times odd constants, modulo 2^64."""
    width = vectors.shape[1]
    paired = width - width % 2
    constants = np.random.default_rng(0).integers(0, 2**63, width // 2 + 1, np.uint64) * 2 + 1
    words = vectors[:, :paired].view(np.uint64)
    hashes = np.einsum("nw,w->n", words, constants[:-1])
    if width > paired:
        hashes += vectors[:, -1].view(np.uint32) * constants[-1]
    return hashes
