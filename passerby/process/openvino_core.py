"""OpenVINO's Core: one for the whole process, so that Ctrl-C still ends it.

OpenVINO's CPU plugin gives the thread that loads it a signal stack of its own, and puts the one
before it back when its Core goes. Two Cores that go in the order in which they came put back a
stack that is no more, and the next signal ends the process with a segmentation fault.
"""

from __future__ import annotations

import ctypes
import importlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import TYPE_CHECKING

from passerby.extras import lacking

if TYPE_CHECKING:
    import openvino


def openvino_core() -> openvino.Core:
    """The Core of this process; it stays until the process ends.

    Raises:
        ValueError: OpenVINO is not installed.
    """
    try:
        importlib.import_module("openvino")
    except ImportError as error:
        raise lacking("this runtime", "OpenVINO", "openvino", error) from None
    return _core()


@contextmanager
def signal_stack_kept() -> Iterator[None]:
    """A context for what makes Cores of its own: this thread's signal stack is put back after it.

    On systems other than Linux nothing is done, as OpenVINO does nothing there.
    """
    if not sys.platform.startswith("linux"):
        yield
        return
    libc = ctypes.CDLL(None, use_errno=True)
    before = _Stack()
    libc.sigaltstack(None, ctypes.byref(before))
    try:
        yield
    finally:
        libc.sigaltstack(ctypes.byref(before), None)


class _Stack(ctypes.Structure):
    """C's ``stack_t``."""

    _fields_ = (
        ("ss_sp", ctypes.c_void_p),
        ("ss_flags", ctypes.c_int),
        ("ss_size", ctypes.c_size_t),
    )


@lru_cache(maxsize=1)
def _core() -> openvino.Core:
    import openvino

    core = openvino.Core()
    with signal_stack_kept():
        core.get_property("CPU", "FULL_DEVICE_NAME")  # loads the plugin
    return core
