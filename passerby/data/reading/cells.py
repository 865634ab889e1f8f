"""What the cells of a table from outside say: text, numbers, times, paths. None is trusted."""

from __future__ import annotations

import math
import os
import re
from datetime import UTC, datetime, tzinfo
from pathlib import PurePosixPath, PureWindowsPath
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from passerby.tables.times import moment

MOST_CHARACTERS = 4_096
"""Of a cell that is read; far above any name or path."""

_TIME = "such as 2024-05-01T08:30:00+02:00"
_NOTHING = ("nan", "NaN", "<NA>", "NaT")  # how pandas may write a missing value


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
    """A cell as text; empty for what stands for nothing (None, NaN and how pandas writes it).

    Raises:
        ValueError: It is no text or number, is very long, or holds NUL.
    """
    if value is None or value != value:  # noqa: PLR0124  NaN alone differs from itself
        return ""
    if isinstance(value, list | dict | bytes):
        raise ValueError(f"a cell holds {type(value).__name__}: expected text or a number")
    text = str(value).strip()
    if len(text) > MOST_CHARACTERS or "\0" in text:
        shown = f"{text[:20]!r} and so on, {len(text)} characters"
        raise ValueError(f"a cell holds {shown}: expected at most {MOST_CHARACTERS}, without NUL")
    return "" if text in _NOTHING else text


def whole_of(column: str, value: object) -> int | None:
    """A cell as a whole number, None when it is empty; ValueError naming the column otherwise."""
    text = text_of(value)
    if not text:
        return None
    match = re.fullmatch(r"(-?\d{1,18})(?:\.0*)?", text)
    if match is None:
        raise ValueError(f"the {column} is {text!r}: expected a whole number of at most 18 digits")
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


def joints_of(value: object) -> tuple[float, ...]:
    """A cell as column, row and visibility of 17 joints, () when it is empty.

    Numbers stand with spaces, commas or semicolons between them, also as a list in brackets.
    Raises ValueError for another number of them, for what is no number, and visibilities that are
    not 0, 1 or 2.
    """
    text = " ".join(map(str, value)) if isinstance(value, list) else text_of(value)
    words = re.split(r"[\s,;]+", text.strip("[] ")) if text else []
    try:
        numbers = tuple(map(float, words))
    except ValueError:
        numbers = (math.nan,)
    if numbers and (len(numbers) != 51 or not all(map(math.isfinite, numbers))):
        raise ValueError(
            f"the keypoints are {text[:60]!r}: expected 51 numbers, column, row and visibility of "
            "17 joints"
        )
    if not {*numbers[2::3]} <= {0, 1, 2}:
        raise ValueError(f"the keypoints have visibilities {sorted({*numbers[2::3]})}: 0, 1 or 2")
    return numbers


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
    if time.tzinfo is None:
        if zone is None:
            raise ValueError(f"the time {text!r} has no zone: add Z or an offset, {_TIME}")
        time = _in_zone(time, zone)
    moment(time)  # refuses what lies beyond the calendar in UTC
    return time


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
    try:
        if first.utcoffset() == second.utcoffset():
            return first
        shown = first.astimezone(UTC).astimezone(zone).replace(tzinfo=None) == time
    except OverflowError:
        raise ValueError(f"the time {time.isoformat()} lies at an end of the calendar") from None
    times = "twice" if shown else "never"
    raise ValueError(
        f"the time {time.isoformat()} comes {times} in {zone}, where the clocks change: write it "
        f"with its offset, {_TIME}"
    )
