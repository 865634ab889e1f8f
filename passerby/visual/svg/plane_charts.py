"""Points of a plane as SVG: a colour and a mark a person, the others faint."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from passerby.visual.svg.charts import WIDTH
from passerby.visual.svg.marks import (
    COLOURS,
    Axes,
    axes,
    escaped,
    legend_marks,
    legend_rows,
    marker,
    number_text,
    svg,
    text_mark,
    ticks,
)

_HEIGHT, _LEFT, _RIGHT, _TOP, _BOTTOM = 460, 56, 16, 34, 44


def plane_chart(
    places: NDArray[np.float64],
    groups: Sequence[str],
    *,
    title: str,
    x_label: str = "",
    y_label: str = "",
) -> str:
    """Points [N, 2] of named groups; the six largest have colours.

    The same length on both axes is the same distance. Raises ValueError where points and groups
    are not of one number, and without a point.
    """
    if len(places) != len(groups) or not len(places):
        raise ValueError(
            f"chart {title!r} needs a group for each point, got {len(places)} points and "
            f"{len(groups)} groups"
        )
    names, counts = np.unique(np.asarray(groups), return_counts=True)
    order = np.lexsort((names, -counts))
    shown = [str(names[row]) for row in order[: len(COLOURS)]]
    legend = legend_rows([*shown], WIDTH - _LEFT - _RIGHT)
    top = _TOP + 18 * len(legend)
    height = _HEIGHT + 18 * len(legend)
    across, up = WIDTH - _LEFT - _RIGHT, height - _BOTTOM - top
    middle = (places.min(axis=0) + places.max(axis=0)) / 2
    unit = max(float(np.ptp(places[:, 0]) / across), float(np.ptp(places[:, 1]) / up)) or 1e-9
    half = np.array([across, up]) * unit * 1.04 / 2
    low, high = middle - half, middle + half
    place = Axes(
        (float(low[0]), float(high[0])),
        (float(low[1]), float(high[1])),
        (_LEFT, WIDTH - _RIGHT),
        (height - _BOTTOM, top),
        number_text,
        number_text,
    )
    inside = [
        [t for t in ticks(float(a), float(b), 7) if a <= t <= b]
        for a, b in zip(low, high, strict=True)
    ]
    parts = axes(place, inside[0], inside[1], x_label, y_label)
    points = [*zip(places.tolist(), groups, strict=True)]
    for (x, y), group in points:
        if group not in shown:
            parts.append(
                f'<circle cx="{place.x(x):.1f}" cy="{place.y(y):.1f}" r="2" '
                f'style="fill:currentColor;fill-opacity:.25"/>'
            )
    for (x, y), group in points:
        if group in shown:
            tip = f"<title>{escaped(group)}</title>"
            parts.append(marker(shown.index(group), place.x(x), place.y(y), tip))
    parts += legend_marks(legend, _LEFT, _TOP - 2, lambda n, x, y: marker(n, x + 10, y))
    others = len(names) - len(shown)
    description = f"{len(places)} points of {len(names)} groups; in colour {', '.join(shown)}."
    if others > 0:
        text = f"grey: {others} others"
        parts.append(text_mark(WIDTH - _RIGHT, 16, text, anchor="end", faint=True))
    return svg(WIDTH, height, title, description, parts)
