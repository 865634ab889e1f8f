"""A folder of video files of one camera, each with the time at which it starts."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from pathlib import Path
from typing import Any

from passerby.data.reading.cells import text_of, time_of
from passerby.data.reading.table_rows import read_rows
from passerby.video.sources.files import FileSource
from passerby.video.sources.frames import Frame, Journal, Source
from passerby.video.sources.paces import Pace

SUFFIXES = frozenset({
    ".264", ".265", ".3gp", ".asf", ".avi", ".flv", ".h264", ".hevc", ".m2ts", ".m4v", ".mjpeg",
    ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".mts", ".ts", ".webm", ".wmv",
})  # fmt: skip
"""Endings (lower case) of the files of a folder that are read."""

# 20260501083000, 2026-05-01_08-30-00, 2026-05-01T08.30.00Z: a day, then a time to the second.
_TIME = re.compile(
    r"(?<!\d)(\d{4})([-_.]?)(\d{2})\2(\d{2})[-_.T ]{0,3}(\d{2})([-_.:]?)(\d{2})\6(\d{2})(?!\d)(Z?)"
)
_JOINT = 1.0  # seconds between two files that are no gap: recorders round their names


@dataclass(frozen=True)
class _Part:
    """One file and when it starts."""

    file: FileSource
    start: datetime | None


class FolderSource(Source):
    """The files of a folder, or of a table with the columns file and start, as one source.

    start: of the first, where no file's is known: they are then taken to follow one another in the
    order of their names; zone: of times that state none; fps: for files without times.

    Raises:
        ValueError: No videos there, some with a time and some without, two that start at one time,
            a time without a zone, or what `FileSource` raises.
    """

    def __init__(
        self,
        path: Path,
        name: str = "",
        *,
        start: datetime | None = None,
        zone: tzinfo | None = None,
        fps: float | None = None,
    ) -> None:
        super().__init__(name or path.name)
        found = _of_table(path, zone) if path.is_file() else _of_names(path, zone)
        known = [file for file, time in found.items() if time is not None]
        if known and start is not None:
            raise ValueError(f"{path} says when its files start ({known[0].name}): without --start")
        if known and len(known) < len(found):
            other = next(file for file, time in found.items() if time is None)
            raise ValueError(
                f"{known[0].name} says when it starts and {other.name} does not: list them in a "
                "table with the columns file and start, and give that"
            )
        self._parts = [
            _Part(FileSource(file, self.name, start=time, fps=fps), time)
            for file, time in _in_order(found)
        ]
        _require_different([part.file for part in self._parts])
        self._start = start
        self.rate = self._parts[0].file.rate
        lengths = [part.file.length for part in self._parts]
        self.length = None if None in lengths else sum(filter(None, lengths))

    def frames(self, pace: Pace) -> Iterator[Frame]:
        """See `Source`; gaps between the files are events."""
        self.journal = Journal(self.name)
        first, end = self._parts[0].start, None
        if first is None:
            text = "no file says when it starts: taken to follow one another by their names"
            self.journal.note("counted", 0.0, text)
        for part in self._parts:
            step = 1 / (part.file.rate or 25)
            begin = 0.0 if end is None else end + step
            if first is not None and part.start is not None:
                begin = (part.start - first).total_seconds()
                self._compare(part, begin, end)
            for frame in part.file.frames_from(pace, begin, self.journal):
                if end is None or frame.seconds > end:
                    yield frame if part.start or self._start is None else self._timed(frame)
            end = max(part.file.last, end or 0.0)

    def _compare(self, part: _Part, begin: float, end: float | None) -> None:
        """Write down what lies between the end of one file and the beginning of the next."""
        if end is None:
            return
        file = part.file.path.name
        if begin - end > _JOINT + 1 / (part.file.rate or 25):
            self.journal.note("gap", end, f"nothing until {file}, {begin - end:.1f} s", begin - end)
        elif end - begin > _JOINT:
            text = f"{file} begins {end - begin:.1f} s before the file before it ends: passed over"
            self.journal.note("overlap", begin, text, end - begin)

    def _timed(self, frame: Frame) -> Frame:
        assert self._start is not None
        time = self._start + timedelta(seconds=frame.seconds)
        return Frame(frame.pixels, frame.seconds, time, frame.index, frame.source, frame.origin)


def time_in_name(name: str, zone: tzinfo | None) -> datetime | None:
    """The time in a file's name, None when there is none (or several).

    zone: of names that do not end with Z.

    Raises:
        ValueError: It has no zone, or is none of the calendar.

    Examples:
        >>> from datetime import UTC
        >>> time_in_name("door_2026-05-01_08-30-00.mp4", UTC).isoformat()
        '2026-05-01T08:30:00+00:00'
    """
    found = list(_TIME.finditer(Path(name).stem))
    if len(found) != 1:
        return None
    year, _, month, day, hour, _, minute, second, utc = found[0].groups()
    try:
        return time_of(f"{year}-{month}-{day}T{hour}:{minute}:{second}{utc}", zone)
    except ValueError as error:
        hint = "" if zone else "; say --zone, as in Europe/Berlin or UTC"
        raise ValueError(f"{name}: {error}{hint}") from None


def _of_names(folder: Path, zone: tzinfo | None) -> dict[Path, datetime | None]:
    files = [
        file
        for file in folder.iterdir()
        if file.suffix.lower() in SUFFIXES and not file.name.startswith(".") and file.is_file()
    ]
    if not files:
        raise ValueError(f"there are no videos in {folder} ({', '.join(sorted(SUFFIXES))})")
    return {file: time_in_name(file.name, zone) for file in files}


def _of_table(table: Path, zone: tzinfo | None) -> dict[Path, datetime | None]:
    """Files are named as seen from the table's folder."""

    def row(place: str, cells: Mapping[str, Any]) -> tuple[Path, datetime]:
        file, time = text_of(cells["file"]), time_of(cells["start"], zone)
        if not file or time is None:
            raise ValueError("file and start are both needed")
        return table.parent / file, time

    rows, _ = read_rows(table, ("file", "start"), ("file", "start"), row)
    if not rows:
        raise ValueError(f"{table} lists no files")
    if len(dict(rows)) < len(rows):
        raise ValueError(f"{table} lists a file twice")
    return dict(rows)


def _in_order(found: Mapping[Path, datetime | None]) -> list[tuple[Path, datetime | None]]:
    """By time, or by name with numbers in their order (clip2 before clip10)."""
    starts = [time for time in found.values() if time is not None]
    twice = next((time for time in starts if starts.count(time) > 1), None)
    if twice is not None:
        two = [file.name for file, time in found.items() if time == twice][:2]
        raise ValueError(
            f"{two[0]} and {two[1]} start at one time: are they of two cameras? Watch each "
            "by itself"
        )
    if starts:
        return sorted(found.items(), key=lambda item: item[1] or starts[0])
    return sorted(found.items(), key=lambda item: _natural(item[0].name))


def _require_different(files: list[FileSource]) -> None:
    """ValueError for copies: what is seen in them would be seen twice."""
    known: dict[str, FileSource] = {}
    for file in files:
        other = known.setdefault(file.origin, file)
        if other is not file:
            raise ValueError(f"{other.path.name} and {file.path.name} are the same file")


def _natural(name: str) -> list[tuple[int, str]]:
    return [
        (int(part), "") if part.isdecimal() else (-1, part) for part in re.split(r"(\d+)", name)
    ]
