"""Ranked pictures: boxes at the right places, and every awkward query."""

from __future__ import annotations

import base64
import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from passerby.data.crops import content_id
from passerby.evaluation.ranking.rankings import Ranking, rank
from passerby.tables.embeddings import Embeddings
from passerby.visual.drawing import data_uri
from passerby.visual.picture_cells import CELL_HEIGHT, CELL_WIDTH, STYLES, Colours
from passerby.visual.ranking_pictures import (
    describe,
    draw_overview,
    draw_ranking,
    draw_rankings,
)

Parts = tuple[Embeddings, Embeddings]


def part(
    folder: Path, name: str, persons: list[int], angles: list[float], cameras: bool = True
) -> Embeddings:
    """Images of one green each, embedded on the unit circle."""
    images = []
    for row in range(len(persons)):
        images.append(str(folder / f"{name}{row}.png"))
        Image.new("RGB", (30 + 10 * row, 60), (20, 90 + 10 * row, 20)).save(images[-1])
    return Embeddings(
        np.stack([np.cos(angles), np.sin(angles)], axis=1),
        persons,
        [(1 if name == "query" else 2 + row % 2) for row in range(len(persons))]
        if cameras
        else None,
        images=images,
    )


@pytest.fixture
def parts(tmp_path: Path) -> Parts:
    """Query 0: right, wrong, right, wrong, wrong. Query 1: person 9 is not in the gallery."""
    query = part(tmp_path, "query", [1, 9], [0.0, 0.0])
    return query, part(tmp_path, "gallery", [1, 2, 1, 3, 4], [0.1, 0.2, 0.3, 0.4, 0.5])


def frames(picture: Image.Image, colour: tuple[int, int, int]) -> list[tuple[int, int]]:
    """(x, y) of the left upper corner of each whole, solid box (badge aside) of the colour."""
    pixels = (np.asarray(picture) == colour).all(axis=2)
    found = []
    for y, x in zip(*np.nonzero(pixels), strict=True):
        box = pixels[y : y + CELL_HEIGHT, x : x + CELL_WIDTH]
        edges = [box[:4, :-20], box[-4:], box[:, :4], box[20:, -4:]]
        if box.shape == (CELL_HEIGHT, CELL_WIDTH) and all(edge.all() for edge in edges):
            found.append((int(x), int(y)))
    return found


