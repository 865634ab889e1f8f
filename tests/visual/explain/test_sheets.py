"""Sheets of maps and of matches have a cell for each, and say what is roughly so."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from passerby.visual.drawing import PAPER
from passerby.visual.explain.map_sheet import Column, map_sheet
from passerby.visual.explain.match_sheet import Half, Match, MatchRow, match_sheet
from passerby.visual.picture_cells import (
    CELL_HEIGHT,
    CELL_WIDTH,
    GAP,
    LINE,
    MARGIN,
    PROBE_GAP,
    STYLES,
)

IMAGE = np.full((60, 30, 3), 90, np.uint8)


def half(exact: bool = True, unplaced: float = 0.0) -> Half:
    cam = np.eye(4, 2, dtype=np.float32)
    return Half(IMAGE, np.full((4, 2), 0.1, np.float32), exact, unplaced, cam)


def column(count: int = 1) -> Column:
    return Column("Grad-CAM", "", np.ones((count, 4, 2), np.float32), [""] * count)


def drawn_cells(sheet: Image.Image, rows: int, columns: int) -> list[list[bool]]:
    """Whether something of the image or of a map stands in the middle of each cell."""
    step = (CELL_WIDTH + 16 + GAP, CELL_HEIGHT + 2 * LINE + 10)
    first = (MARGIN + CELL_WIDTH // 2, MARGIN + 2 * LINE + 6 + CELL_HEIGHT // 2)
    return [
        [
            sheet.getpixel((first[0] + x * step[0], first[1] + y * step[1])) != PAPER
            for x in range(columns)
        ]
        for y in range(rows)
    ]


@pytest.mark.parametrize(("images", "maps"), [(1, 1), (3, 1), (2, 3)])
def test_a_sheet_has_a_cell_for_each_image_and_each_of_its_maps(images: int, maps: int) -> None:
    names = [f"{number}" for number in range(images)]
    sheet = map_sheet([IMAGE] * images, names, [column(images)] * maps)
    assert drawn_cells(sheet, images, maps + 1) == [[True] * (maps + 1)] * images
    assert sheet.width == 2 * MARGIN + (maps + 1) * (CELL_WIDTH + 16 + GAP) - GAP


def test_a_sheet_without_an_image_is_refused() -> None:
    with pytest.raises(ValueError, match="an image at least"):
        map_sheet([], [], [column()])


def test_a_match_says_how_much_of_its_cosine_stands_at_positions() -> None:
    assert Match("1", 0.8, (half(), half())).words() == ("cosine 0.800,", "all of it at positions")
    rough = Match("1", 0.8, (half(False, 0.3), half(False, 0.2))).words()
    assert rough == ("cosine 0.800; roughly", "placed: 0.500 and 0.600")


def test_where_next_to_nothing_has_a_place_grad_cam_is_drawn() -> None:
    """Bright where it is greatest, in the first column and row, and dark below."""
    hollow = Match("1", 0.93, (half(False, 0.93), half(False, 0.2)))
    assert hollow.words() == ("cosine 0.930; too little", "of it has a place: Grad-CAM")
    drawn = match_sheet([MatchRow(IMAGE, "a", [hollow])])
    mapped = match_sheet([MatchRow(IMAGE, "a", [Match("1", 0.93, (half(), half()))])])
    first = (MARGIN + CELL_WIDTH + PROBE_GAP, MARGIN + LINE + 6)
    places = [(first[0] + 12, first[1] + y) for y in (12, CELL_HEIGHT - 12)]
    bright, dark = (sum(drawn.getpixel(place)) for place in places)
    assert bright > dark + 100
    assert len({mapped.getpixel(place) for place in places}) == 1  # its values are even


def test_a_note_below_a_map_has_two_lines() -> None:
    notes = (["0.48-0.54\nchanged 12 %"], ["0.48-0.54"], [""])
    sheets = [
        np.asarray(map_sheet([IMAGE], ["a"], [replace(column(), notes=note)])) for note in notes
    ]
    below = MARGIN + 2 * LINE + 6 + CELL_HEIGHT + 3
    lines = [slice(below + place * LINE, below + (place + 1) * LINE) for place in (0, 1)]
    both, one, none = ([bool((s[line] != PAPER).any()) for line in lines] for s in sheets)
    assert both == [True, True]
    assert one[1] == none[1]
    assert (sheets[0][lines[0]] == sheets[1][lines[0]]).all()
    assert not (sheets[0][lines[1]] == sheets[1][lines[1]]).all()


def test_columns_are_as_wide_as_their_titles() -> None:
    """Up to a bound: no module of ours is cut, and a sheet of short titles is no wider for it."""
    short, ours, longest = (
        map_sheet([IMAGE], ["a"], [replace(column(), title=title)]).width
        for title in ("Se channels", "NonLocalDot positions", "x" * 200)
    )
    assert short < ours < longest == short + 2 * 40


@pytest.mark.parametrize(("right", "colour"), [(True, "right"), (False, "wrong")])
def test_frames_tell_right_from_wrong_where_it_is_known(right: bool, colour: str) -> None:
    known = match_sheet([MatchRow(IMAGE, "a", [Match("1", 0.8, (half(), half()), right)])])
    unknown = match_sheet([MatchRow(IMAGE, "a", [Match("1", 0.8, (half(), half()))])])
    wanted = getattr(STYLES["paper"], colour)
    assert wanted in {c for _, c in known.getcolors(1 << 20) or []}
    assert wanted not in {c for _, c in unknown.getcolors(1 << 20) or []}
    with pytest.raises(ValueError, match="a match at least"):
        match_sheet([])
