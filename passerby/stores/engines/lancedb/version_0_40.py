"""All that rests on lancedb 0.40 beyond its documented calls: file names, row ids, error texts.

For another version of the engine this file is checked, changed or removed, and nothing else.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

WRITTEN = ("data", "_deletions", "_versions")
"""Folders of a table in which a change makes new files."""

_TEXTS = {
    "full": ("No space left on device", "Disk quota exceeded", "File too large"),
    "forbidden": ("Read-only file system", "Permission denied"),
    "missing": ("Not found", "not found", "No such file"),
}

Failure = Literal["full", "forbidden", "missing", "other"]


def table_folder(gallery: Path, table: str) -> Path:
    """Where a table lies in the folder that the database was opened with."""
    return gallery / f"{table}.lance"


def table_folders(gallery: Path) -> Iterator[Path]:
    """Those of all tables of a gallery."""
    return gallery.glob("sightings-*.lance")


def data_files(table: Path) -> list[Path]:
    """One for each fragment, of all versions that are kept."""
    return [*table.glob("data/*.lance")]


def fragments(row_ids: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """The fragment that each row lies in."""
    return row_ids >> np.uint64(32)


def failure(error: Exception) -> Failure:
    """What went wrong; the engine raises many types for one cause and only its text tells."""
    text = str(error)
    kinds: tuple[Failure, ...] = ("full", "forbidden", "missing")
    return next((kind for kind in kinds if any(sign in text for sign in _TEXTS[kind])), "other")
