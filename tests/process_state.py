"""A test leaves the process as it found it: what stays changed strikes another test, or a user.

A library that is imported or called here may set what belongs to the whole process: handlers and
stacks of signals, torch's threads, the environment. With ``--long`` each test is asked afterwards.
"""

from __future__ import annotations

import ctypes
import locale
import logging
import os
import signal
import sys
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image, ImageFile

_STANDARD = {"input": 0, "output": 1, "error": 2}
_AT_FIRST = {*os.environ} - {"PYTEST_CURRENT_TEST", "LD_LIBRARY_PATH"}
_OURS = ("PASSERBY_", "OMP_", "CUBLAS_", "COLUMNS")
"""Variables that are watched: those that stood when the tests began, and what this package sets.
Libraries set others as they are imported, each for itself: torchvision, OpenCV."""


def process_state() -> dict[str, Any]:
    """What a process has once, by name."""
    root = logging.getLogger()
    state = {
        f"handler of {kind.name}": signal.getsignal(kind)
        for kind in (signal.SIGINT, signal.SIGTERM, signal.SIGABRT)
    }
    state |= {f"standard {name}": os.fstat(number)[:3] for name, number in _STANDARD.items()}
    state |= {
        f"environment: {name}": value
        for name, value in os.environ.items()
        if name in _AT_FIRST or name.startswith(_OURS)
    }
    return state | {
        "signal stack": signal_stack(),
        "folder": os.getcwd(),
        "locale": locale.setlocale(locale.LC_ALL),
        "torch's threads": torch.get_num_threads(),
        "torch's deterministic algorithms": torch.are_deterministic_algorithms_enabled(),
        "torch's default type": torch.get_default_dtype(),
        "torch's gradients": torch.is_grad_enabled(),
        "torch's inference mode": torch.is_inference_mode_enabled(),
        "cuDNN": (torch.backends.cudnn.benchmark, torch.backends.cudnn.deterministic),
        "numpy's errors": np.geterr(),
        "numpy's printing": np.get_printoptions(),
        "logging": (root.level, root.disabled, logging.root.manager.disable),
        "log of torch": logging.getLogger("torch").level,
        "Pillow": (Image.MAX_IMAGE_PIXELS, ImageFile.LOAD_TRUNCATED_IMAGES),
        "hook of exceptions": sys.excepthook,
        "recursion": sys.getrecursionlimit(),
    }


class _Stack(ctypes.Structure):
    """C's ``stack_t``."""

    _fields_ = (
        ("address", ctypes.c_void_p),
        ("flags", ctypes.c_int),
        ("size", ctypes.c_size_t),
    )


def signal_stack() -> tuple[int | None, int]:
    """Where this thread's signal handlers run, and in how many bytes; Linux alone is asked."""
    if not sys.platform.startswith("linux"):
        return None, 0
    stack = _Stack()
    ctypes.CDLL(None).sigaltstack(None, ctypes.byref(stack))
    return stack.address, stack.size


def differences(before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    """A line for each thing that is another afterwards."""
    nothing = "nothing"
    return [
        f"{name} was {before.get(name, nothing)!r} and is {after.get(name, nothing)!r}"
        for name in sorted({*before, *after})
        if before.get(name, nothing) != after.get(name, nothing)
    ]


@pytest.fixture(autouse=True)
def process_state_is_put_back(request: pytest.FixtureRequest) -> Iterator[None]:
    """With ``--long``: fails a test, at its end, that leaves something changed."""
    if not request.config.getoption("long"):
        yield
        return
    before = process_state()
    yield
    left = differences(before, process_state())
    if left:
        pytest.fail("the test leaves the process changed: " + "; ".join(left), pytrace=False)
