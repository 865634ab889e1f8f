"""Small charts as SVG text: lines, paired bars, CMC curves, histograms, camera-pair tables.

Each chart is well-formed XML that stands in an HTML page or in a file of its own, and says in
``<title>`` and ``<desc>`` what it shows.
"""

from __future__ import annotations

import math
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeGuard

import numpy as np
from numpy.typing import ArrayLike

from passerby.evaluation.report import CameraPair
from passerby.visual.svg.marks import (
    BOLD_LETTER,
    DASHES,
    LETTER,
    Axes,
    axes,
    bar_sample,
    bar_style,
    colour_of,
    escaped,
    legend_marks,
    legend_rows,
    line_sample,
    marker,
    number_text,
    power_of_ten,
    rule,
    svg,
    text_mark,
    ticks,
)

WIDTH, HEIGHT = 560, 300  # of a line chart, in SVG units
LEFT, RIGHT, TOP, BOTTOM = 56, 16, 34, 44  # margins around its plot
_NOTE = 18  # a line below the axis' label


@dataclass(frozen=True, eq=False)
class Series:
    """One line of a chart: points x [N], y [N]; points that are not finite are left out."""

    name: str
    x: ArrayLike
    y: ArrayLike


@dataclass(frozen=True)
class Bar:
    """One row of a bar chart: a value per legend entry, None where there is none."""

    label: str
    values: tuple[float | None, ...]


def line_chart(
    series: Sequence[Series],
    *,
    title: str,
    x_label: str = "",
    y_label: str = "",
    y_range: tuple[float, float] | None = None,
    log_x: bool = False,
    log_y: bool = False,
) -> str:
    """Lines with markers over shared axes, as SVG.

    A line is broken where points are not finite, and the chart says how many are missing, in a line
    of its own below. y_range: shown at least, whatever the data. log_x, log_y: an axis by powers of
    ten, on which points at 0 and below have no place either. Raises ValueError without series, for
    x and y of different lengths, and for a series without any point that can be drawn.
    """
    if not series:
        raise ValueError(f"chart {title!r} has no series")
    points = [_points(one, log_x, log_y) for one in series]
    if log_y and y_range:
        y_range = (math.log10(y_range[0]), math.log10(y_range[1]))
    finite = np.concatenate([p[np.isfinite(p).all(axis=1)] for p in points])
    note = _not_drawn(series, sum(len(p) for p in points) - len(finite))
    across, shown = finite[:, 0], np.concatenate([finite[:, 1], y_range or ()])
    across = _whole_decades(across) if log_x else across
    shown = _whole_decades(shown) if log_y else shown
    x_ticks = ticks(float(across.min()), float(across.max()), 8, whole=_whole(across))
    y_ticks = ticks(float(shown.min()), float(shown.max()), 6, whole=log_y)
    x_limits = (float(across.min()), float(across.max()))
    y_limits = (y_ticks[0], y_ticks[-1])
    legend = legend_rows([one.name for one in series], WIDTH - LEFT - RIGHT)
    shift = 18 * len(legend)
    bottom = HEIGHT + shift - BOTTOM
    height = HEIGHT + shift + (_NOTE if note else 0)
    edges = (LEFT, WIDTH - RIGHT), (bottom, TOP + shift)
    x_text, y_text = (power_of_ten if log else number_text for log in (log_x, log_y))
    place = Axes(x_limits, y_limits, *edges, x_text, y_text)
    parts = axes(place, x_ticks, y_ticks, x_label, y_label)
    for number, line in enumerate(points):
        parts += _line(place, line, number, series[number].name)
    parts += legend_marks(legend, LEFT, TOP - 2, line_sample)
    description = f"{len(series)} lines: {', '.join(one.name for one in series)}."
    if note:
        parts.append(text_mark(WIDTH - RIGHT, height - 6, note, anchor="end", faint=True))
        description += f" {note}."
    return svg(WIDTH, height, title, description, parts)


def cmc_chart(
    curves: Mapping[str, ArrayLike], *, title: str = "Cumulative matches", top: int = 20
) -> str:
    """CMC curves (percent by rank from 1, as in `Report.cmc`) up to rank ``top``, as SVG."""
    series = []
    for name, curve in curves.items():
        values = np.asarray(curve, float)[:top]
        series.append(Series(name, np.arange(1, len(values) + 1), values))
    return line_chart(
        series, title=title, x_label="rank", y_label="queries with a match, %", y_range=(0, 100)
    )


def histogram_chart(
    edges: ArrayLike,
    shares: Mapping[str, ArrayLike],
    *,
    title: str,
    x_label: str = "",
) -> str:
    """Outlines of histograms over the same bars, in percent, as SVG. edges [K + 1], shares [K]."""
    corners = np.repeat(np.asarray(edges, float), 2)
    series = [
        Series(
            name, corners, np.concatenate([[0], np.repeat(100 * np.asarray(share, float), 2), [0]])
        )
        for name, share in shares.items()
    ]
    return line_chart(series, title=title, x_label=x_label, y_label="% of pairs")