def test_right_ones_are_red_and_wrong_ones_blue(parts: Parts) -> None:
    picture = draw_ranking(*parts, rank(*parts)[0])
    right = frames(picture, STYLES["paper"].right)
    wrong = frames(picture, STYLES["paper"].wrong)
    assert len(right) == 2
    assert len(wrong) == 3
    order = sorted([(place, "right") for place in right] + [(place, "wrong") for place in wrong])
    assert [verdict for _, verdict in order] == ["right", "wrong", "right", "wrong", "wrong"]
    assert len({place[1] for place, _ in order}) == 1  # one row
    steps = np.diff([place[0] for place, _ in order])
    assert (steps == steps[0]).all()
    assert steps[0] > CELL_WIDTH
    for row, ((x, y), _) in enumerate(order):  # the images are in ranked order
        middle = picture.getpixel((x + CELL_WIDTH // 2, y + CELL_HEIGHT // 2))
        assert middle == (20, 90 + 10 * row, 20)


def test_ground_truth_is_the_second_row_nearest_first(parts: Parts) -> None:
    picture = draw_ranking(*parts, rank(*parts)[0])
    x, y = min(frames(picture, STYLES["paper"].right))
    below = np.asarray(picture)[y + CELL_HEIGHT + 40 :]
    for row in (0, 2):  # both matches are there, in this order, no other image is
        assert (below == (20, 90 + 10 * row, 20)).all(axis=2).any()
    first = np.nonzero((below == (20, 90, 20)).all(axis=2))[1].min()
    second = np.nonzero((below == (20, 110, 20)).all(axis=2))[1].min()
    assert x < first < x + CELL_WIDTH < second
    assert not (below == (20, 100, 20)).all(axis=2).any()


def test_the_probe_stands_left_of_everything(parts: Parts) -> None:
    query, gallery = parts
    Image.new("RGB", (64, 128), (200, 180, 10)).save(str(query.images[0]))  # type: ignore[index]
    picture = draw_ranking(query, gallery, rank(query, gallery)[0])
    columns = np.nonzero((np.asarray(picture) == (200, 180, 10)).all(axis=2))[1]
    assert columns.max() < min(frames(picture, STYLES["paper"].right))[0]


def test_the_safe_style_differs_in_more_than_colour(parts: Parts) -> None:
    style = STYLES["safe"]
    picture = draw_ranking(*parts, rank(*parts)[0], colours="safe")
    solid = frames(picture, style.right)
    assert len(solid) == 2
    assert frames(picture, style.wrong) == []  # dashed
    # In grey, right and wrong boxes still differ: solid against dashed.
    grey = np.asarray(picture.convert("L")).astype(int)
    x, y = min(solid)
    step = sorted(solid)[1][0] - x
    right_edge = grey[y : y + CELL_HEIGHT, x]
    wrong_edge = grey[y : y + CELL_HEIGHT, x + step // 2]
    assert right_edge.std() == 0
    assert wrong_edge.std() > 30
    # So do their badges: a tick and a cross.
    badges = [
        np.s_[y : y + 20, left + CELL_WIDTH - 20 : left + CELL_WIDTH] for left in (x, x + step // 2)
    ]
    tick, cross = (grey[badge] > 200 for badge in badges)
    assert tick.any()
    assert cross.any()
    assert (tick != cross).sum() > 30


def test_styles_mark_right_and_wrong_differently() -> None:
    assert not STYLES["paper"].marked
    assert STYLES["safe"].marked
    red, _, blue = STYLES["paper"].right
    assert red > 2 * blue
    red, _, blue = STYLES["paper"].wrong
    assert blue > 2 * red


def test_a_query_without_a_match_says_so(parts: Parts) -> None:
    rankings = rank(*parts)
    picture = draw_ranking(*parts, rankings[1])
    assert frames(picture, STYLES["paper"].right) == []
    assert len(frames(picture, STYLES["paper"].wrong)) == 5
    assert picture.height < draw_ranking(*parts, rankings[0]).height  # no empty row
    assert describe(rankings[1]) == "Query 1 has no match in the gallery."


def test_description(parts: Parts) -> None:
    ranking = rank(*parts)[0]
    assert describe(ranking) == (
        "Query 0: of the first 5 results right at rank 1, 3; 2 matches in all."
    )
    assert "of the first 2 results right at rank 1;" in describe(ranking, columns=2)


def test_without_cameras(tmp_path: Path) -> None:
    query = part(tmp_path, "query", [1], [0.0], cameras=False)
    gallery = part(tmp_path, "gallery", [1, 2], [0.1, 0.2], cameras=False)
    picture = draw_ranking(query, gallery, rank(query, gallery, camera_rule=False)[0])
    assert len(frames(picture, STYLES["paper"].right)) == 1


def test_columns_cut_both_rows(parts: Parts) -> None:
    ranking = rank(*parts)[0]
    wide, narrow = draw_ranking(*parts, ranking), draw_ranking(*parts, ranking, columns=1)
    assert narrow.width < wide.width
    assert len(frames(narrow, STYLES["paper"].right)) == 1
    assert frames(narrow, STYLES["paper"].wrong) == []


def test_unreadable_images_become_grey_cells(parts: Parts) -> None:
    query, gallery = parts
    assert gallery.images is not None
    assert query.images is not None
    Path(gallery.images[0]).write_bytes(b"")
    Path(query.images[0]).unlink()
    picture = draw_ranking(query, gallery, rank(query, gallery)[0])
    x, y = min(frames(picture, STYLES["paper"].right))
    assert picture.getpixel((x + 10, y + 10)) == (200, 200, 200)


def test_an_overwritten_file_is_not_shown(parts: Parts) -> None:
    """A camera's latest.jpg shows another person by now: an empty cell, not the wrong one."""
    query, gallery = parts
    assert gallery.images is not None
    hashes = [content_id(Path(file).read_bytes()) for file in gallery.images]
    known = replace(gallery, hashes=np.array(hashes))
    before = draw_ranking(query, known, rank(query, known)[0])
    x, y = min(frames(before, STYLES["paper"].right))
    assert before.getpixel((x + 10, y + 10)) != (200, 200, 200)
    Path(gallery.images[0]).write_bytes(Path(gallery.images[1]).read_bytes())
    after = draw_ranking(query, known, rank(query, known)[0])
    assert after.getpixel((x + 10, y + 10)) == (200, 200, 200)


@pytest.mark.parametrize("size", [(1, 1), (1, 400), (700, 2), (31, 72), (300, 300)])
def test_any_size_keeps_its_aspect(parts: Parts, size: tuple[int, int]) -> None:
    query, gallery = parts
    assert gallery.images is not None
    Image.new("RGB", size, (20, 200, 20)).save(str(gallery.images[0]))
    picture = draw_ranking(query, gallery, rank(query, gallery)[0], columns=1)
    x, y = min(frames(picture, STYLES["paper"].right))
    cell = np.asarray(picture)[y : y + CELL_HEIGHT, x : x + CELL_WIDTH]
    rows, columns = np.nonzero((cell == (20, 200, 20)).all(axis=2))
    height, width = np.ptp(rows) + 1, np.ptp(columns) + 1
    assert width == CELL_WIDTH - 8 or height == CELL_HEIGHT - 8  # as large as fits
    assert abs(height - width * size[1] / size[0]) <= max(1, size[1] / size[0])


def test_files_and_overview(parts: Parts, tmp_path: Path) -> None:
    out = tmp_path / "new" / "folder"
    written = draw_rankings(*parts, rank(*parts), out, colours="safe", columns=3, title="Title")
    assert [path.name for path in written] == ["query-00000.png", "query-00001.png", "overview.png"]
    sizes = []
    for path in written:
        with Image.open(path) as picture:
            sizes.append(picture.size)
    assert len({width for width, _ in sizes}) == 1
    sheet = draw_overview(*parts, rank(*parts))
    assert len(frames(sheet, STYLES["paper"].right)) == 2
    assert len(frames(sheet, STYLES["paper"].wrong)) == 3 + 5


def test_names_of_any_script_and_length_are_drawn(parts: Parts) -> None:
    names = {1: "Zoë\n\0 <script>" * 20, 2: "日本", 3: ""}
    plain = draw_ranking(*parts, rank(*parts)[0])
    named = draw_ranking(*parts, rank(*parts)[0], title="é" * 500, person_names=names)
    assert named.width == plain.width


@pytest.mark.parametrize("kind", ["jpeg", "png"])
def test_data_uri_holds_the_picture(kind: str) -> None:
    picture = Image.new("RGB", (12, 8), (220, 20, 30))
    start, content = data_uri(picture, kind).split(",")  # type: ignore[arg-type]
    assert start == f"data:image/{kind};base64"
    with Image.open(io.BytesIO(base64.b64decode(content))) as read:
        assert read.size == (12, 8)
        assert np.abs(np.asarray(read.convert("RGB")).astype(int) - (220, 20, 30)).max() < 6


def test_an_empty_result_is_drawn(parts: Parts) -> None:
    nothing = np.empty(0, np.int64)
    distances = np.empty(0, np.float32)
    ranking = Ranking(0, nothing, distances, nothing.astype(bool), nothing, distances)
    assert frames(draw_ranking(*parts, ranking), STYLES["paper"].wrong) == []


def test_errors(parts: Parts, tmp_path: Path) -> None:
    query, gallery = parts
    ranking = rank(query, gallery)[0]
    with pytest.raises(ValueError, match="no ranking to draw"):
        draw_rankings(query, gallery, [], tmp_path)
    unknown: Colours = "pink"  # type: ignore[assignment]
    with pytest.raises(ValueError, match="colours must be one of paper, safe, got 'pink'"):
        draw_ranking(query, gallery, ranking, colours=unknown)
    with pytest.raises(ValueError, match="columns must be at least 1"):
        draw_ranking(query, gallery, ranking, columns=0)
    nameless = Embeddings(gallery.vectors, gallery.persons, gallery.cameras)
    with pytest.raises(ValueError, match="gallery embeddings do not name their images"):
        draw_ranking(query, nameless, ranking)
