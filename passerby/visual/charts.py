"""Small charts as SVG text: lines, paired bars, CMC curves, camera-pair tables.

Plain strings, no dependency. Each chart is well-formed XML that stands in an HTML page or in a file
of its own. Text takes the colour of its surroundings and series colours can be replaced by the CSS
variables ``--series-1`` … ``--series-6``, so a page can serve light and dark readers. Series also
differ in dash and marker, and every chart says in ``<title>`` and ``<desc>`` what it shows.
"""

from __future__ import annotations

import math
import textwrap
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import TypeGuard

import numpy as np
from numpy.typing import ArrayLike

from passerby.evaluation.report import CameraPair

# Okabe and Ito 2008, without the yellow that is hard to see on white.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
_DASHES = ("", "7 4", "2 3", "9 3 2 3", "12 4", "4 2")
_FONT = "font-family:system-ui,-apple-system,'Segoe UI',sans-serif;font-size:12px"

_WIDTH, _HEIGHT = 560, 300  # of a line chart, in SVG units
_LEFT, _RIGHT, _TOP, _BOTTOM = 56, 16, 34, 44  # margins around its plot
_LETTER, _BOLD_LETTER = 6.6, 8.4  # assumed widths of a letter: SVG cannot measure text


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
    log_axes: bool = False,
) -> str:
    """Lines with markers over shared axes, as SVG.

    A line is broken where points are not finite, and the chart says how many are missing.
    y_range: shown at least, whatever the data. log_axes: both axes by powers of ten; points that
    are not above zero count as not finite. Raises ValueError without series, for x and
    y of different lengths, and for a series without any finite point.
    """
    if not series:
        raise ValueError(f"chart {title!r} has no series")
    points = [_points(one, log_axes) for one in series]
    if log_axes and y_range:
        y_range = (math.log10(y_range[0]), math.log10(y_range[1]))
    finite = np.concatenate([p[np.isfinite(p).all(axis=1)] for p in points])
    missing = sum(len(p) for p in points) - len(finite)
    across, shown = finite[:, 0], np.concatenate([finite[:, 1], y_range or ()])
    if log_axes:  # whole decades
        across, shown = (np.concatenate([np.floor(v), np.ceil(v)]) for v in (across, shown))
    x_ticks = ticks(float(across.min()), float(across.max()), 8, whole=_whole(across))
    y_ticks = ticks(float(shown.min()), float(shown.max()), 6, whole=log_axes)
    x_limits = (float(across.min()), float(across.max()))
    y_limits = (y_ticks[0], y_ticks[-1])
    legend = _legend_rows([one.name for one in series], _WIDTH - _LEFT - _RIGHT)
    shift = 18 * len(legend)
    height = _HEIGHT + shift
    edges = (_LEFT, _WIDTH - _RIGHT), (height - _BOTTOM, _TOP + shift)
    place = _Placing(x_limits, y_limits, *edges, written=_power_of_ten if log_axes else _number)
    parts = _axes(place, x_ticks, y_ticks, x_label, y_label)
    for number, line in enumerate(points):
        parts += _line(place, line, number, series[number].name)
    parts += _legend(legend, _LEFT, _TOP - 2, _line_sample)
    description = f"{len(series)} lines: {', '.join(one.name for one in series)}."
    if missing:
        note = f"{missing} point{'s' if missing > 1 else ''} not finite, not drawn"
        parts.append(_text(_WIDTH - _RIGHT, height - 6, note, anchor="end", faint=True))
        description += f" {note}."
    return _svg(_WIDTH, height, title, description, parts)


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
    rows = _legend_rows(legend, _WIDTH - 2 * _RIGHT)
    label_width = min(220, max(len(bar.label) for bar in bars) * _LETTER + 12)
    left, right = _RIGHT + label_width, _WIDTH - 56
    group = 15 * len(legend) + 10
    top = _TOP + 18 * len(rows)
    height = top + group * len(bars) + 8
    parts = _legend(rows, _RIGHT, _TOP - 2, _bar_sample)
    parts.append(_rule(left, top - 4, left, height - 6))
    for row, bar in enumerate(bars):
        y = top + row * group
        label = textwrap.wrap(
            bar.label, int((label_width - 12) / _LETTER), max_lines=len(legend), placeholder="…"
        )
        # Centred beside its bars, whether it takes one line or as many as there are bars.
        middle = y + 15 * (len(legend) - len(label)) / 2 + 11
        for line, words in enumerate(label):
            parts.append(_text(left - 8, middle + 15 * line, words, anchor="end", full=bar.label))
        for number, value in enumerate(bar.values):
            drawn = _bar(value, number, full=full, left=left, right=right, y=y + 15 * number)
            tip = f"{bar.label}, {legend[number]}: {_shown(value, unit)}"
            parts.append(f"<g><title>{_safe(tip)}</title>{drawn}</g>")
    description = "; ".join(
        f"{bar.label}: "
        + ", ".join(f"{name} {_shown(v, unit)}" for name, v in zip(legend, bar.values, strict=True))
        for bar in bars
    )
    return _svg(_WIDTH, height, title, description, parts)


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
    width = max(left + cell_width * len(columns) + 16, min(len(title) * _BOLD_LETTER, _WIDTH))
    height = top + cell_height * len(rows) + 12
    parts = [
        _text(left, 46, "gallery camera", faint=True),
        _text(8, top - 10, "query camera", faint=True),
    ]
    for column, camera in enumerate(columns):
        x = left + (column + 0.5) * cell_width
        parts.append(_text(x, top - 10, f"c{camera}", anchor="middle"))
    for row, camera in enumerate(rows):
        y = top + (row + 0.5) * cell_height + 4
        parts.append(_text(left - 10, y, f"c{camera}", anchor="end"))
    for pair in pairs:
        x = left + columns.index(pair.gallery_camera) * cell_width
        y = top + rows.index(pair.query_camera) * cell_height
        parts += _heat_cell(x, y, cell_width, cell_height, pair)
    hardest = min(pairs, key=lambda pair: pair.rank1)
    description = (
        f"Rank-1 of {len(pairs)} camera pairs; the lowest is {hardest.rank1:.0f} percent, from "
        f"camera {hardest.query_camera} to camera {hardest.gallery_camera}."
    )
    return _svg(width, height, title, description, parts)


