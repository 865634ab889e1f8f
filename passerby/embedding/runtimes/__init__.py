"""Runtimes: what computes a network, one file each. The vectors are the same in all, to 1e-5.

A runtime is a class, registered by its name. Those of exported files are made from ``file``, what
it says of itself (``said``), ``precision``, ``threads`` and ``device``; PyTorch's from a network.
"""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from passerby.config import Input
from passerby.embedding.preprocessing import normalised
from passerby.embedding.runtimes.exported import Exported, Precision
from passerby.process.cores import available_cores

AT_ONCE = 8
"""Images that go through a network together on a CPU, however many are asked for: their maps stay
in its caches, and below the size from which memory is asked of the system for each result."""

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Outputs:
    """Of a batch: embedding [B, D]; before_neck [B, E] and local [B, S, D], None where the network
    or its file does not give them. All float32, as the network makes them."""

    embedding: Floats
    before_neck: Floats | None
    local: Floats | None


class Runtime(ABC):
    """A network that is ready to run. It may be used from several threads.

    name: of the runtime; precision: in which it computes; dimensions: D; outputs: "embedding",
    "before_neck", "local", those that it gives; batch_size: images at once, unless others are
    asked for.
    """

    name: str
    precision: Precision
    dimensions: int
    outputs: tuple[str, ...]
    batch_size: int = 32

    @abstractmethod
    def start(self, images: Tensor, cameras: Tensor | None) -> Callable[[], Outputs]:
        """Begin a batch; the function that is returned waits for its vectors.

        images: uint8 [B, 3, height, width] RGB as `preprocessing.stacked` makes them; cameras [B]
        int64: the data set's numbers, −1 where unknown; None when all are.
        """


def graph_inputs(
    said: Exported, images: Tensor, cameras: Tensor | None
) -> dict[str, NDArray[np.generic]]:
    """What the graph of an exported file takes, by name."""
    given: dict[str, NDArray[np.generic]] = {"images": _pixels(images, said.pixels, said.input)}
    if said.cameras:
        unknown = np.full(len(images), -1, np.int64)
        given["cameras"] = unknown if cameras is None else cameras.numpy().astype(np.int64)
    return given


def named_outputs(names: Iterable[str], arrays: Iterable[NDArray[np.generic]]) -> Outputs:
    """Outputs of arrays in the order of their names."""
    found = {name: np.asarray(a, np.float32) for name, a in zip(names, arrays, strict=True)}
    return Outputs(found["embedding"], found.get("before_neck"), found.get("local"))


def in_slices(
    images: Tensor, cameras: Tensor | None, run: Callable[[Tensor, Tensor | None], Outputs]
) -> Outputs:
    """The outputs of a batch, AT_ONCE images at a time."""
    parts = [
        run(images[start : start + AT_ONCE], None if cameras is None else cameras[start:][:AT_ONCE])
        for start in range(0, len(images), AT_ONCE)
    ]
    return Outputs(
        np.concatenate([part.embedding for part in parts]),
        _joined([part.before_neck for part in parts]),
        _joined([part.local for part in parts]),
    )


def thread_count(wanted: int | None) -> int:
    """Threads of a network: as wanted, else OMP_NUM_THREADS, else the cores that are granted.

    Raises ValueError for fewer than one.
    """
    if wanted is not None and wanted < 1:
        raise ValueError(f"threads must be 1 or more, got {wanted}")
    set_one = os.environ.get("OMP_NUM_THREADS", "")
    return wanted or (int(set_one) if set_one.isdigit() else 0) or available_cores()


def require_cpu(runtime: str, device: str | None) -> None:
    """ValueError where a runtime that computes on the CPU alone is asked for another device."""
    if device is not None and not str(device).lower().startswith("cpu"):
        raise ValueError(
            f"the runtime {runtime} computes on the CPU, got device {device!r}: leave the device "
            "out, or open the model's checkpoint, which runs on a GPU"
        )


def _pixels(images: Tensor, in_graph: bool, size: Input) -> NDArray[np.generic]:
    if in_graph:
        return images.permute(0, 2, 3, 1).contiguous().numpy()
    return normalised(images, size).contiguous().numpy()


def _joined(parts: Sequence[Floats | None]) -> Floats | None:
    there = [part for part in parts if part is not None]
    return np.concatenate(there) if there else None
