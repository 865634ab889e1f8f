"""Two compared images in one picture, with what their distance says."""

from __future__ import annotations

import os
from pathlib import Path

from PIL import Image, ImageDraw

from passerby.assessment.compare import PairComparison
from passerby.data.images import decode
from passerby.evaluation.decisions.calibration import Calibration
from passerby.visual.drawing import (
    FAINT,
    INK,
    PAPER,
    cut,
    drawable,
    letterboxed,
    load_font,
    require_picture_name,
    save_picture,
    wrapped,
)
from passerby.visual.picture_cells import STYLES

_WIDTH, _HEIGHT = 160, 320  # of an image's cell, in pixels
_MARGIN, _GAP, _LINE, _TEXT = 16, 16, 22, 15
_PLOT_WIDTH, _PLOT_HEIGHT = 320, 190
_RULE = (170, 170, 170)


def draw_comparison(
    comparison: PairComparison,
    path: str | os.PathLike[str],
    calibration: Calibration | None = None,
) -> Path:
    """Write the picture (PNG or JPEG, by the ending); returns its path.

    The images side by side; where there is evidence, by a calibration, where their distance lies
    among those of the same and of different persons; below, the conclusions. Raises ValueError for
    another ending.
    """
    target = require_picture_name(path)
    save_picture(comparison_picture(comparison, calibration), target)
    return target


def comparison_picture(
    comparison: PairComparison, calibration: Calibration | None = None
) -> Image.Image:
    """The picture that `draw_comparison` writes."""
    font = load_font(_TEXT)
    if comparison.evidence is None:
        calibration = None
    rows = [
        f"{comparison.metric} distance {comparison.distance:z.4f}",
        *comparison.conclusions(),
        *(f"warning: {warning}" for warning in comparison.warnings),
    ]
    images = 2 * _WIDTH + _GAP
    width = images + (_GAP + _PLOT_WIDTH if calibration else 0)
    width = max(width, 620)
    lines = [line for row in rows for line in wrapped(drawable(row), width, font)]
    height = 2 * _MARGIN + _LINE + _HEIGHT + _GAP + _LINE * len(lines)
    picture = Image.new("RGB", (width + 2 * _MARGIN, height), PAPER)
    draw = ImageDraw.Draw(picture)
    top = _MARGIN + _LINE
    for number, file in enumerate((comparison.first, comparison.second)):
        x = _MARGIN + number * (_WIDTH + _GAP)
        name = cut(drawable(Path(file).name), _WIDTH, font)
        draw.text((x, _MARGIN), name, fill=FAINT, font=font)
        image = Image.fromarray(decode(file))
        picture.paste(letterboxed(image, _WIDTH, _HEIGHT), (x, top))
    if calibration is not None:
        _plot(draw, comparison, calibration, (_MARGIN + images + _GAP, top))
    y = top + _HEIGHT + _GAP
    for line in lines:
        draw.text((_MARGIN, y), line, fill=INK, font=font)
        y += _LINE
    return picture


def _plot(
    draw: ImageDraw.ImageDraw,
    comparison: PairComparison,
    calibration: Calibration,
    corner: tuple[int, int],
) -> None:
    """Histograms of both kinds, and where this distance and the threshold lie."""
    left, top = corner
    bottom = top + _PLOT_HEIGHT
    shown, font = calibration.quality.histogram, load_font(_TEXT)
    # The plot reaches as far as the histograms and this distance do.
    low = min(shown.edges[0], comparison.distance)
    high = max(shown.edges[-1], comparison.distance)
    highest = max(*shown.same, *shown.different)

    def x(distance: float) -> float:
        return left + (distance - low) / ((high - low) or 1.0) * _PLOT_WIDTH

    colours = STYLES["safe"]
    kinds = (
        ("same person", shown.same, colours.right, 4),
        ("different persons", shown.different, colours.wrong, 2),
    )
    for row, (name, shares, colour, thick) in enumerate(kinds):
        line = [(x(shown.edges[0]), float(bottom))]
        for start, end, share in zip(shown.edges, shown.edges[1:], shares, strict=False):
            y = bottom - share / highest * (_PLOT_HEIGHT - _LINE)
            line += [(x(start), y), (x(end), y)]
        draw.line([*line, (x(shown.edges[-1]), float(bottom))], fill=colour, width=thick)
        y = bottom + 8 + _LINE * row
        draw.line((left, y + 9, left + 24, y + 9), fill=colour, width=thick)
        draw.text((left + 32, y), name, fill=INK, font=font)
    draw.line((left, bottom, left + _PLOT_WIDTH, bottom), fill=_RULE)
    marks = [(comparison.distance, "this pair", INK, 3)]
    point = comparison.evidence.point if comparison.evidence else None
    if point is not None:
        marks.append((point.threshold, "threshold", FAINT, 1))
    for row, (distance, name, colour, thick) in enumerate(marks):
        draw.line((x(distance), top, x(distance), bottom), fill=colour, width=thick)
        y = bottom + 8 + _LINE * (2 + row)
        draw.line((left + 12, y + 2, left + 12, y + 16), fill=colour, width=thick)
        draw.text((left + 32, y), f"{name}, {distance:z.4f}", fill=INK, font=font)
