"""What the machine gives: cores, memory, devices, disk, limits; and traps that were met there."""

from __future__ import annotations

import os
import platform
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from passerby.doctor.findings import Finding
from passerby.process.cache_folder import cache_folder
from passerby.process.cores import available_cores
from passerby.process.sizes import size_text

LEAST_SHARED = 500_000_000
"""Bytes of /dev/shm below which loaders of PyTorch die with "bus error" when batches are large."""

LEAST_FREE = 2_000_000_000
LEAST_FILES = 1024


def machine() -> Iterator[Finding]:
    """Findings on the machine and on what of it this process may use."""
    yield Finding("system", f"{platform.system()} {platform.release()}, {platform.machine()}")
    yield from _cores()
    yield from _memory()
    yield from _devices()
    yield from _disk()
    yield from _limits()
    yield _zones()
    yield _texts()


def _cores() -> Iterator[Finding]:
    whole, own = os.cpu_count() or 1, available_cores()
    said = f"{own} of {whole} cores (affinity and container's quota)"
    threads = os.environ.get("OMP_NUM_THREADS", "")
    if threads.isdigit() and int(threads) > own:
        yield Finding(
            "cores", f"{said}, OMP_NUM_THREADS={threads}", "trouble",
            f"more threads than cores wait for one another: set OMP_NUM_THREADS={own}",
        )  # fmt: skip
    else:
        yield Finding("cores", said + (f", OMP_NUM_THREADS={threads}" if threads else ""))
    if hasattr(os, "getloadavg"):
        with suppress(OSError):
            load = os.getloadavg()[0]
            busy = load > whole - own + 0.5 * own
            advice = "other work is under way: the speed below is not that of a quiet machine"
            yield Finding("load", f"{load:.1f}", "note" if busy else "fine", advice if busy else "")


def _memory() -> Iterator[Finding]:
    with suppress(OSError, ValueError, AttributeError):  # Windows has no sysconf
        page = os.sysconf("SC_PAGE_SIZE")
        free, whole = (os.sysconf(name) for name in ("SC_AVPHYS_PAGES", "SC_PHYS_PAGES"))
        said = f"{size_text(page * whole)}, {size_text(page * free)} of it free"
        yield Finding("memory", said)
    shared = Path("/dev/shm")
    if shared.is_dir():
        size = shutil.disk_usage(shared).total
        small = size < LEAST_SHARED
        yield Finding(
            "/dev/shm", size_text(size), "note" if small else "fine",
            "workers that load images may die with 'bus error': start the container with "
            "--shm-size 2g, or train with --workers 0" if small else "",
        )  # fmt: skip


def _devices() -> Iterator[Finding]:
    import torch

    skills = torch.backends.cpu.get_cpu_capability()
    yield Finding("CPU", f"{_processor()}, PyTorch uses {skills}")
    built = f"PyTorch {torch.__version__}"
    if torch.cuda.is_available():
        for number in range(torch.cuda.device_count()):
            about = torch.cuda.get_device_properties(number)
            yield Finding(f"cuda:{number}", f"{about.name}, {size_text(about.total_memory)}")
    elif torch.backends.mps.is_available():
        yield Finding("mps", "Apple's GPU")
    elif torch.version.cuda and Path("/proc/driver/nvidia/version").exists():
        yield Finding(
            "GPU", f"{built} is built for CUDA {torch.version.cuda} and finds none", "trouble",
            "the driver is there: is it older than this CUDA, or the GPU not given to the "
            "container (--gpus all)?",
        )  # fmt: skip
    else:
        yield Finding("GPU", "none that PyTorch can use")
    with suppress(ImportError):
        import onnxruntime

        names = ", ".join(onnxruntime.get_available_providers())
        yield Finding("ONNX Runtime", f"{onnxruntime.__version__}: {names}")


def _processor() -> str:
    with suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text("utf-8", "replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _disk() -> Iterator[Finding]:
    places = [("temporary files", Path(tempfile.gettempdir())), ("here", Path.cwd())]
    try:
        places.append(("cache", cache_folder()))
    except ValueError as error:
        yield Finding("cache", str(error), "trouble", "set PASSERBY_CACHE to a folder")
    for name, folder in places:
        there = next(one for one in (folder, *folder.absolute().parents) if one.exists())
        free = shutil.disk_usage(there).free
        said = f"{folder}, {size_text(free)} free"
        if not os.access(there, os.W_OK):
            yield Finding(name, f"{said}, not writable", "trouble", "choose another folder")
        elif free < LEAST_FREE:
            yield Finding(name, said, "note", "a full disk stops training and watching")
        else:
            yield Finding(name, said)


def _limits() -> Iterator[Finding]:
    if sys.platform == "win32":
        return
    import resource

    files = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    if 0 <= files < LEAST_FILES:
        yield Finding(
            "open files", f"at most {files}", "note",
            f"large galleries open many files: ulimit -n {4 * LEAST_FILES}",
        )  # fmt: skip


def _zones() -> Finding:
    try:
        ZoneInfo("Europe/Berlin")
    except ZoneInfoNotFoundError:
        return Finding(
            "time zones", "none are installed", "trouble", "--zone needs them: pip install tzdata"
        )
    return Finding("time zones", "there")


def _texts() -> Finding:
    encoding = (sys.stdout.encoding or "?").lower().replace("-", "")
    if encoding == "utf8":
        return Finding("output", "UTF-8")
    return Finding(
        "output", encoding, "note",
        "names with other letters are shown as ?: set PYTHONUTF8=1",
    )  # fmt: skip
