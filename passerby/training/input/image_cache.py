"""Decoded and resized images kept in memory, within a budget, for all worker processes."""

from __future__ import annotations

import shutil
import tempfile
from multiprocessing.sharedctypes import RawArray
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from passerby.config import Input
from passerby.process import distributed
from passerby.process.sizes import parse_size


def image_cache(images: int, size: Input, memory: int | str, shared: bool) -> ImageCache | None:
    """This process's part of the memory that is given to all on this machine, in bytes or "2GB".

    None when that is 0. Raises ValueError for no size, and when there is no room for it.
    """
    budget = parse_size(memory, "cache") // distributed.processes_here()
    return ImageCache(images, size, budget, shared) if budget else None


class ImageCache:
    """A place for each of the first images that the budget has room for; the others have none.

    An epoch sees every image about once, so that which ones are kept makes no difference, and
    keeping some for good beats any exchange. budget: bytes. shared: one memory for this process and
    those that it starts, whichever of them writes. Raises ValueError when there is no room for it.
    """

    def __init__(self, images: int, size: Input, budget: int, shared: bool) -> None:
        self._shape = (size.height, size.width, 3)
        each = size.height * size.width * 3
        self._places = min(images, budget // (each + 1))
        if shared:
            _require_shared_memory(self._places * (each + 1))
        # Zeroed at once by ctypes: memory that is not there is missed now, not in the first epoch.
        self._memory = (
            RawArray("B", max(self._places * each, 1)) if shared else bytearray(self._places * each)
        )
        self._filled = RawArray("B", max(self._places, 1)) if shared else bytearray(self._places)

    def __len__(self) -> int:
        """How many images have a place."""
        return self._places

    def get(self, row: int) -> Tensor | None:
        """A copy of a kept image, uint8 [3, H, W], channels last in memory."""
        if row >= self._places or not self._filled[row]:
            return None
        return torch.from_numpy(self._place(row).copy()).permute(2, 0, 1)

    def put(self, row: int, image: Tensor) -> None:
        """Keep an image if it has a place. Two processes may write one: it is the same image."""
        if row < self._places:
            self._place(row)[...] = image.permute(1, 2, 0).numpy()
            self._filled[row] = 1  # only now: whoever reads finds it whole

    def _place(self, row: int) -> NDArray[np.uint8]:
        count = int(np.prod(self._shape))
        return np.frombuffer(self._memory, np.uint8, count, row * count).reshape(self._shape)


def _require_shared_memory(size: int) -> None:
    """Shared memory is a file without a name, in /dev/shm where that has room (Linux)."""
    places = [Path("/dev/shm"), Path(tempfile.gettempdir())]
    free = max(shutil.disk_usage(place).free for place in places if place.is_dir())
    if size > free:
        raise ValueError(
            f"a cache of {size / 1e9:.1f} GB for several processes needs as much shared memory; "
            f"there are {free / 1e9:.1f} GB: lower --cache, or use --workers 0"
        )
