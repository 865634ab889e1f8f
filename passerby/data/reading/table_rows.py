"""Rows of a table on disk, CSV or Parquet, and what their cells say. No cell is trusted."""

from __future__ import annotations

import csv
import os
import re
from collections.abc import Collection, Generator, Mapping
from contextlib import closing
from datetime import UTC, datetime, tzinfo
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any, TypeAlias
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

TABLE_SUFFIXES = (".csv", ".parquet")
"""Endings (lower case) by which tables are told from other files."""

_TIME = "such as 2024-05-01T08:30:00+02:00"
_ROWS = 10_000  # of a Parquet table in memory at once

Row: TypeAlias = Mapping[str, Any]
Rows: TypeAlias = Generator[tuple[str, "Row | None"], None, None]


def header_and_rows(path: Path, columns: Collection[str]) -> tuple[list[str], Rows]:
    """The names of the columns and the rows, each with its place in the file ("line 7").

    columns: what is read of a Parquet table, as far as it has them. A row is None when it has more
    or fewer fields than the header. Raises ValueError for what is no such table.
    """
    return _parquet(path, columns) if path.suffix.lower() == ".parquet" else _csv(path)


def inside(name: str) -> str:
    """The normal form of a relative path; ValueError when it leads out of the folder."""
    if not name or "\0" in name:
        raise ValueError(f"the image is {name!r}: expected a path")
    # Windows paths are recognised everywhere: a table may come from another system.
    if PurePosixPath(name).is_absolute() or PureWindowsPath(name).anchor:
        raise ValueError(
            f"the image {name!r} is an absolute path: write it relative to the table, or name the "
            "folder of the images once, as table(images=FOLDER)"
        )
    parts = [part for part in name.replace("\\", "/").split("/") if part not in ("", ".")]
    if ".." in parts or not parts:
        raise ValueError(f"the image {name!r} leads out of the table's folder")
    return os.sep.join(parts)


def text_of(value: object) -> str:
    """A cell as text; empty for what stands for nothing (None, and NaN by its inequality)."""
    return "" if value is None or value != value else str(value).strip()  # noqa: PLR0124


def whole_of(column: str, value: object) -> int | None:
    """A cell as a whole number, None when it is empty; ValueError naming the column otherwise."""
    text = text_of(value)
    if not text:
        return None
    match = re.fullmatch(r"(-?[0-9]{1,18})(?:\.0*)?", text)
    if match is None:
        raise ValueError(f"the {column} is {text!r}: expected a whole number")
    return int(match[1])


def share_of(column: str, value: object) -> float | None:
    """A cell as a number from 0 to 1, None when it is empty; ValueError otherwise."""
    text = text_of(value)
    if not text:
        return None
    try:
        share = float(text)
    except ValueError:
        share = -1.0
    if not 0 <= share <= 1:
        raise ValueError(f"the {column} is {text!r}: expected a number from 0 to 1")
    return share


def time_of(value: object, zone: tzinfo | None = None) -> datetime | None:
    """A cell as a time with a zone, None when it is empty.

    zone: of times that state none; without it they are refused. So is a time that the zone's
    clocks show twice, or never, when they change: nothing is guessed.
    """
    text = text_of(value)
    if not text:
        return None
    try:
        time = value if isinstance(value, datetime) else datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"the time is {text!r}: expected ISO 8601, {_TIME}") from None
    if time.tzinfo is not None:
        return time
    if zone is None:
        raise ValueError(f"the time {text!r} has no zone: add Z or an offset, {_TIME}")
    return _in_zone(time, zone)


def zone_named(name: str) -> ZoneInfo:
    """A time zone of the IANA data base. Raises ValueError when it is not known."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(
            f"no time zone is named {name!r}: expected one as Europe/Berlin or UTC (where the "
            "system has none, as Windows: pip install tzdata)"
        ) from None


def _in_zone(time: datetime, zone: tzinfo) -> datetime:
    first, second = (time.replace(tzinfo=zone, fold=fold) for fold in (0, 1))
    if first.utcoffset() == second.utcoffset():
        return first
    shown = first.astimezone(UTC).astimezone(zone).replace(tzinfo=None) == time
    times = "twice" if shown else "never"
    raise ValueError(
        f"the time {time.isoformat()} comes {times} in {zone}, where the clocks change: write it "
        f"with its offset, {_TIME}"
    )


def _csv(path: Path) -> tuple[list[str], Rows]:
    rows = _csv_rows(path)
    header = next(rows)[1]
    names = [name.strip().lower() for name in header]

    def named() -> Rows:
        with closing(rows):
            for place, cells in rows:
                whole = len(cells) == len(names)
                yield place, dict(zip(names, cells, strict=True)) if whole else None

    return names, named()


def _csv_rows(path: Path) -> Generator[tuple[str, list[str]], None, None]:
    """("line 7", cells) of every row that is not blank, the header first."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            head = file.readline(10_000)
            file.seek(0)
            delimiter = max(",;\t", key=head.count)
            reader = csv.reader(file, delimiter=delimiter, strict=True)
            empty = True
            for cells in reader:
                if cells:
                    empty = False
                    yield f"line {reader.line_num}", cells
            if empty:
                raise ValueError(f"{path} is empty: expected a header with image and person")
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} is not UTF-8 text ({error}): save it as CSV UTF-8") from None
    except csv.Error as error:
        raise ValueError(f"{path} is no CSV at line {reader.line_num}: {error}") from None


def _parquet(path: Path, columns: Collection[str]) -> tuple[list[str], Rows]:
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError:
        raise ValueError(
            f"reading {path} needs pyarrow: pip install 'passerby[table]', or save it as CSV"
        ) from None
    try:
        names = list(parquet.read_schema(path).names)
    except (OSError, pyarrow.ArrowException) as error:
        raise ValueError(f"{path} is no Parquet file: {error}") from None

    def rows() -> Rows:
        number = 0
        used = [name for name in names if name in columns]
        with parquet.ParquetFile(path) as file:
            for batch in file.iter_batches(_ROWS, columns=used):
                part = pyarrow.table(batch.columns, names=batch.schema.names)
                for index, name in enumerate(used):
                    kind = part.schema.field(name).type
                    if pyarrow.types.is_timestamp(kind):  # Python's datetime has no nanoseconds
                        whole = pyarrow.timestamp("us", kind.tz)
                        column = part.column(name).cast(whole, safe=False)
                        part = part.set_column(index, name, column)
                for row in part.to_pylist():
                    number += 1
                    yield f"row {number}", row

    return names, rows()
