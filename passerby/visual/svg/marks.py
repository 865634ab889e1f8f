"""Marks of a chart as SVG text: axes, legends, markers, text, and the element around them.

Plain strings, no dependency. All text is escaped and takes the colour of its surroundings; series
colours can be replaced by the CSS variables ``--series-1`` … ``--series-6``, so that a page can
serve light and dark readers. Series also differ in dash and marker.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from html import escape

# Okabe and Ito 2008, without the yellow that is hard to see on white.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
DASHES = ("", "7 4", "2 3", "9 3 2 3", "12 4", "4 2")
_FONT = "font-family:system-ui,-apple-system,'Segoe UI',sans-serif;font-size:12px"
LETTER, BOLD_LETTER = 6.6, 8.4  # assumed widths of a letter: SVG cannot measure text


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
class Axes:
    """From data to SVG units: each pair of limits goes to the pair of edges.

    x_text, y_text: a value of the data as text.
    """

    x_limits: tuple[float, float]
    y_limits: tuple[float, float]
    x_edges: tuple[float, float]
    y_edges: tuple[float, float]
    x_text: Callable[[float], str]
    y_text: Callable[[float], str]

    def x(self, value: float) -> float:
        return _between(value, self.x_limits, self.x_edges)

    def y(self, value: float) -> float:
        return _between(value, self.y_limits, self.y_edges)


def _between(value: float, limits: tuple[float, float], edges: tuple[float, float]) -> float:
    if limits[1] == limits[0]:  # a single epoch stands in the middle
        return (edges[0] + edges[1]) / 2
    share = (value - limits[0]) / (limits[1] - limits[0])
    return edges[0] + share * (edges[1] - edges[0])


def marker(number: int, x: float, y: float, inside: str = "") -> str:
    """A circle, square, triangle or diamond, by the series."""
    style = f'style="fill:{colour_of(number)}"'
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


def axes(
    place: Axes, x_ticks: list[float], y_ticks: list[float], x_label: str, y_label: str
) -> list[str]:
    (left, right), (bottom, top) = place.x_edges, place.y_edges
    parts = []
    for value in y_ticks:
        y = place.y(value)
        parts.append(rule(left, y, right, y, faint=True))
        parts.append(text_mark(left - 8, y + 4, place.y_text(value), anchor="end"))
    for value in x_ticks:
        x = place.x(value)
        parts.append(rule(x, bottom, x, bottom + 4))
        parts.append(text_mark(x, bottom + 17, place.x_text(value), anchor="middle"))
    parts.append(rule(left, bottom, right, bottom))
    middle = (left + right) / 2
    parts.append(text_mark(middle, bottom + 34, x_label, anchor="middle", faint=True))
    if y_label:
        y = (bottom + top) / 2
        turn = f'transform="rotate(-90 14 {y:.1f})"'
        parts.append(text_mark(14, y, y_label, anchor="middle", faint=True, more=turn))
    return parts


def legend_rows(names: Sequence[str], width: float) -> list[list[tuple[int, str, float]]]:
    """Legend entries (number, name, x from the left) broken into rows of at most ``width``."""
    rows: list[list[tuple[int, str, float]]] = [[]]
    x = 0.0
    for number, name in enumerate(names):
        need = 26 + min(len(name), 40) * LETTER + 14
        if rows[-1] and x + need > width:
            rows.append([])
            x = 0.0
        rows[-1].append((number, name, x))
        x += need
    return rows


def legend_marks(
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
            parts.append(text_mark(x + 26, y + 4, cut(name, 40 * LETTER), full=name))
    return parts


def line_sample(number: int, x: float, y: float) -> str:
    dash = DASHES[number % len(DASHES)] or "none"
    style = f"stroke:{colour_of(number)};stroke-width:2;stroke-dasharray:{dash}"
    return f'<path d="M{x:.1f} {y:.1f}h20" style="{style}"/>' + marker(number, x + 10, y)


def bar_sample(number: int, x: float, y: float) -> str:
    shape = f'x="{x:.1f}" y="{y - 6:.1f}" width="20" height="12"'
    return f'<rect {shape} style="{bar_style(number)}"/>'


def bar_style(number: int) -> str:
    return f"fill:{colour_of(number)};fill-opacity:{1 if number % 2 == 0 else 0.75}"


def svg(width: float, height: float, title: str, description: str, parts: Iterable[str]) -> str:
    """The whole element: title drawn and spoken, description spoken."""
    heading = (
        '<text x="0" y="16" style="fill:currentColor;font-weight:600;font-size:14px">'
        f"{escaped(cut(title, width * LETTER / BOLD_LETTER))}</text>"
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" role="img" '
        f'aria-label="{escaped(title)}" width="{width:g}" height="{height:g}" style="{_FONT}">'
        f"<title>{escaped(title)}</title><desc>{escaped(description)}</desc>"
        f"{heading}{''.join(parts)}</svg>"
    )


def text_mark(
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
    tip = f"<title>{escaped(full)}</title>" if full and full != text else ""
    style = "fill:currentColor" + (";fill-opacity:.7" if faint else "")
    extra = f" {more}" if more else ""
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" style="{style}"{extra}>'
        f"{tip}{escaped(text)}</text>"
    )


def rule(x1: float, y1: float, x2: float, y2: float, faint: bool = False) -> str:
    style = f"stroke:currentColor;stroke-opacity:{'.15' if faint else '.6'}"
    return f'<path d="M{x1:.1f} {y1:.1f}L{x2:.1f} {y2:.1f}" style="{style}"/>'


def colour_of(number: int) -> str:
    index = number % len(COLOURS)
    return f"var(--series-{index + 1},{COLOURS[index]})"


def number_text(value: float) -> str:
    """A tick or value in few characters: 0.0003 as 0.0003, 1e-07 as 1e-07, 20 as 20."""
    return f"{value:.4g}"


def power_of_ten(value: float) -> str:
    """What a logarithm stands for: -2 as 0.01."""
    return f"{10.0**value:.3g}"


def cut(text: str, width: float) -> str:
    letters = max(1, int(width / LETTER))
    return text if len(text) <= letters else text[: letters - 1] + "…"


def escaped(text: str) -> str:
    """Escaped for XML, without the control characters that XML cannot hold at all."""
    kept = "".join(c for c in text if c >= " " and c not in "\ufffe\uffff" and not _surrogate(c))
    return escape(kept, quote=True)


def _surrogate(letter: str) -> bool:
    return "\ud800" <= letter <= "\udfff"
