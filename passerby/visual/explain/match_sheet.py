"""A sheet of matches: which regions of both images made them similar, which speak against it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from passerby.visual.drawing import (
    FAINT,
    INK,
    OUTLINE,
    PAPER,
    cut,
    drawable,
    letterboxed,
    load_font,
)
from passerby.visual.explain.heat import balanced, heated
from passerby.visual.picture_cells import (
    CELL_HEIGHT,
    CELL_WIDTH,
    FRAME,
    GAP,
    LINE,
    MARGIN,
    PROBE_GAP,
    STYLES,
    TEXT,
)

_PAIR = 2 * CELL_WIDTH + 4
_HEAD = LINE + 6
_FOOT = 3 * LINE + 8


@dataclass(frozen=True, eq=False)
class Half:
    """One image of a match: pixels [H, W, 3]; values [h, w] that its positions add to the cosine;
    unplaced: what they leave over, 0 where they sum to it; grad_cam [h, w]: of the cosine, for a
    match without another map."""

    image: NDArray[np.uint8]
    values: NDArray[np.float32]
    exact: bool
    unplaced: float
    grad_cam: NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Match:
    """Two images, first the query; right: of one person, None where nobody knows."""

    name: str
    cosine: float
    halves: tuple[Half, Half]
    right: bool | None = None

    def placed(self) -> list[float]:
        """How much of the cosine has a place in each image."""
        return [self.cosine - half.unplaced for half in self.halves]

    def has_map(self) -> bool:
        """Whether half of the cosine has a place at least: a map of less says nothing of it. Behind
        a norm of the whole vector, as in a transformer, next to nothing may have one."""
        return all(abs(one) >= abs(self.cosine) / 2 for one in self.placed())

    def words(self) -> tuple[str, str]:
        """What the cosine is made of, in two short lines."""
        if all(half.exact for half in self.halves):
            return f"cosine {self.cosine:.3f},", "all of it at positions"
        placed = self.placed()
        if not self.has_map():
            return f"cosine {self.cosine:.3f}; too little", "of it has a place: Grad-CAM"
        return f"cosine {self.cosine:.3f}; roughly", f"placed: {placed[0]:.3f} and {placed[1]:.3f}"


@dataclass(frozen=True, eq=False)
class MatchRow:
    """A query and what was found for it, nearest first."""

    image: NDArray[np.uint8]
    name: str
    matches: Sequence[Match]


def match_sheet(rows: Sequence[MatchRow]) -> Image.Image:
    """The sheet. In each match both images share one scale of colours.

    Raises ValueError without a match.
    """
    most = max((len(row.matches) for row in rows), default=0)
    if not most:
        raise ValueError("a sheet of matches needs a match at least")
    left = MARGIN + CELL_WIDTH + PROBE_GAP
    width = left + most * (_PAIR + 2 * GAP) + MARGIN
    height = 2 * MARGIN + _HEAD + len(rows) * (CELL_HEIGHT + _FOOT) + LINE
    sheet = Image.new("RGB", (max(width, 640), height), PAPER)
    draw, font = ImageDraw.Draw(sheet), load_font(TEXT)

    def write(place: tuple[int, int], text: str, colour: tuple[int, int, int] = INK) -> None:
        draw.text(place, cut(drawable(text), _PAIR, font), fill=colour, font=font)

    write((MARGIN, MARGIN), "Query")
    write((left, MARGIN), "Query and match, by regions")
    for line, row in enumerate(rows):
        y = MARGIN + _HEAD + line * (CELL_HEIGHT + _FOOT)
        sheet.paste(letterboxed(Image.fromarray(row.image), CELL_WIDTH, CELL_HEIGHT), (MARGIN, y))
        draw.text(
            (MARGIN, y + CELL_HEIGHT + 3),
            cut(drawable(row.name), CELL_WIDTH + PROBE_GAP - 6, font),
            fill=INK,
            font=font,
        )
        for number, match in enumerate(row.matches):
            x = left + number * (_PAIR + 2 * GAP)
            _draw_pair(sheet, draw, match, (x, y))
            for place, text in enumerate((match.name, *match.words())):
                where = (x, y + CELL_HEIGHT + 3 + place * LINE)
                write(where, text, FAINT if place else INK)
    legend = "orange: makes them similar; blue: speaks against it"
    if not all(match.has_map() for row in rows for match in row.matches):
        legend += "; Grad-CAM: dark to bright"
    draw.text((left, height - MARGIN - LINE), legend, fill=FAINT, font=font)
    return sheet


def _draw_pair(
    sheet: Image.Image, draw: ImageDraw.ImageDraw, match: Match, corner: tuple[int, int]
) -> None:
    # Positions of a finer grid each hold less: what is compared is a share of the image.
    scaled = [half.values * half.values.size for half in match.halves]
    greatest = max(float(np.abs(one).max()) for one in scaled)
    for side, (half, values) in enumerate(zip(match.halves, scaled, strict=True)):
        if match.has_map():
            drawn = balanced(half.image, values, greatest)
        else:
            drawn = heated(half.image, half.grad_cam)
        cell = letterboxed(drawn, CELL_WIDTH, CELL_HEIGHT, FRAME)
        sheet.paste(cell, (corner[0] + side * (CELL_WIDTH + 4), corner[1]))
    box = (corner[0], corner[1], corner[0] + _PAIR - 1, corner[1] + CELL_HEIGHT - 1)
    if match.right is None:
        draw.rectangle(box, outline=OUTLINE, width=1)
    else:
        style = STYLES["paper"]
        draw.rectangle(box, outline=style.right if match.right else style.wrong, width=FRAME)