def ticks(low: float, high: float, count: int = 6, whole: bool = False) -> list[float]:
    """About ``count`` round numbers (1, 2 or 5 times a power of ten) within or around low…high.

    The first is at or below ``low``, the last at or above ``high``; with ``whole`` all are integers
    and none lies outside.

    >>> ticks(0, 100)
    [0.0, 20.0, 40.0, 60.0, 80.0, 100.0]
    >>> ticks(1, 4, whole=True)
    [1.0, 2.0, 3.0, 4.0]
    """
    if high <= low:
        if whole:
            return [float(low)]
        pad = abs(low) / 10 or 1.0
        low, high = low - pad, high + pad
    rough = (high - low) / max(count - 1, 1)
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * k for k in (1, 2, 5, 10) if power * k >= rough * 0.999)
    if whole:
        step = max(1.0, step)
        first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    else:
        first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    # Rounded, because 3 * 0.1 is 0.30000000000000004.
    digits = max(0, 1 - math.floor(math.log10(step)))
    return [round(k * step, digits) + 0.0 for k in range(first, last + 1)]


@dataclass(frozen=True)
class _Placing:
    """From data to SVG units: each pair of limits goes to the pair of edges.

    written: a value of the data as text.
    """

    x_limits: tuple[float, float]
    y_limits: tuple[float, float]
    x_edges: tuple[float, float]
    y_edges: tuple[float, float]
    written: Callable[[float], str]

    def x(self, value: float) -> float:
        return _between(value, self.x_limits, self.x_edges)

    def y(self, value: float) -> float:
        return _between(value, self.y_limits, self.y_edges)


def _between(value: float, limits: tuple[float, float], edges: tuple[float, float]) -> float:
    if limits[1] == limits[0]:  # a single epoch stands in the middle
        return (edges[0] + edges[1]) / 2
    share = (value - limits[0]) / (limits[1] - limits[0])
    return edges[0] + share * (edges[1] - edges[0])


def _points(series: Series, log_axes: bool = False) -> np.ndarray:
    """The points [N, 2] of a series, checked; their decimal logarithms with ``log_axes``."""
    x, y = np.asarray(series.x, float), np.asarray(series.y, float)
    if x.ndim != 1 or x.shape != y.shape:
        raise ValueError(
            f"series {series.name!r} needs x [N] and y [N], got {list(x.shape)} and {list(y.shape)}"
        )
    points = np.stack([x, y], axis=1)
    if log_axes:
        points = np.log10(points, where=points > 0, out=np.full(points.shape, np.nan))
    if not np.isfinite(points).all(axis=1).any():
        raise ValueError(f"series {series.name!r} has no finite point")
    return points


