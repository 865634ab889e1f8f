"""What a user names as a source, opened: a file, a folder or table of files, an address."""

from __future__ import annotations

from datetime import datetime, tzinfo
from pathlib import Path

from passerby.data.reading.table_rows import TABLE_SUFFIXES
from passerby.video.sources.files import FileSource
from passerby.video.sources.folders import FolderSource, time_in_name
from passerby.video.sources.frames import Source
from passerby.video.sources.streams import StreamSource


def open_source(
    text: str,
    *,
    start: datetime | None = None,
    zone: tzinfo | None = None,
    fps: float | None = None,
) -> Source:
    """A source by what a user calls it.

    Args:
        text: A video file, a folder of such files, a table of them, or the address of a stream.
        start: When its first frame was taken, with a zone.
        zone: Of times in names and tables that state none.
        fps: Frames a second, for what has no times of its own.

    Raises:
        ValueError: It cannot be opened, or an option does not fit it.
    """
    if "://" in text:
        if start is not None or fps is not None:
            raise ValueError("--start and --fps are of files: a stream has the time it comes at")
        return StreamSource(text)
    path = Path(text)
    if path.is_dir() or path.suffix.lower() in TABLE_SUFFIXES:
        return FolderSource(path, start=start, zone=zone, fps=fps)
    if start is None and zone is not None:
        start = time_in_name(path.name, zone)
    return FileSource(path, start=start, fps=fps)
