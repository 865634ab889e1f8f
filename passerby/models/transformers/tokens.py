"""Where a transformer's tokens lie in the image, and which of them become the embedding."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, eq=False)
class Tokens:
    """``ahead`` tokens that stand for no place, then the patches of the grid (h, w), row by row.

    readers [ahead + h · w]: by how much each token of the last layer becomes the embedding; they
    sum to 1.
    """

    grid: tuple[int, int]
    ahead: int
    readers: Tensor

    @property
    def count(self) -> int:
        return len(self.readers)


def read_first(grid: tuple[int, int], shares: tuple[float, ...] = (1.0,)) -> Tokens:
    """Of an embedding that is made of the tokens ahead alone, by their shares."""
    readers = torch.zeros(len(shares) + grid[0] * grid[1])
    readers[: len(shares)] = torch.tensor(shares)
    return Tokens(grid, len(shares), readers)


def read_patches(grid: tuple[int, int], ahead: int) -> Tokens:
    """Of an embedding that is the mean of all patches."""
    patches = grid[0] * grid[1]
    readers = torch.zeros(ahead + patches)
    readers[ahead:] = 1 / patches
    return Tokens(grid, ahead, readers)
