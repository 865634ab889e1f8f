"""Memory: a batch that does not fit ends with advice, and freed memory is kept where it can be."""

from __future__ import annotations

import statistics
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from passerby.config import Computation, Recipe
from passerby.registry import LOSSES
from passerby.tables.records import Split
from passerby.training.loop import train
from passerby.training.step import step_memory as memory
from passerby.training.step.step_memory import Memory

CPU = torch.device("cpu")
GPU_MESSAGE = (
    "CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a total capacity of 8.00 GiB of "
    "which 1.00 GiB is free."
)
LINUX = "[enforce fail at alloc_cpu.cpp:124] err == 0. DefaultCPUAllocator: can't allocate memory: "
WINDOWS = "[enforce fail at alloc_cpu.cpp:117] data. DefaultCPUAllocator: not enough memory: "
ASKED = "you tried to allocate 4294967296 bytes."


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError(GPU_MESSAGE),
        RuntimeError(LINUX + ASKED),
        RuntimeError(WINDOWS + ASKED),
        MemoryError(),
    ],
    ids=lambda error: type(error).__name__,
)
def test_a_run_that_does_not_fit_says_what_would(
    error: Exception, recipe: Recipe, tiny: Split, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object) -> None:
        raise error

    monkeypatch.setattr(LOSSES.get("triplet"), "forward", fails)
    with pytest.raises(ValueError, match="does not fit into the memory of cpu") as found:
        train(recipe, tiny, tmp_path)
    assert "batch of 4 × 4 images" in str(found.value)
    for way in ("computation.accumulate=", "computation.recompute=true", "sampling.persons="):
        assert way in str(found.value)
    assert found.value.__cause__ is error


def test_a_real_allocation_that_fails_is_recognised() -> None:
    with (
        pytest.raises(ValueError, match=r"asked for 4\d{9,}\.\d GB more"),
        Memory(CPU, 16, 4).explained(),
    ):
        torch.empty(2**60)


def test_other_errors_pass() -> None:
    with pytest.raises(RuntimeError, match="shapes"), Memory(CPU, 16, 4).explained():
        raise RuntimeError("shapes do not fit")


@pytest.mark.parametrize(
    ("gigabytes", "parts", "persons"),
    [
        ((1.0, 6.0, 8.0), 2, 8),  # 7 GB needed by then, 7 there: half of the batch
        ((1.0, 21.0, 8.0), 4, 5),  # 22 needed, 7 there: 5 persons of 16
        ((7.9, 9.0, 8.0), 16, 2),  # hardly anything there: one person a part
    ],
)
def test_the_advice_follows_from_what_the_step_had_taken(
    gigabytes: tuple[float, ...], parts: int, persons: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before, used, total; asked for 2 GiB more. Never more than half is called likely to fit."""
    before, used, total = gigabytes
    now = iter([before * 1e9, used * 1e9])
    monkeypatch.setattr(memory, "in_use", lambda _: int(next(now)))
    monkeypatch.setattr(memory, "capacity", lambda _: int(total * 1e9))
    with pytest.raises(ValueError, match="does not fit") as found, Memory(CPU, 16, 4).explained():
        raise torch.OutOfMemoryError(GPU_MESSAGE)
    assert f"computation.accumulate={parts};" in str(found.value)
    assert f"sampling.persons={persons}" in str(found.value)
    assert f"{used:.1f} GB when it asked for 2.1 GB more, of {total:.1f} GB" in str(found.value)


def test_a_step_in_parts_is_advised_more_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "in_use", lambda _: None)
    watched = Memory(CPU, 16, 4, Computation(accumulate=4).accumulate)
    with pytest.raises(ValueError, match=r"accumulate=8;"), watched.explained():
        raise MemoryError


_FAULTS = """
import resource, torch
from passerby.training.step.step_memory import freed_memory_kept

def faults():
    begun = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    torch.ones(32_000_000)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - begun

def resident():
    return int(open("/proc/self/statm").read().split()[1]) * resource.getpagesize()

before = resident()
with freed_memory_kept(torch.device("cpu")):
    print(*[faults() for _ in range(40)])
    print(resident() - before)
print(resident() - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="glibc's allocator")
def test_freed_memory_is_kept_between_steps_and_given_back_at_the_end() -> None:
    """Large tensors find the pages of earlier ones, but for a few while the heap settles."""
    done = subprocess.run(
        [sys.executable, "-c", _FAULTS], capture_output=True, text=True, check=True
    )
    faults, kept, left = ([*map(int, line.split())] for line in done.stdout.splitlines())
    if kept[0] < 100e6:
        pytest.skip("another C library")
    assert statistics.median(faults) < 1_000  # 31,250 pages
    assert kept[0] >= 128e6
    assert left[0] < 20e6