def _whole(values: np.ndarray) -> bool:
    return bool((values == np.round(values)).all())


def _line(place: _Placing, points: np.ndarray, number: int, name: str) -> list[str]:
    """Polylines between gaps, and markers where they do not crowd each other."""
    colour = _colour(number)
    good = np.isfinite(points).all(axis=1)
    parts, run = [], []
    for point, finite in zip(points.tolist(), good.tolist(), strict=True):
        if finite:
            run.append(f"{place.x(point[0]):.1f},{place.y(point[1]):.1f}")
        elif run:
            parts.append(run)
            run = []
    parts += [run] if run else []
    dash = _DASHES[number % len(_DASHES)]
    style = f"fill:none;stroke:{colour};stroke-width:2;stroke-linejoin:round"
    style += f";stroke-dasharray:{dash}" if dash else ""
    shapes = [f'<polyline points="{" ".join(part)}" style="{style}"/>' for part in parts]
    if good.sum() <= 30:
        for x, y in points[good].tolist():
            tip = f"<title>{_safe(name)}: {place.written(y)} at {place.written(x)}</title>"
            shapes.append(_marker(number, place.x(x), place.y(y), tip))
    return shapes


def _marker(number: int, x: float, y: float, inside: str = "") -> str:
    """A circle, square, triangle or diamond, by the series."""
    style = f'style="fill:{_colour(number)}"'
    kind = number % 4
    if kind == 0:
        return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" {style}>{inside}</circle>'
    if kind == 1:
        shape = f'x="{x - 3:.1f}" y="{y - 3:.1f}" width="6" height="6"'
        return f"<rect {shape} {style}>{inside}</rect>"
    corners = (
        [(0, -4), (4, 3), (-4, 3)] if kind == 2 else [(0, -4.5), (4.5, 0), (0, 4.5), (-4.5, 0)]
    )
    points = " ".join(f"{x + a:.1f},{y + b:.1f}" for a, b in corners)
    return f'<polygon points="{points}" {style}>{inside}</polygon>'


def _axes(
    place: _Placing, x_ticks: list[float], y_ticks: list[float], x_label: str, y_label: str
) -> list[str]:
    (left, right), (bottom, top) = place.x_edges, place.y_edges
    parts = []
    for value in y_ticks:
        y = place.y(value)
        parts.append(_rule(left, y, right, y, faint=True))
        parts.append(_text(left - 8, y + 4, place.written(value), anchor="end"))
    for value in x_ticks:
        x = place.x(value)
        parts.append(_rule(x, bottom, x, bottom + 4))
        parts.append(_text(x, bottom + 17, place.written(value), anchor="middle"))
    parts.append(_rule(left, bottom, right, bottom))
    middle = (left + right) / 2
    parts.append(_text(middle, bottom + 34, x_label, anchor="middle", faint=True))
    if y_label:
        y = (bottom + top) / 2
        turn = f'transform="rotate(-90 14 {y:.1f})"'
        parts.append(_text(14, y, y_label, anchor="middle", faint=True, more=turn))
    return parts


def _legend_rows(names: Sequence[str], width: float) -> list[list[tuple[int, str, float]]]:
    """Legend entries (number, name, x from the left) broken into rows of at most ``width``."""
    rows: list[list[tuple[int, str, float]]] = [[]]
    x = 0.0
    for number, name in enumerate(names):
        need = 26 + min(len(name), 40) * _LETTER + 14
        if rows[-1] and x + need > width:
            rows.append([])
            x = 0.0
        rows[-1].append((number, name, x))
        x += need
    return rows


def _legend(
    rows: list[list[tuple[int, str, float]]],
    left: float,
    top: float,
    sample: Callable[[int, float, float], str],
) -> list[str]:
    parts = []
    for line, row in enumerate(rows):
        y = top + 18 * line + 6
        for number, name, offset in row:
            x = left + offset
            parts.append(sample(number, x, y))
            parts.append(_text(x + 26, y + 4, _cut(name, 40 * _LETTER), full=name))
    return parts


