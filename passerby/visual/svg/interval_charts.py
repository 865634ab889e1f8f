"""Numbers with their intervals as SVG: a row each, bars to the middle, whiskers to the ends."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from passerby.visual.svg.charts import RIGHT, TOP, WIDTH
from passerby.visual.svg.marks import LETTER, bar_style, cut, escaped, rule, svg, text_mark

_ROW = 22
_LABEL = 200  # the widest label, in SVG units


@dataclass(frozen=True)
class Measured:
    """A row: middle, and the ends of its interval."""

    label: str
    middle: float
    low: float
    high: float


def interval_chart(rows: Sequence[Measured], *, title: str) -> str:
    """Rows from zero on, as SVG. Raises ValueError without rows, and for ends in no order."""
    if not rows:
        raise ValueError(f"chart {title!r} has no rows")
    if any(not 0 <= row.low <= row.middle <= row.high for row in rows):
        raise ValueError(f"chart {title!r} needs 0 <= low <= middle <= high in every row")
    label_width = min(_LABEL, max(len(row.label) for row in rows) * LETTER + 12)
    left, right = RIGHT + label_width, WIDTH - 96
    full = max(row.high for row in rows) or 1.0
    height = TOP + _ROW * len(rows) + 8
    parts = [rule(left, TOP - 4, left, height - 6)]
    for number, row in enumerate(rows):
        y = TOP + _ROW * number
        low, middle, high = (
            left + value / full * (right - left) for value in (row.low, row.middle, row.high)
        )
        label = cut(row.label, label_width - 8)
        parts.append(text_mark(left - 8, y + 12, label, anchor="end", full=row.label))
        shape = f'x="{left:.1f}" y="{y + 1}" width="{middle - left:.1f}" height="14"'
        tip = f"<title>{escaped(_words(row))}</title>"
        bar = f'<rect {shape} style="{bar_style(0)};fill-opacity:.45"/>'
        whisker = "".join(
            [rule(low, y + 8, high, y + 8), *(rule(x, y + 4, x, y + 12) for x in (low, high))]
        )
        parts.append(f"<g>{tip}{bar}{whisker}</g>")
        said = f"{row.middle:g}" if row.low == row.high else _words(row).partition(": ")[2]
        parts.append(text_mark(max(high, middle) + 8, y + 12, said))
    return svg(WIDTH, height, title, "; ".join(map(_words, rows)), parts)


def _words(row: Measured) -> str:
    return f"{row.label}: {row.middle:g} ({row.low:g}–{row.high:g})"
