"""Files that are written whole or not at all, and what to say when the disk is full."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from secrets import token_hex
from typing import IO

from passerby.process.sizes import size_text

PART = ".part"
"""Ending of a file that is being written; what a kill leaves of it is never read."""

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG} if os.name != "nt" else {errno.ENOSPC}

Content = bytes | memoryview


class DiskFull(ValueError):
    """A file did not fit on its disk. What was there before is whole, nothing half is left."""


def write_whole(path: Path, content: Content | str) -> None:
    """Replace a file at once: a kill at any moment leaves the old one or the new one, never half.

    Text is written in UTF-8. Raises DiskFull, which says how much was needed and how much is free.
    """
    data = content.encode() if isinstance(content, str) else content
    with replacing(path, len(data)) as file:
        file.write(data)


@contextmanager
def replacing(
    path: Path, needed: int | None = None, *, private: bool = False, shared: bool = False
) -> Iterator[IO[bytes]]:
    """A file to write that takes the place of ``path`` when the context ends without an error.

    needed: bytes that it will have, for the message of DiskFull, if that is known; private: only
    its owner may read it; shared: other processes may be writing the same at this moment, as
    engines start a slow task twice.
    """
    with _part_of(path, token_hex(4) if shared else "") as part, explain_disk_full(path, needed):
        if private:
            part.unlink(missing_ok=True)  # one that a kill left keeps its rights when it is opened
        with open(part, "wb", opener=_open_private if private else None) as file:
            yield file
            _to_disk(file)
        os.replace(part, path)


def write_all_whole(contents: Mapping[Path, Content]) -> None:
    """Replace files that belong together, at moments as close as can be.

    All are on the disk before the first is replaced; a kill can only fall between the renames.
    """
    with ExitStack() as stack:
        parts = {}
        for path, content in contents.items():
            parts[path] = stack.enter_context(_part_of(path))
            with explain_disk_full(path, len(content)), parts[path].open("wb") as file:
                file.write(content)
                _to_disk(file)
        for path, part in parts.items():
            os.replace(part, path)


def require_folder_of(*files: str | os.PathLike[str] | None) -> None:
    """ValueError, before the work, for files that could not be written in the end; None: none."""
    for file in files:
        if file is None:
            continue
        if os.path.isdir(file):
            raise ValueError(f"expected a file to write, but {os.fspath(file)} is a folder")
        folder = Path(file).absolute().parent
        while not folder.exists():  # those that lack are made when the file is written
            folder = folder.parent
        if not folder.is_dir():
            raise ValueError(f"cannot write {os.fspath(file)}: {folder} is no folder")
        if not os.access(folder, os.W_OK):
            raise ValueError(f"cannot write {os.fspath(file)}: no right to write into {folder}")


def remove_parts(folder: Path) -> None:
    """Free what a kill left half-written; only for who owns the folder."""
    for part in folder.glob(f"*{PART}"):
        part.unlink(missing_ok=True)


@contextmanager
def explain_disk_full(path: Path, needed: int | None = None) -> Iterator[None]:
    """Turn the system's error of a full disk, quota or file size into one that helps."""
    try:
        yield
    except OSError as error:
        if error.errno not in _FULL:
            raise
        path.with_name(path.name + PART).unlink(missing_ok=True)  # before it is said what is free
        wanted = "" if needed is None else f"it needs {size_text(needed)}, and "
        raise DiskFull(
            f"no room for {path} ({error.strerror}): {wanted}"
            f"{size_text(shutil.disk_usage(path.parent).free)} are free there. What was there "
            "before is whole. Free some room (or raise the quota) and run the command again, a "
            "training with --resume"
        ) from None


@contextmanager
def _part_of(path: Path, token: str = "") -> Iterator[Path]:
    """Where a file is written before it takes its name; nothing is left there in the end. Folders
    above it that lack are made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.{token}{PART}" if token else path.name + PART)
    try:
        yield part
    except OSError as error:
        if error.filename == os.fspath(part):
            error.filename = os.fspath(path)  # what the user knows of
        raise
    finally:
        with suppress(OSError):  # what stopped us is the error to tell, not this
            part.unlink(missing_ok=True)


def _open_private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _to_disk(file: IO[bytes]) -> None:
    """A replaced name must never stand for bytes not yet written."""
    file.flush()
    os.fsync(file.fileno())
