"""The engine's failures, which are of many types, as errors that say what to do."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import lancedb
from filelock import Timeout

from passerby.process.sizes import size_text
from passerby.process.whole_files import DiskFull
from passerby.stores.engines.lancedb.table_state import written_by
from passerby.stores.engines.lancedb.version_0_40 import failure


class Explained(ValueError):
    """An error in words that help, which no other place shall explain once more."""


@contextmanager
def explained(folder: Path, needed: int = 0) -> Iterator[None]:
    """Turn errors of the engine into ones that help; needed: bytes of disk that the work takes."""
    try:
        yield
    except (Explained, DiskFull, Timeout):
        raise
    except Exception as error:
        raise explanation(folder, error, needed) from error


def explanation(folder: Path, error: Exception, needed: int = 0) -> ValueError:
    """What to raise in place of an error of the engine."""
    text, kind = str(error), failure(error)
    if kind == "full":
        free = shutil.disk_usage(folder).free
        return DiskFull(
            f"no room for the gallery {folder}: about {size_text(needed)} are needed and "
            f"{size_text(free)} are free. All that was acknowledged is whole. Free some room and "
            "run the command again: what is there already is not added twice"
        )
    if kind == "forbidden":
        return Explained(
            f"{folder} cannot be written: searching works there, changing the gallery needs the "
            f"right to write ({text.splitlines()[0][:200]})"
        )
    if kind == "missing":
        return incomplete(folder, text.splitlines()[0][:300])
    return Explained(
        f"the gallery {folder} cannot be used: {text[:500]}. It was written by "
        f"{written_by(folder)} and is read by lancedb {lancedb.__version__}: upgrade if that is "
        "older, or else restore the folder from a copy"
    )


def incomplete(folder: Path, what: str) -> Explained:
    """For a folder that lacks files."""
    return Explained(
        f"the gallery {folder} is incomplete, as after a copy that was cut off: {what}. Copy the "
        "whole folder again, or restore it"
    )