def _line_sample(number: int, x: float, y: float) -> str:
    dash = _DASHES[number % len(_DASHES)] or "none"
    style = f"stroke:{_colour(number)};stroke-width:2;stroke-dasharray:{dash}"
    return f'<path d="M{x:.1f} {y:.1f}h20" style="{style}"/>' + _marker(number, x + 10, y)


def _bar_sample(number: int, x: float, y: float) -> str:
    shape = f'x="{x:.1f}" y="{y - 6:.1f}" width="20" height="12"'
    return f'<rect {shape} style="{_bar_style(number)}"/>'


def _bar_style(number: int) -> str:
    return f"fill:{_colour(number)};fill-opacity:{1 if number % 2 == 0 else 0.75}"


def _bar(
    value: float | None, number: int, *, full: float, left: float, right: float, y: float
) -> str:
    if not _is_number(value):
        return _text(left + 6, y + 11, "–", faint=True)
    length = min(value / full, 1.0) * (right - left)
    shape = f'x="{left:.1f}" y="{y:.1f}" width="{length:.1f}" height="13"'
    return f'<rect {shape} style="{_bar_style(number)}"/>' + _text(
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
        f'<g><title>{_safe(tip)}</title><rect {shape} style="{fill}"/>'
        f'<text x="{middle}" y="{y + 18}" text-anchor="middle" style="fill:{ink};'
        f'font-weight:600">{pair.rank1:.0f}</text>'
        f'<text x="{middle}" y="{y + 32}" text-anchor="middle" style="fill:{ink};'
        f'font-size:10px">n {pair.queries}</text></g>'
    ]


def _svg(width: float, height: float, title: str, description: str, parts: Iterable[str]) -> str:
    """The whole element: title drawn and spoken, description spoken."""
    heading = (
        '<text x="0" y="16" style="fill:currentColor;font-weight:600;font-size:14px">'
        f"{_safe(_cut(title, width * _LETTER / _BOLD_LETTER))}</text>"
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" role="img" '
        f'aria-label="{_safe(title)}" width="{width:g}" height="{height:g}" style="{_FONT}">'
        f"<title>{_safe(title)}</title><desc>{_safe(description)}</desc>"
        f"{heading}{''.join(parts)}</svg>"
    )


def _text(
    x: float,
    y: float,
    text: str,
    *,
    anchor: str = "start",
    faint: bool = False,
    full: str = "",
    more: str = "",
) -> str:
    """A text element; full: the uncut text, shown when the pointer rests on it."""
    tip = f"<title>{_safe(full)}</title>" if full and full != text else ""
    style = "fill:currentColor" + (";fill-opacity:.7" if faint else "")
    extra = f" {more}" if more else ""
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" style="{style}"{extra}>'
        f"{tip}{_safe(text)}</text>"
    )


def _rule(x1: float, y1: float, x2: float, y2: float, faint: bool = False) -> str:
    style = f"stroke:currentColor;stroke-opacity:{'.15' if faint else '.6'}"
    return f'<path d="M{x1:.1f} {y1:.1f}L{x2:.1f} {y2:.1f}" style="{style}"/>'


def _colour(number: int) -> str:
    index = number % len(COLOURS)
    return f"var(--series-{index + 1},{COLOURS[index]})"


def _is_number(value: float | None) -> TypeGuard[float]:
    return value is not None and math.isfinite(value)


def _shown(value: float | None, unit: str) -> str:
    return f"{value:.1f} {unit}".strip() if _is_number(value) else "–"


def _number(value: float) -> str:
    """A tick or value in few characters: 0.0003 as 0.0003, 1e-07 as 1e-07, 20 as 20."""
    return f"{value:.4g}"


def _power_of_ten(value: float) -> str:
    """What a logarithm stands for: -2 as 0.01."""
    return f"{10.0**value:.3g}"


def _cut(text: str, width: float) -> str:
    letters = max(1, int(width / _LETTER))
    return text if len(text) <= letters else text[: letters - 1] + "…"


def _safe(text: str) -> str:
    """Escaped for XML, without the control characters that XML cannot hold at all."""
    kept = "".join(c for c in text if c >= " " and c not in "\ufffe\uffff" and not _surrogate(c))
    return escape(kept, quote=True)


def _surrogate(letter: str) -> bool:
    return "\ud800" <= letter <= "\udfff"
