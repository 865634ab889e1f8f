"""What is installed: Python, packages by extra, and other packages for re-identification."""

from __future__ import annotations

import platform
import sys
import sysconfig
import warnings
from collections.abc import Iterator, Sequence
from importlib import import_module, metadata
from itertools import chain

from passerby.doctor.findings import Finding
from passerby.extras import EXTRAS, install
from passerby.version import __version__

CORE = ("torch", "torchvision", "numpy", "pillow", "simplejpeg")

OTHERS = {
    "torchreid": "what pip installs under this name is another's copy: the project is on GitHub "
    "alone",
    "fastreid": "",
    "boxmot": "",
    "open-metric-learning": "",
    "pytorch-metric-learning": "",
    "deep-person-reid": "",
}
"""Packages for re-identification beside this one, and what to know of them."""

# Those that load libraries of the system, which may be missing; to import others costs seconds.
_IMPORTED_AS = {
    "torch": "torch", "torchvision": "torchvision", "numpy": "numpy", "pillow": "PIL",
    "simplejpeg": "simplejpeg", "lancedb": "lancedb", "pyarrow": "pyarrow",
    "onnxruntime": "onnxruntime", "openvino": "openvino", "av": "av", "trackers": "trackers",
}  # fmt: skip
_NEEDS_GL = "on slim Linux images OpenCV needs the system's libgl1 and libglib2.0-0"


def installation() -> Iterator[Finding]:
    """Findings on Python and on packages."""
    bits = "64 bit" if sys.maxsize > 2**32 else "32 bit"
    yield Finding("passerby", __version__)
    yield Finding("Python", f"{platform.python_version()} ({bits}), {sysconfig.get_platform()}")
    for name in CORE:
        yield _needed(name)
    for extra, names in EXTRAS.items():
        yield _extra(extra, names)
    for name in dict.fromkeys(chain.from_iterable(EXTRAS.values())):
        if broken := _broken(name):
            yield broken
    for name, known in OTHERS.items():
        if _version(name):
            yield Finding(name, f"{_version(name)}, beside passerby", "note", known)


def _needed(name: str) -> Finding:
    version = _version(name)
    if not version:
        return Finding(name, "missing", "trouble", f"pip install {name}")
    return _broken(name) or Finding(name, version)


def _extra(extra: str, names: Sequence[str]) -> Finding:
    absent = [name for name in names if not _version(name)]
    if absent:
        return Finding(f"[{extra}]", f"{', '.join(absent)} not installed: {install(extra)}")
    return Finding(f"[{extra}]", ", ".join(f"{name} {_version(name)}" for name in names))


def _broken(name: str) -> Finding | None:
    """Trouble with a package that is there and cannot be imported."""
    if name not in _IMPORTED_AS or not _version(name):
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of what they say of one another
            import_module(_IMPORTED_AS[name])
    except Exception as error:  # whatever a broken package raises
        again = f"pip install --force-reinstall --no-deps {name}"
        advice = _NEEDS_GL if "libGL" in str(error) or "libgthread" in str(error) else again
        said = f"{_version(name)}, but cannot be imported: {error}"
        return Finding(name, " ".join(said.split()), "trouble", advice)
    return None


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return ""
