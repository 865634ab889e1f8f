"""Images of one size in frames, and what tells right from wrong: colours, dashes, marks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from PIL import Image, ImageDraw

from passerby.visual.drawing import INK, PAPER, drawable, load_font, wrapped

CELL_WIDTH, CELL_HEIGHT = 96, 192  # pixels, frame included
FRAME = 4
TEXT, LINE = 13, 17  # pixels: the font, and from a line of it to the next
GAP, MARGIN, HEADING, PROBE_GAP = 12, 16, 24, 36  # of both sheets: the same layout

Colours = Literal["paper", "safe"]


@dataclass(frozen=True)
class Style:
    """How right and wrong results are told apart: colours (RGB), and marks that need no colour.

    marked: right boxes bear a tick, wrong ones are dashed and bear a cross.
    """

    right: tuple[int, int, int]
    wrong: tuple[int, int, int]
    marked: bool


STYLES: Mapping[str, Style] = {
    "paper": Style(right=(220, 20, 30), wrong=(25, 60, 220), marked=False),
    # Vermilion and blue of Okabe and Ito 2008: as in the paper, right is warm and wrong is cold.
    "safe": Style(right=(213, 94, 0), wrong=(0, 114, 178), marked=True),
}


def missing_cell(reason: str, colour: tuple[int, int, int]) -> Image.Image:
    """A cell of a colour that says in words why no image is in it."""
    cell = Image.new("RGB", (CELL_WIDTH, CELL_HEIGHT), colour)
    font = load_font(TEXT)
    lines = wrapped(drawable(reason), CELL_WIDTH - 16, font)
    for number, text in enumerate(lines[: (CELL_HEIGHT - 16) // LINE]):
        ImageDraw.Draw(cell).text((8, 8 + number * LINE), text, fill=INK, font=font)
    return cell


def dashed_frame(
    draw: ImageDraw.ImageDraw, box: tuple[int, int, int, int], colour: tuple[int, int, int]
) -> None:
    """A dashed frame: dashes of 10 pixels, gaps of 6, starting with a dash in each corner."""
    left, top, right, bottom = box
    draw.rectangle(box, outline=PAPER, width=FRAME)
    for x in _dashes(left, right):
        draw.rectangle((x[0], top, x[1], top + FRAME - 1), fill=colour)
        draw.rectangle((x[0], bottom - FRAME + 1, x[1], bottom), fill=colour)
    for y in _dashes(top, bottom):
        draw.rectangle((left, y[0], left + FRAME - 1, y[1]), fill=colour)
        draw.rectangle((right - FRAME + 1, y[0], right, y[1]), fill=colour)


def _dashes(first: int, last: int) -> list[tuple[int, int]]:
    return [(start, min(start + 9, last)) for start in range(first, last + 1, 16)]


def badge(
    draw: ImageDraw.ImageDraw,
    corner: tuple[int, int],
    size: int,
    colour: tuple[int, int, int],
    right: bool,
) -> None:
    """A filled square with a tick or a cross, drawn as lines: the built-in font has neither."""
    x, y = corner
    draw.rectangle((x, y, x + size - 1, y + size - 1), fill=colour)

    def stroke(*points: tuple[float, float]) -> None:
        draw.line([(x + a * size, y + b * size) for a, b in points], fill=PAPER, width=size // 7)

    if right:
        stroke((0.2, 0.52), (0.42, 0.75), (0.82, 0.25))
    else:
        stroke((0.25, 0.25), (0.75, 0.75))
        stroke((0.75, 0.25), (0.25, 0.75))
