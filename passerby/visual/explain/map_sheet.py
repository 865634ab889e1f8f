"""A sheet of maps: a row an image, a column a map; below each what its colours stand for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from passerby.visual.drawing import FAINT, INK, PAPER, cut, drawable, letterboxed, load_font
from passerby.visual.explain.heat import heated
from passerby.visual.picture_cells import CELL_HEIGHT, CELL_WIDTH, GAP, LINE, MARGIN, TEXT

_COLUMN = CELL_WIDTH + 16
_WIDEST = CELL_WIDTH + 56  # of a column whose title needs it; what is longer is cut
_HEAD = 2 * LINE + 6
_FOOT = 2 * LINE + 10


@dataclass(frozen=True, eq=False)
class Column:
    """A kind of map of all images: two lines above; maps [B, h, w]; up to two lines below each.

    from_zero: the darkest colour is 0, else the least number of the map; greatest: what the
    brightest stands for, the map's own greatest number if not given.
    """

    title: str
    subtitle: str
    maps: NDArray[np.float32]
    notes: Sequence[str]
    from_zero: bool = True
    greatest: float | None = None


def map_sheet(
    images: Sequence[NDArray[np.uint8]], names: Sequence[str], columns: Sequence[Column]
) -> Image.Image:
    """The sheet of images [H, W, 3], by their names. Raises ValueError without an image."""
    if not images:
        raise ValueError("a sheet of maps needs an image at least")
    font = load_font(TEXT)
    titles = [drawable(text) for column in columns for text in (column.title, column.subtitle)]
    asked = max((ceil(font.getlength(title[:200])) for title in titles), default=0)
    wide = min(max(asked, _COLUMN), _WIDEST)
    width = 2 * MARGIN + (len(columns) + 1) * (wide + GAP) - GAP
    row = CELL_HEIGHT + _FOOT
    sheet = Image.new("RGB", (width, 2 * MARGIN + _HEAD + len(images) * row), PAPER)
    draw = ImageDraw.Draw(sheet)

    def write(place: tuple[int, int], text: str, colour: tuple[int, int, int] = INK) -> None:
        draw.text(place, cut(drawable(text), wide, font), fill=colour, font=font)

    for number, column in enumerate(columns, 1):
        x = MARGIN + number * (wide + GAP)
        write((x, MARGIN), column.title)
        write((x, MARGIN + LINE), column.subtitle, FAINT)
    for line, (image, name) in enumerate(zip(images, names, strict=True)):
        y = MARGIN + _HEAD + line * row
        sheet.paste(letterboxed(Image.fromarray(image), CELL_WIDTH, CELL_HEIGHT), (MARGIN, y))
        write((MARGIN, y + CELL_HEIGHT + 3), name)
        for number, column in enumerate(columns, 1):
            x = MARGIN + number * (wide + GAP)
            drawn = heated(
                image,
                column.maps[line],
                from_zero=column.from_zero,
                greatest=column.greatest,
            )
            sheet.paste(letterboxed(drawn, CELL_WIDTH, CELL_HEIGHT), (x, y))
            for place, note in enumerate(column.notes[line].splitlines()):
                write((x, y + CELL_HEIGHT + 3 + place * LINE), note, FAINT)
    return sheet
