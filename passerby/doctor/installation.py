"""What is installed: Python, packages by extra, and other packages for re-identification."""

from __future__ import annotations

import platform
import sys
import sysconfig
import warnings
from collections.abc import Iterator
from importlib import import_module, metadata

from passerby.doctor.findings import Finding
from passerby.version import __version__

CORE = ("torch", "torchvision", "numpy", "pillow", "simplejpeg", "lancedb", "pyarrow")
EXTRAS = {
    "onnx": ("onnxruntime",),
    "openvino": ("openvino",),
    "export": ("nncf", "onnx", "onnxscript"),
    "milvus": ("pymilvus",),
    "postgres": ("psycopg", "pgvector"),
    "video": ("av", "trackers"),
    "alerts": ("paho-mqtt",),
    "timm": ("timm",),
}
"""Packages by the extra that brings them: ``pip install passerby[NAME]``."""

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
        yield _package(name, needed=True)
    for extra, names in EXTRAS.items():
        there = [name for name in names if _version(name)]
        if not there:
            yield Finding(f"[{extra}]", f"not installed: pip install passerby[{extra}]")
            continue
        for name in names:
            yield _package(name, needed=False, extra=extra)
    for name, known in OTHERS.items():
        if _version(name):
            yield Finding(name, f"{_version(name)}, beside passerby", "note", known)


def _package(name: str, *, needed: bool, extra: str = "") -> Finding:
    version = _version(name)
    install = "pip install --force-reinstall passerby" + (f"[{extra}]" if extra else "")
    if not version:
        return Finding(name, "missing", "trouble" if needed else "note", install)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of what they say of one another
            if name in _IMPORTED_AS:
                import_module(_IMPORTED_AS[name])
    except Exception as error:  # whatever a broken package raises
        advice = _NEEDS_GL if "libGL" in str(error) or "libgthread" in str(error) else install
        said = f"{version}, but cannot be imported: {error}"
        return Finding(name, " ".join(said.split()), "trouble", advice)
    return Finding(name, version)


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return ""
