"""Memory of a training step: kept between steps on a CPU, and what to do when it is not enough."""

from __future__ import annotations

import ctypes
import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch

from passerby.process.sizes import size_text

# Options of glibc's mallopt (malloc.h), and what it has by itself once it has seen large blocks.
_TRIM_THRESHOLD, _MMAP_THRESHOLD, _MMAP_MAX = -1, -3, -4
_LARGE, _MANY = 32 * 2**20, 65536


@contextmanager
def freed_memory_kept(device: torch.device) -> Iterator[None]:
    """Within it this process keeps the memory that a step frees for the next one (Linux, glibc).

    The C library gives every block above 32 MB back to the system when it is freed, and the system
    hands out each of its pages anew, filled with zeros: for a batch of 64 images of 256×128 in
    ResNet-50 that takes a third of a step's CPU time. At the end all of it is given back, so that
    what comes between epochs (validation, pictures) begins with nothing kept. The results are the
    same with and without; on a GPU and with another C library it does nothing.
    """
    if device.type != "cpu" or not _mallopt(_MMAP_MAX, 0):
        yield
        return
    _mallopt(_TRIM_THRESHOLD, 2**31 - 1)
    try:
        yield
    finally:
        _mallopt(_MMAP_MAX, _MANY)
        _mallopt(_MMAP_THRESHOLD, _LARGE)
        _mallopt(_TRIM_THRESHOLD, 2 * _LARGE)
        ctypes.CDLL(None).malloc_trim(0)


@contextmanager
def allocated_apart(device: torch.device) -> Iterator[None]:
    """Within it large blocks come from the system, each by itself, also within `freed_memory_kept`.

    For what stays (the optimizer's memory): lying among the blocks that come and go in each step
    it would break up the room for them, by some 500 MB for a ResNet-50.
    """
    if device.type != "cpu" or not _mallopt(_MMAP_MAX, _MANY):
        yield
        return
    _mallopt(_MMAP_THRESHOLD, 128 * 1024)
    try:
        yield
    finally:
        _mallopt(_MMAP_MAX, 0)


def _mallopt(option: int, value: int) -> bool:
    """Set an option of the C library's memory; whether that could be done."""
    if sys.platform != "linux":
        return False
    try:
        return bool(ctypes.CDLL(None).mallopt(option, value))
    except (OSError, AttributeError):  # another C library
        return False


class Memory:
    """Watches a learner's steps, and says what to do when one does not fit.

    device: where it trains; persons, images: P and K of its batches; accumulate: parts of a batch.
    """

    def __init__(
        self, device: torch.device, persons: int, images: int, accumulate: int = 1
    ) -> None:
        self._device, self._persons, self._images = device, persons, images
        self._accumulate = accumulate
        self._before: int | None = None  # in use between steps

    @contextmanager
    def explained(self) -> Iterator[None]:
        """Turns the error of an allocator within it into a ValueError that names a way out."""
        used = in_use(self._device)
        if used is not None:
            # The least, because on a CPU what is freed is kept and counts as used.
            self._before = used if self._before is None else min(used, self._before)
        try:
            yield
        except (torch.OutOfMemoryError, RuntimeError, MemoryError) as error:
            if not _is_shortage(error):
                raise
            raise ValueError(self._advice(str(error))) from error

    def _advice(self, message: str) -> str:
        requested, used, total = (
            _requested_bytes(message),
            in_use(self._device),
            capacity(self._device),
        )
        if requested is None or used is None or total is None or self._before is None:
            share, known = 0.5, ""
        else:
            # The step failed on its way, so what it had needed by then is the least it needs:
            # never more than half of the batch is called likely to fit.
            room, needed = max(total - self._before, 0), max(used + requested - self._before, 1)
            share = min(room / needed, 0.5)
            known = (
                f" ({size_text(self._before)} were in use before the step, {size_text(used)} when "
                f"it asked for {size_text(requested)} more, of {size_text(total)})"
            )
        persons = max(int(self._persons * share), 1)
        parts = self._accumulate * -(-self._persons // persons)
        return (
            f"a batch of {self._persons} × {self._images} images does not fit into the memory of "
            f"{self._device}{known}. Probably fitting, the same batch in parts: "
            f"--set computation.accumulate={parts}; keeping less of it: "
            f"--set computation.recompute=true; or a smaller batch, which is another objective: "
            f"--set sampling.persons={max(persons, 2)}"
        )


def in_use(device: torch.device) -> int | None:
    """Bytes that this process holds there; None where that cannot be found out."""
    if device.type == "cuda":
        return torch.cuda.memory_allocated(device)
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    except OSError:
        return None
    return pages * os.sysconf("SC_PAGE_SIZE")


def capacity(device: torch.device) -> int | None:
    """Bytes of memory there; None where that cannot be found out."""
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[1])
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError):  # Windows has no sysconf
        return None


def _is_shortage(error: BaseException) -> bool:
    if isinstance(error, (torch.OutOfMemoryError, MemoryError)):
        return True
    words = ("not enough memory", "can't allocate memory", "out of memory")
    return any(word in str(error) for word in words)


def _requested_bytes(message: str) -> int | None:
    """The bytes that an allocator's message says were asked for."""
    found = re.search(r"ried to allocate ([\d.]+) (bytes|KiB|MiB|GiB)", message)
    if found is None:
        return None
    units = {"bytes": 1, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30}
    return int(float(found[1]) * units[found[2]])
