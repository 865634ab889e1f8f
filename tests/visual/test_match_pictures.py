"""Pictures of searches: what is boxed, what is missing, and names that do not fit."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from passerby.data.crops import content_id
from passerby.gallery.search.matches import Match, Matches
from passerby.gallery.search.posterior import Candidate, Decision, Posterior
from passerby.visual.match_pictures import MOST_SEARCHES, draw_matches, matches_picture
from passerby.visual.picture_cells import CELL_HEIGHT, CELL_WIDTH, STYLES

MISSING = (222, 222, 222)


def jpeg(colour):
    buffer = io.BytesIO()
    Image.new("RGB", (32, 64), colour).save(buffer, "JPEG", quality=95)
    return buffer.getvalue()


def found(matches, *, answer=None, query="", name="anna", notes=()):
    believed = Posterior(0.5, 0.2, (Candidate(name, "0", 0.1, 1, 1, 3.0, 0.8),), 0.0, 0.0, 1)
    decision = Decision(0.01, 1e-3, 0.2, None, answer, "nearest 0.1, below 0.2")
    return Matches(query, 1, (query,), tuple(matches), 9, 0, True, believed, decision, tuple(notes))


def cells(picture, colour):
    """Left upper corners of whole boxes with an edge of the colour, four pixels wide."""
    pixels = (np.asarray(picture) == colour).all(axis=2)
    corners = pixels.copy()
    corners[1:] &= ~pixels[:-1]
    corners[:, 1:] &= ~pixels[:, :-1]
    places = []
    for y, x in zip(*np.nonzero(corners), strict=True):
        box = pixels[y : y + CELL_HEIGHT, x : x + CELL_WIDTH]
        if box.shape == (CELL_HEIGHT, CELL_WIDTH) and box[:4].all() and box[:, :4].all():
            places.append((int(x), int(y)))
    return places


def test_the_sightings_of_the_answer_are_boxed(tmp_path):
    matches = [
        Match(n + 1, str(n), 0.1 * n, llr=1.0, person=person, thumbnail=jpeg((20, 120 + n, 20)))
        for n, person in enumerate(["anna", "berta", "anna", ""])
    ]
    answer = Candidate("anna", "0", 0.1, 2, 2, 3.0, 0.8)
    picture = matches_picture([found(matches, answer=answer)])
    boxed = cells(picture, STYLES["paper"].right)
    assert len(boxed) == 2
    (x, y), (other, _) = boxed
    assert other - x == 2 * (CELL_WIDTH + 12)
    middle = np.array(picture.getpixel((x + CELL_WIDTH // 2, y + CELL_HEIGHT // 2)))
    assert np.abs(middle - [20, 120, 20]).max() < 8
    assert cells(matches_picture([found(matches)]), STYLES["paper"].right) == []
    nameless = Candidate("", "3", 0.1, 1, 1, 3.0, 0.8)
    assert (
        len(cells(matches_picture([found(matches, answer=nameless)]), STYLES["paper"].right)) == 1
    )


def test_missing_pictures_are_empty_boxes(tmp_path):
    good = tmp_path / "good.png"
    Image.new("RGB", (20, 40), (0, 200, 0)).save(good)
    damaged = tmp_path / "damaged.jpg"
    damaged.write_bytes(b"\xff\xd8\xff no jpeg")
    matches = [
        Match(1, content_id(good.read_bytes()), 0.1, image=str(good)),
        Match(2, "1", 0.2, image=str(tmp_path / "gone.jpg")),
        Match(3, "2", 0.3, image=str(damaged)),
        Match(4, "3", 0.4),
        Match(5, "4", 0.5, image=str(tmp_path / "gone.jpg"), thumbnail=jpeg((200, 0, 0))),
        Match(6, "5", 0.6, thumbnail=b"no jpeg"),
        Match(7, "6", 0.7, image="nul\0name"),
        Match(8, "7", 0.8, image=str(good)),  # another picture than the one enrolled
        Match(9, "8", 0.9, image=str(good), thumbnail=jpeg((200, 0, 0))),
    ]
    picture = matches_picture([found(matches, query=str(good))])
    empty = []
    for column in range(9):
        x = 16 + CELL_WIDTH + 36 + column * (CELL_WIDTH + 12)
        empty.append(picture.getpixel((x + 3, 16 + 24 + CELL_HEIGHT - 4)) == MISSING)
    assert empty == [False, True, True, True, False, True, True, True, False]
    x = 16 + CELL_WIDTH + 36 + 8 * (CELL_WIDTH + 12) + CELL_WIDTH // 2
    assert np.abs(np.array(picture.getpixel((x, 100))) - [200, 0, 0]).max() < 8


@pytest.mark.parametrize("name", ["x" * 5000, "\x1b[2J\n\n", "人 " * 400, ""])
def test_names_of_any_kind_are_drawn_within_the_picture(name):
    matches = [Match(1, "0", 0.1, person=name, camera=name, image=name[:100])]
    picture = matches_picture([found(matches, query=name, name=name, notes=(name,))])
    usual = matches_picture([found(matches[:1], query="a", name="a")])
    assert picture.width == usual.width
    assert picture.height < 6000


def test_many_matches_wrap_and_many_searches_are_cut(tmp_path):
    matches = [Match(n, str(n), 0.1) for n in range(1, 13)]
    narrow = matches_picture([found(matches)], columns=5)
    wide = matches_picture([found(matches)], columns=12)
    assert narrow.height > wide.height + 2 * CELL_HEIGHT
    assert narrow.width < wide.width
    one, many = found(matches[:1]), [found(matches[:1])] * (MOST_SEARCHES + 3)
    assert matches_picture(many).height > MOST_SEARCHES * matches_picture([one]).height
    path = draw_matches([one, found([])], tmp_path / "new" / "found.png")
    with Image.open(path) as drawn:
        assert drawn.size == matches_picture([one, found([])]).size


def test_what_cannot_be_drawn(tmp_path):
    with pytest.raises(ValueError, match="at least one search"):
        matches_picture([])
    with pytest.raises(ValueError, match="at least one search and one column"):
        matches_picture([found([])], columns=0)
    with pytest.raises(ValueError, match="expected the name of a picture"):
        draw_matches([found([])], tmp_path / "found.txt")
