"""Parity: the vectors of an exported model beside those of the checkpoint that it came from."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

BATCHES = (1, 2, 7, 32)
"""Numbers of images that are tried: graphs that are right for one size only are common."""

Floats = NDArray[np.float32]
Run = Callable[[Tensor, Tensor], Sequence[Floats]]
"""From images uint8 [B, 3, H, W] and cameras [B] (−1: unknown) to the outputs."""


@dataclass(frozen=True)
class Bounds:
    """What is taken for the same: 1 − cosine, of the worst image and in the middle, and the largest
    difference of a number, as a share of the largest number."""

    worst: float
    median: float
    difference: float


EXACT = Bounds(1e-5, 1e-5, 1e-4)
"""In 32 bits; each export says what it found."""

QUANTISED = Bounds(0.3, 0.05, float("inf"))
"""In 8 bits nothing is equal; beyond this it is broken."""


@dataclass(frozen=True)
class Parity:
    """One output at one batch: 1 − cosine of the worst image and of the middle one, and the largest
    difference as a share of the largest number."""

    output: str
    batch: int
    worst: float
    median: float
    difference: float

    def within(self, bounds: Bounds) -> bool:
        """Whether all three are; NaN is not."""
        found = (self.worst, self.median, self.difference)
        return all(
            value <= most
            for value, most in zip(
                found, (bounds.worst, bounds.median, bounds.difference), strict=True
            )
        )

    def __str__(self) -> str:
        return (
            f"{self.output} at batch {self.batch}: 1 - cosine {self.worst:.1e} at most, "
            f"{self.median:.1e} in the middle; largest difference {self.difference:.1e} of the "
            "largest value"
        )


def parities(names: Sequence[str], wanted: Run, found: Run, images: Tensor) -> tuple[Parity, ...]:
    """Every output at every batch; the images [N, 3, H, W] are dealt out in turn."""
    compared = []
    for rows in _batches(len(images)):
        cameras = torch.from_numpy(rows % 8 - 1)
        outputs = (run(images[rows], cameras) for run in (wanted, found))
        for name, one, other in zip(names, *outputs, strict=True):
            compared.append(_compared(name, len(rows), one, other))
    return tuple(compared)


def _batches(count: int) -> Iterator[NDArray[np.int64]]:
    start = 0
    for batch in BATCHES:
        yield np.arange(start, start + batch) % count
        start += batch


def _compared(name: str, batch: int, one: Floats, other: Floats) -> Parity:
    if one.shape != other.shape:
        raise ValueError(
            f"{name} is {list(other.shape)} in the exported model, expected {list(one.shape)}"
        )
    first = one.reshape(batch, -1).astype(np.float64)
    second = other.reshape(batch, -1).astype(np.float64)
    lengths = np.linalg.norm(first, axis=1) * np.linalg.norm(second, axis=1)
    away = 1 - np.sum(first * second, axis=1) / lengths
    largest = np.abs(first - second).max() / np.abs(first).max()
    return Parity(name, batch, float(away.max()), float(np.median(away)), float(largest))
