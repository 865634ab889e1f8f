"""Sightings in words: cells of tables and of CSV, from names that come from outside.

A table shows their control characters escaped, so that none of them acts on the terminal; a CSV
cell that a spreadsheet would take for a formula is prefixed by "'".
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime

import numpy as np

from passerby.evaluation.bootstrap import Interval
from passerby.evaluation.decisions.wording import support

LONGEST = 28
"""Characters of a name in a table."""

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def printable(text: str, longest: int | None = None) -> str:
    r"""A name for a terminal: what is not printable is escaped, what is too long is cut.

    >>> printable("a\x1b[2Jb")
    'a\\x1b[2Jb'
    """
    shown = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
    return shown if longest is None or len(shown) <= longest else shown[: longest - 1] + "…"


def printable_path(path: str, longest: int = 40) -> str:
    """A path for a terminal, of which the end is kept.

    >>> printable_path("/data/2026-05-01/entrance/crops/0815.jpg", 20)
    '…rance/crops/0815.jpg'
    """
    shown = printable(path)
    return shown if len(shown) <= longest else "…" + shown[-longest:]


def ratio_cells(llr: float | None, interval: Interval | None, of: str = "") -> dict[str, str]:
    """Cells of a CSV: a likelihood ratio, the ends of its interval, what it supports in words.

    llr, interval: natural logarithms; of: begins the names of the columns.
    """
    ends = (None, None) if interval is None else (interval.low, interval.high)
    numbers = zip(("", "_low", "_high"), (llr, *ends), strict=True)
    cells = {
        f"{of}likelihood_ratio{end}": "" if value is None else f"{math.exp(value):.6g}"
        for end, value in numbers
    }
    return {**cells, f"{of}support": "" if llr is None else support(llr)}


def time_text(time: datetime | None) -> str:
    """A time in UTC as ISO 8601, "" where there is none."""
    return "" if time is None else time.isoformat().replace("+00:00", "Z")


def span_text(first: datetime | None, last: datetime | None) -> str:
    """From when to when, the date not twice.

    >>> span_text(datetime(2026, 5, 1, 8, tzinfo=UTC), datetime(2026, 5, 1, 9, tzinfo=UTC))
    '2026-05-01T08:00:00Z to 09:00:00Z'
    """
    if first is None or last is None or first == last:
        return time_text(first)
    end = time_text(last)
    return f"{time_text(first)} to {end.split('T')[1] if first.date() == last.date() else end}"


def seconds_text(first: float, last: float) -> str:
    """From which second of a video to which.

    >>> seconds_text(3.04, 75.5), seconds_text(2, 2)
    ('0:03.0 to 1:15.5', '0:02.0')
    """
    one, other = (f"{int(each // 60)}:{each % 60:04.1f}" for each in (first, last))
    return one if one == other else f"{one} to {other}"


def time_of(stored: np.datetime64) -> datetime | None:
    """A stored time with its zone, None for NaT."""
    if np.isnat(stored):
        return None
    made: datetime = stored.astype("datetime64[us]").item().replace(tzinfo=UTC)
    return made


def aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """Rows of cells as lines in columns, two spaces apart and before."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    padded = [[text.ljust(width) for text, width in zip(row, widths, strict=True)] for row in rows]
    return ["  " + "  ".join(row).rstrip() for row in padded]


def csv_text(columns: Sequence[str], rows: Iterable[Mapping[str, object]]) -> str:
    """Rows as CSV with a heading."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(columns)
    for row in rows:
        writer.writerow([_cell(row[column]) for column in columns])
    return buffer.getvalue()


def _cell(value: object) -> str:
    """Text for a CSV cell: never a formula (numbers of ours are none, names may be)."""
    text = str(value)
    return f"'{text}" if text.startswith(_FORMULA) else text