def bar_chart(
    bars: Sequence[Bar],
    legend: Sequence[str],
    *,
    title: str,
    unit: str = "%",
    limit: float | None = None,
) -> str:
    """Horizontal bars in groups (ours beside the paper's), with their values, as SVG.

    limit: the value of a full bar, by default the greatest. Values that are None or not finite
    are shown as "–". Raises ValueError without bars, when a group's values do not fit the legend,
    when no value is finite, and for negative ones.
    """
    if not bars:
        raise ValueError(f"chart {title!r} has no bars")
    for bar in bars:
        if len(bar.values) != len(legend):
            raise ValueError(
                f"bar {bar.label!r} has {len(bar.values)} values for {len(legend)} legend entries"
            )
    finite = [v for bar in bars for v in bar.values if _is_number(v)]
    if not finite or min(finite) < 0:
        raise ValueError(f"chart {title!r} needs values of 0 and more, got {finite}")
    full = limit or max(finite) or 1.0
    rows = legend_rows(legend, WIDTH - 2 * RIGHT)
    label_width = min(220, max(len(bar.label) for bar in bars) * LETTER + 12)
    left, right = RIGHT + label_width, WIDTH - 56
    group = 15 * len(legend) + 10
    top = TOP + 18 * len(rows)
    height = top + group * len(bars) + 8
    parts = legend_marks(rows, RIGHT, TOP - 2, bar_sample)
    parts.append(rule(left, top - 4, left, height - 6))
    for row, bar in enumerate(bars):
        y = top + row * group
        label = textwrap.wrap(
            bar.label, int((label_width - 12) / LETTER), max_lines=len(legend), placeholder="…"
        )
        # Centred beside its bars, whether it takes one line or as many as there are bars.
        middle = y + 15 * (len(legend) - len(label)) / 2 + 11
        for line, words in enumerate(label):
            parts.append(
                text_mark(left - 8, middle + 15 * line, words, anchor="end", full=bar.label)
            )
        for number, value in enumerate(bar.values):
            drawn = _bar(value, number, full=full, left=left, right=right, y=y + 15 * number)
            tip = f"{bar.label}, {legend[number]}: {_shown(value, unit)}"
            parts.append(f"<g><title>{escaped(tip)}</title>{drawn}</g>")
    description = "; ".join(
        f"{bar.label}: "
        + ", ".join(f"{name} {_shown(v, unit)}" for name, v in zip(legend, bar.values, strict=True))
        for bar in bars
    )
    return svg(WIDTH, height, title, description, parts)


def camera_pair_chart(pairs: Sequence[CameraPair], *, title: str) -> str:
    """Rank-1 of each query camera (rows) against each gallery camera (columns), as SVG.

    Each cell also has the number of queries; pairs that do not occur are empty. Raises ValueError
    without pairs and for pairs of several sources, whose cameras are unrelated.
    """
    if not pairs:
        raise ValueError(f"chart {title!r} has no camera pairs")
    if len({pair.source for pair in pairs}) > 1:
        raise ValueError("camera numbers of different sources are unrelated: one chart per source")
    rows = sorted({pair.query_camera for pair in pairs})
    columns = sorted({pair.gallery_camera for pair in pairs})
    cell_width, cell_height, left, top = 54, 40, 92, 78
    width = max(left + cell_width * len(columns) + 16, min(len(title) * BOLD_LETTER, WIDTH))
    height = top + cell_height * len(rows) + 12
    parts = [
        text_mark(left, 46, "gallery camera", faint=True),
        text_mark(8, top - 10, "query camera", faint=True),
    ]
    for column, camera in enumerate(columns):
        x = left + (column + 0.5) * cell_width
        parts.append(text_mark(x, top - 10, f"c{camera}", anchor="middle"))
    for row, camera in enumerate(rows):
        y = top + (row + 0.5) * cell_height + 4
        parts.append(text_mark(left - 10, y, f"c{camera}", anchor="end"))
    for pair in pairs:
        x = left + columns.index(pair.gallery_camera) * cell_width
        y = top + rows.index(pair.query_camera) * cell_height
        parts += _heat_cell(x, y, cell_width, cell_height, pair)
    hardest = min(pairs, key=lambda pair: pair.rank1)
    description = (
        f"Rank-1 of {len(pairs)} camera pairs; the lowest is {hardest.rank1:.0f} percent, from "
        f"camera {hardest.query_camera} to camera {hardest.gallery_camera}."
    )
    return svg(width, height, title, description, parts)


