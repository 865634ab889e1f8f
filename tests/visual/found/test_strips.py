"""The strip of a passage: pictures in the order of time, and none where they are damaged."""

from __future__ import annotations

import numpy as np

from passerby.gallery.enrol.thumbnails import picture
from passerby.gallery.search.matches import Shown
from passerby.visual.found.strips import cells, strip_picture


def shown(levels):
    """A picture of each grey level, two seconds apart."""
    return [
        Shown(2.0 * number, 50 * number, None, (0, 0, 1, 1), _jpeg(level))
        for number, level in enumerate(levels)
    ]


def _jpeg(level):
    return picture(np.full((120, 60, 3), level, np.uint8))


def test_cells_say_their_second():
    assert [cell.second for cell in cells(shown([10, 200, 90]))] == ["0:00.0", "0:02.0", "0:04.0"]


def test_the_middle_picture_is_large_above_all_of_them():
    pixels = np.asarray(strip_picture(shown([10, 200, 90]), 60, 160))
    assert pixels.shape == (160, 60, 3)
    assert abs(int(pixels[60, 30, 0]) - 200) < 6
    assert [int(pixels[140, x, 0]) // 50 for x in (10, 30, 50)] == [0, 4, 1]


def test_damaged_and_missing_pictures_are_left_out():
    broken = [Shown(0, 0, None, (0, 0, 1, 1), b"no JPEG"), Shown(1, 1, None, (0, 0, 1, 1))]
    assert cells(broken) == []
    assert strip_picture(broken, 60, 160) is None
    assert len(cells([*broken, *shown([10])])) == 1
