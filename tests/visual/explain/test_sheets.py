"""Sheets of maps and of matches have a cell for each, and say what is roughly so."""

from __future__ import annotations

import numpy as np
import pytest

from passerby.visual.explain.map_sheet import Column, map_sheet
from passerby.visual.explain.match_sheet import Half, Match, MatchRow, match_sheet
from passerby.visual.picture_cells import STYLES

IMAGE = np.full((60, 30, 3), 90, np.uint8)


def half(exact: bool = True, unplaced: float = 0.0) -> Half:
    return Half(IMAGE, np.full((4, 2), 0.1, np.float32), exact, unplaced)


def test_a_sheet_grows_by_images_and_by_maps() -> None:
    column = Column("Grad-CAM", "", np.ones((3, 4, 2), np.float32), ["", "", ""])
    small = map_sheet([IMAGE], ["a"], [column])
    wide = map_sheet([IMAGE], ["a"], [column, column])
    high = map_sheet([IMAGE] * 3, ["a", "b", "c"], [column])
    assert wide.width > small.width
    assert high.height - small.height == 2 * (small.height - map_height_without_rows(small.height))
    with pytest.raises(ValueError, match="an image at least"):
        map_sheet([], [], [column])


def map_height_without_rows(one: int) -> int:
    two = map_sheet([IMAGE] * 2, ["a", "b"], []).height
    return one - (two - one)


def test_a_match_says_how_much_of_its_cosine_stands_at_positions() -> None:
    assert Match("1", 0.8, (half(), half())).words() == ("cosine 0.800,", "all of it at positions")
    rough = Match("1", 0.8, (half(False, 0.3), half(False, 0.2))).words()
    assert rough == ("cosine 0.800; roughly", "placed: 0.500 and 0.600")


def test_where_next_to_nothing_has_a_place_no_map_is_drawn() -> None:
    hollow = Match("1", 0.93, (half(False, 0.93), half(False, 0.2)))
    assert hollow.words() == ("cosine 0.930; too little", "of it has a place: no map")
    drawn = match_sheet([MatchRow(IMAGE, "a", [hollow])])
    mapped = match_sheet([MatchRow(IMAGE, "a", [Match("1", 0.93, (half(), half()))])])
    left = (mapped.width // 4, 0, mapped.width, 100)
    grey = [np.ptp(np.asarray(one.crop(left)).astype(int), axis=2).max() for one in (drawn, mapped)]
    assert grey[0] < grey[1]


@pytest.mark.parametrize(("right", "colour"), [(True, "right"), (False, "wrong")])
def test_frames_tell_right_from_wrong_where_it_is_known(right: bool, colour: str) -> None:
    known = match_sheet([MatchRow(IMAGE, "a", [Match("1", 0.8, (half(), half()), right)])])
    unknown = match_sheet([MatchRow(IMAGE, "a", [Match("1", 0.8, (half(), half()))])])
    wanted = getattr(STYLES["paper"], colour)
    assert wanted in {c for _, c in known.getcolors(1 << 20) or []}
    assert wanted not in {c for _, c in unknown.getcolors(1 << 20) or []}
    with pytest.raises(ValueError, match="a match at least"):
        match_sheet([])