def _not_drawn(series: Sequence[Series], missing: int) -> str:
    """What is said of points that are not drawn, those without a logarithm apart; "" of none."""
    broken = sum(int((~np.isfinite(_points(one)).all(axis=1)).sum()) for one in series)
    notes = []
    if broken:
        notes.append(f"{broken} point{'s' if broken > 1 else ''} not finite, not drawn")
    if missing > broken:
        points = f"{missing - broken} point{'s' if missing > broken + 1 else ''}"
        notes.append(f"{points} at 0 or below: no place on an axis by powers of ten")
    return "; ".join(notes)


def _whole_decades(logarithms: np.ndarray) -> np.ndarray:
    return np.concatenate([np.floor(logarithms), np.ceil(logarithms)])


def _points(series: Series, log_x: bool = False, log_y: bool = False) -> np.ndarray:
    """The points [N, 2] of a series, checked; decimal logarithms where an axis is logarithmic."""
    x, y = np.asarray(series.x, float), np.asarray(series.y, float)
    if x.ndim != 1 or x.shape != y.shape:
        raise ValueError(
            f"series {series.name!r} needs x [N] and y [N], got {list(x.shape)} and {list(y.shape)}"
        )
    points = np.stack([x, y], axis=1)
    logs = np.log10(points, where=points > 0, out=np.full(points.shape, np.nan))
    points = np.where([log_x, log_y], logs, points)
    if not np.isfinite(points).all(axis=1).any():
        raise ValueError(f"series {series.name!r} has no finite point")
    return points


def _whole(values: np.ndarray) -> bool:
    return bool((values == np.round(values)).all())


def _line(place: Axes, points: np.ndarray, number: int, name: str) -> list[str]:
    """Polylines between gaps, and markers where they do not crowd each other."""
    colour = colour_of(number)
    good = np.isfinite(points).all(axis=1)
    parts, run = [], []
    for point, finite in zip(points.tolist(), good.tolist(), strict=True):
        if finite:
            run.append(f"{place.x(point[0]):.1f},{place.y(point[1]):.1f}")
        elif run:
            parts.append(run)
            run = []
    parts += [run] if run else []
    dash = DASHES[number % len(DASHES)]
    style = f"fill:none;stroke:{colour};stroke-width:2;stroke-linejoin:round"
    style += f";stroke-dasharray:{dash}" if dash else ""
    shapes = [f'<polyline points="{" ".join(part)}" style="{style}"/>' for part in parts]
    if good.sum() <= 30:
        for x, y in points[good].tolist():
            tip = f"<title>{escaped(name)}: {place.y_text(y)} at {place.x_text(x)}</title>"
            shapes.append(marker(number, place.x(x), place.y(y), tip))
    return shapes


def _bar(
    value: float | None, number: int, *, full: float, left: float, right: float, y: float
) -> str:
    if not _is_number(value):
        return text_mark(left + 6, y + 11, "–", faint=True)
    length = min(value / full, 1.0) * (right - left)
    shape = f'x="{left:.1f}" y="{y:.1f}" width="{length:.1f}" height="13"'
    return f'<rect {shape} style="{bar_style(number)}"/>' + text_mark(
        left + length + 6, y + 11, f"{value:.1f}"
    )


def _heat_cell(x: float, y: float, width: float, height: float, pair: CameraPair) -> list[str]:
    share = min(max(pair.rank1 / 100, 0.0), 1.0)
    # From almost white to Okabe and Ito's blue; the text changes where its contrast would drop.
    colour = tuple(round(a + share * (b - a)) for a, b in ((243, 0), (246, 90), (250, 150)))
    ink = "#fff" if share > 0.75 else "#1b1b1b"
    tip = (
        f"camera {pair.query_camera} to camera {pair.gallery_camera}: rank-1 {pair.rank1:.1f} %, "
        f"mAP {pair.mean_average_precision:.1f} %, {pair.queries} queries"
    )
    fill = f"fill:rgb({colour[0]},{colour[1]},{colour[2]})"
    shape = f'x="{x + 1}" y="{y + 1}" width="{width - 2}" height="{height - 2}" rx="3"'
    middle = x + width / 2
    return [
        f'<g><title>{escaped(tip)}</title><rect {shape} style="{fill}"/>'
        f'<text x="{middle}" y="{y + 18}" text-anchor="middle" style="fill:{ink};'
        f'font-weight:600">{pair.rank1:.0f}</text>'
        f'<text x="{middle}" y="{y + 32}" text-anchor="middle" style="fill:{ink};'
        f'font-size:10px">n {pair.queries}</text></g>'
    ]


def _is_number(value: float | None) -> TypeGuard[float]:
    return value is not None and math.isfinite(value)


def _shown(value: float | None, unit: str) -> str:
    return f"{value:.1f} {unit}".strip() if _is_number(value) else "–"
