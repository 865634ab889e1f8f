"""What is painted where: vertices find their own spot of the picture, in front and behind."""

from dataclasses import replace

import numpy as np
import pytest

from passerby.synthesis.rendered.body.garments import whole
from passerby.synthesis.rendered.outfits import dress_rendered
from passerby.synthesis.rendered.textures import HALF, ROWS, painted
from passerby.synthesis.streets import dress_street
from passerby.synthesis.wardrobe import Cloth, Piece
from tests.synthesis.rendered.made_up import pack

RED, GREEN, BLUE = (0.5, 0.01, 0.01), (0.01, 0.5, 0.01), (0.01, 0.01, 0.5)


def outfit(upper, **changes):
    """Somebody with a red top, a green shirt and blue trousers."""
    look = dress_street(0, 1)
    pieces = list(look.pieces)
    pieces[Piece.UPPER], pieces[Piece.INNER] = upper, Cloth(GREEN, GREEN)
    pieces[Piece.LOWER] = Cloth(BLUE, BLUE)
    plain = {"opening": 0.0, "print_place": "none", "bag": "none", "pieces": tuple(pieces)}
    worn = dress_rendered(look, (0, 1, 0, 0))
    return replace(worn, look=replace(look, **(plain | changes)))


def layer(piece, points):
    """A layer whose vertices are at these places in the rest pose."""
    made = whole(pack(), "coat", piece)
    return replace(made, rest=np.array(points, np.float32))


def hue(worn, points, back):
    """Which of red, green and blue is brightest at the places of a top; all in one picture."""
    corners = [(-0.45, -0.1, 0), (0.45, 0.6, 0)]
    texture = painted(worn, [layer(Piece.UPPER, [*points, *corners])], (0, 1, 0, 0))
    column, row = texture.spots[: len(points)].T
    return texture.albedo(column, row, np.full(len(points), back)).argmax(1).tolist()


def test_an_open_jacket_shows_the_shirt_in_front_only():
    worn = outfit(Cloth(RED, RED), opening=0.07)
    points = [(0, 0.3, 0.1), (0.2, 0.3, 0), (-0.4, 0.3, 0)]
    assert hue(worn, points, back=False) == [1, 0, 0]
    assert hue(worn, points, back=True) == [0, 0, 0]


def test_stripes_are_level_on_the_trunk_and_run_around_hanging_sleeves():
    striped = outfit(Cloth(RED, GREEN, pattern="stripes", period=0.1, share=0.5))
    low, high = (0, 0.02, 0), (0, 0.07, 0)
    assert hue(striped, [low, high], back=False) == [1, 0]
    along = [(0.3 + 0.02 * step, 0.4 - 0.02 * step, 0) for step in range(6)]
    across = [(0.33 + 0.01 * step, 0.37 + 0.01 * step, 0) for step in range(3)]
    assert len(set(hue(striped, along, back=False))) == 2
    assert len(set(hue(striped, across, back=False))) == 1


def test_each_piece_has_a_block_of_its_own():
    worn = outfit(Cloth(RED, RED))
    square = [(-0.2, -0.5, 0), (0.2, 0.5, 0)]
    layers = [layer(Piece.LOWER, square), layer(Piece.UPPER, square)]
    texture = painted(worn, layers, (0, 1, 0, 0))
    assert texture.screen.shape == (2 * ROWS, 2 * HALF, 3)
    found = texture.albedo(*texture.spots.T, np.zeros(4, bool))
    assert found.argmax(1).tolist() == [2, 2, 0, 0]


def test_the_same_numbers_paint_the_same_picture():
    layers = [layer(Piece.UPPER, [(-0.3, -0.1, 0), (0.3, 0.6, 0)])]
    worn = outfit(Cloth(RED, RED))
    first, again, other = (
        painted(worn, layers, (0, number, 0, 0)).screen.astype(int) for number in (1, 1, 2)
    )
    np.testing.assert_array_equal(first, again)
    assert np.abs(first - other).mean() > 1
    assert first.mean((0, 1))[0] == pytest.approx(255 * 0.5**0.5, rel=0.15)
