"""Files that are written whole or not at all, and what to say when the disk is full."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

PART = ".part"
"""Ending of a file that is being written; what a kill leaves of it is never read."""

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG} if os.name != "nt" else {errno.ENOSPC}

Content = bytes | memoryview


class DiskFull(ValueError):
    """A file did not fit on its disk. What was there before is whole, nothing half is left."""


def write_whole(path: Path, content: Content) -> None:
    """Replace a file at once: a kill at any moment leaves the old one or the new one, never half.

    Raises DiskFull, which says how much was needed and how much is free.
    """
    write_all_whole({path: content})


def write_all_whole(contents: Mapping[Path, Content]) -> None:
    """Replace files that belong together, at moments as close as can be.

    All are on the disk before the first is replaced; a kill can only fall between the renames.
    """
    parts = {path: path.with_name(path.name + PART) for path in contents}
    try:
        for path, content in contents.items():
            with saying_what_is_full(path, len(content)):
                _write(parts[path], content)
        for path, part in parts.items():
            os.replace(part, path)
    finally:
        for part in parts.values():
            with suppress(OSError):  # what stopped us is the error to tell, not this
                part.unlink(missing_ok=True)


def remove_parts(folder: Path) -> None:
    """Free what a kill left half-written; only for who owns the folder."""
    for part in folder.glob(f"*{PART}"):
        part.unlink(missing_ok=True)


@contextmanager
def saying_what_is_full(path: Path, needed: int) -> Iterator[None]:
    """Turn the system's error of a full disk, quota or file size into one that helps."""
    try:
        yield
    except OSError as error:
        if error.errno not in _FULL:
            raise
        free = shutil.disk_usage(path.parent).free
        raise DiskFull(
            f"no room for {path} ({error.strerror}): it needs {_megabytes(needed)}, and "
            f"{_megabytes(free)} are free there. What was there before is whole. Free some room "
            "(or raise the quota) and run the command again, a training with --resume"
        ) from None


def _write(path: Path, content: Content) -> None:
    try:
        with path.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())  # a replaced name must never stand for bytes not yet written
    except OSError:
        path.unlink(missing_ok=True)  # before it is said how much is free
        raise


def _megabytes(size: int) -> str:
    return f"{size / 1e6:.1f} MB"
