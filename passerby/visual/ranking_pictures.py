"""Ranked lists as pictures, after Fig. 6 of the paper.

The probe stands at the left; the first row is the ranked result, right ones boxed red and wrong
ones blue; the second row is the ground truth, nearest first.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from PIL import Image, ImageDraw, ImageFont

from passerby.data.evidence import picture_of
from passerby.data.images import UnreadableImage
from passerby.evaluation.ranking.rankings import Ranking
from passerby.tables.embeddings import Embeddings
from passerby.tables.records import JUNK
from passerby.visual.drawing import (
    FAINT,
    INK,
    OUTLINE,
    PAPER,
    cut,
    drawable,
    letterboxed,
    load_font,
    save_picture,
    wrapped,
)

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

CELL_WIDTH, CELL_HEIGHT = 96, 192  # pixels, frame included
FRAME = 4
_GAP = 12
_MARGIN = 16
_TEXT = 13
_LINE = 17
_CAPTION = 3 * _LINE + 4  # three lines below each image
_HEADING = 24
_PROBE_GAP = 36
_BADGE = 20

_MISSING = (200, 200, 200)


def draw_rankings(
    query: Embeddings,
    gallery: Embeddings,
    rankings: Sequence[Ranking],
    out: Path,
    *,
    colours: Colours = "paper",
    columns: int = 10,
    title: str = "",
    person_names: Mapping[int, str] | None = None,
    overview: int = 12,
) -> list[Path]:
    """Write ``query-00012.png`` for each ranking, and ``overview.png`` of the first of them.

    Args:
        query: Embeddings of the queries, with the names of their images.
        gallery: Embeddings of the gallery, likewise.
        rankings: What to draw, of `passerby.evaluation.ranking.rankings.rank`.
        out: Folder, made where it lacks.
        colours: "paper" has right ones red and wrong ones blue; "safe" also marks them.
        columns: Images in a row.
        title: Above each picture.
        person_names: Shown in place of person numbers.
        overview: Queries in the overview.

    Returns:
        The files written, the overview last.

    Raises:
        ValueError: There is no ranking, no column or no such style, or the embeddings do not name
            their images.

    Example:
        ``draw_rankings(query, gallery, rank(query, gallery)[:12], Path("lists"))``
    """
    if not rankings:
        raise ValueError("there is no ranking to draw: choose at least one query")
    out = Path(out)
    out.mkdir(parents=True, exist_ok=True)
    written = []
    for ranking in rankings:
        picture = draw_ranking(
            query,
            gallery,
            ranking,
            colours=colours,
            columns=columns,
            title=title,
            person_names=person_names,
        )
        written.append(out / f"query-{ranking.query:05d}.png")
        save_picture(picture, written[-1])
    sheet = draw_overview(
        query,
        gallery,
        rankings[:overview],
        colours=colours,
        columns=columns,
        title=title,
        person_names=person_names,
    )
    written.append(out / "overview.png")
    save_picture(sheet, written[-1])
    return written


def draw_ranking(
    query: Embeddings,
    gallery: Embeddings,
    ranking: Ranking,
    *,
    colours: Colours = "paper",
    columns: int = 10,
    title: str = "",
    person_names: Mapping[int, str] | None = None,
) -> Image.Image:
    """The picture of one query: probe, result row, ground-truth row, legend.

    person_names: shown in place of person numbers. Images that cannot be read become a grey cell.
    Raises ValueError for embeddings without image names, an unknown style or no column.
    """
    sheet = _Sheet(
        query,
        gallery,
        colours=colours,
        columns=columns,
        title=title,
        person_names=person_names,
        rows=2,
    )
    sheet.probe(ranking)
    sheet.result(ranking)
    sheet.next_row()
    sheet.truth(ranking)
    sheet.next_row(empty=len(ranking.truth) == 0)
    return sheet.finish()


def draw_overview(
    query: Embeddings,
    gallery: Embeddings,
    rankings: Sequence[Ranking],
    *,
    colours: Colours = "paper",
    columns: int = 10,
    title: str = "",
    person_names: Mapping[int, str] | None = None,
) -> Image.Image:
    """Several queries in one picture: a row each of the probe and its result. Errors as above."""
    sheet = _Sheet(
        query,
        gallery,
        colours=colours,
        columns=columns,
        title=title,
        person_names=person_names,
        rows=len(rankings),
    )
    for ranking in rankings:
        sheet.probe(ranking)
        sheet.result(ranking)
        sheet.next_row()
    return sheet.finish()


def describe(ranking: Ranking, columns: int = 10) -> str:
    """What the picture shows, as a sentence: for alternative texts and terminals."""
    if len(ranking.truth) == 0:
        return f"Query {ranking.query} has no match in the gallery."
    shown = ranking.correct[:columns]
    ranks = [str(rank) for rank, right in enumerate(shown, 1) if right]
    found = f"right at rank {', '.join(ranks)}" if ranks else "none right"
    matches = "1 match" if len(ranking.truth) == 1 else f"{len(ranking.truth)} matches"
    return f"Query {ranking.query}: of the first {len(shown)} results {found}; {matches} in all."


def data_uri(picture: Image.Image, kind: Literal["jpeg", "png"] = "jpeg") -> str:
    """The picture as a ``data:`` address (base64) that can stand in a page without a file."""
    buffer = io.BytesIO()
    if kind == "jpeg":
        # Full colour resolution: thin red and blue lines smear otherwise.
        picture.convert("RGB").save(buffer, "JPEG", quality=85, subsampling=0, optimize=True)
    else:
        picture.save(buffer, "PNG", optimize=True)
    return f"data:image/{kind};base64,{base64.b64encode(buffer.getvalue()).decode('ascii')}"


class _Sheet:
    """A canvas that is filled row by row from the top; the one place that knows the layout."""

    def __init__(
        self,
        query: Embeddings,
        gallery: Embeddings,
        *,
        colours: Colours,
        columns: int,
        title: str,
        person_names: Mapping[int, str] | None,
        rows: int,
    ) -> None:
        if colours not in STYLES:
            raise ValueError(f"colours must be one of {', '.join(STYLES)}, got {colours!r}")
        if columns < 1:
            raise ValueError(f"columns must be at least 1, got {columns}")
        for name, part in (("query", query), ("gallery", gallery)):
            if part.images is None:
                raise ValueError(f"the {name} embeddings do not name their images: nothing to draw")
        self._query, self._gallery = query, gallery
        self._style = STYLES[colours]
        self._columns = columns
        self._names = person_names or {}
        self._left = _MARGIN + CELL_WIDTH + _PROBE_GAP
        width = self._left + columns * CELL_WIDTH + (columns - 1) * _GAP + _MARGIN
        # Below this the legend and the headings would not fit.
        width = max(width, self._left + 420)
        self._top = _MARGIN + (_HEADING + 4 if title else 0)
        height = self._top + rows * (_HEADING + CELL_HEIGHT + _CAPTION + _GAP) + _LINE + _MARGIN
        self._picture = Image.new("RGB", (width, height), PAPER)
        self._draw = ImageDraw.Draw(self._picture)
        self._font = load_font(_TEXT)
        if title:
            self._write((_MARGIN, _MARGIN - 2), title, width - 2 * _MARGIN, font=load_font(17))

    def probe(self, ranking: Ranking) -> None:
        """The query's image at the left of the current row."""
        self._write((_MARGIN, self._top), "Probe", CELL_WIDTH)
        lines = [f"query {ranking.query}", self._camera(self._query, ranking.query)]
        lines.append(self._person(self._query, ranking.query))
        self._cell(_MARGIN, self._query, ranking.query, lines, colour=INK)
        middle = _MARGIN + CELL_WIDTH + _PROBE_GAP // 2
        bottom = self._top + _HEADING + CELL_HEIGHT + _CAPTION
        self._draw.line((middle, self._top, middle, bottom), fill=(215, 215, 215))

    def result(self, ranking: Ranking) -> None:
        """The nearest gallery images, boxed by whether they are right."""
        heading = "Ranked result"
        if len(ranking.truth) == 0:
            heading += ": this query has no match in the gallery"
        else:
            shown = ranking.correct[: self._columns]
            matches = _matches(len(ranking.truth))
            heading += f": {int(shown.sum())} of {matches} among the first {len(shown)}"
        self._heading(heading)
        if len(ranking.shown) == 0:
            self._nothing("nothing to rank: the gallery holds no image that counts")
        for column, row in enumerate(ranking.shown[: self._columns].tolist()):
            right = bool(ranking.correct[column])
            colour = self._style.right if right else self._style.wrong
            lines = [
                self._joined(str(column + 1), self._camera(self._gallery, row)),
                f"{ranking.distances[column]:.3f}",
                self._person(self._gallery, row),
            ]
            self._cell(self._x(column), self._gallery, row, lines, colour=colour, right=right)

    def truth(self, ranking: Ranking) -> None:
        """All matches, nearest first, as far as the columns reach."""
        if len(ranking.truth) == 0:
            self._heading("Ground truth")
            self._nothing("this query has no match in the gallery")
            return
        heading = f"Ground truth: {_matches(len(ranking.truth))}, nearest first"
        more = len(ranking.truth) - self._columns
        self._heading(heading + (f" (+{more} more)" if more > 0 else ""))
        ranks = {row: rank for rank, row in enumerate(ranking.shown.tolist(), 1)}
        for column, row in enumerate(ranking.truth[: self._columns].tolist()):
            rank = str(ranks[row]) if row in ranks else f"> {len(ranking.shown)}"
            lines = [
                self._joined(rank, self._camera(self._gallery, row)),
                f"{ranking.truth_distances[column]:.3f}",
                self._person(self._gallery, row),
            ]
            self._cell(self._x(column), self._gallery, row, lines, colour=OUTLINE)

    def next_row(self, empty: bool = False) -> None:
        """Go on below the current row; an empty one holds a line of text instead of images."""
        self._top += _HEADING + _GAP + (_LINE if empty else CELL_HEIGHT + _CAPTION)

    def finish(self) -> Image.Image:
        """Write the legend at the foot and hand out the picture."""
        x = self._left
        y = self._top
        for right, word in ((True, "right"), (False, "wrong")):
            colour = self._style.right if right else self._style.wrong
            box = (x, y, x + 14, y + 14)
            if self._style.marked:
                _badge(self._draw, (x, y), 15, colour, right)
            else:
                self._draw.rectangle(box, outline=colour, width=3)
            x += 20
            self._write((x, y - 1), word, 60)
            x += 50
        cameras = self._gallery.cameras is not None
        legend = (
            "below each: rank · camera, distance, person"
            if cameras
            else ("below each: rank, distance, person")
        )
        self._write((x, y - 1), legend, self._picture.width - x - _MARGIN, colour=FAINT)
        return self._picture.crop((0, 0, self._picture.width, y + _LINE + _MARGIN))

    def _x(self, column: int) -> int:
        return self._left + column * (CELL_WIDTH + _GAP)

    def _heading(self, text: str) -> None:
        self._write((self._left, self._top), text, self._picture.width - self._left - _MARGIN)

    def _nothing(self, text: str) -> None:
        y = self._top + _HEADING - 2
        width = self._picture.width - self._left - _MARGIN
        self._write((self._left, y), f"({text})", width, colour=FAINT)

    def _cell(
        self,
        x: int,
        part: Embeddings,
        row: int,
        lines: Sequence[str],
        *,
        colour: tuple[int, int, int],
        right: bool | None = None,
    ) -> None:
        """An image in its frame with captions; right: None draws a frame without a verdict."""
        y = self._top + _HEADING
        self._picture.paste(_image_cell(part, row), (x, y))
        verdict = right is not None
        box = (x, y, x + CELL_WIDTH - 1, y + CELL_HEIGHT - 1)
        if right is False and self._style.marked:
            _dashed_frame(self._draw, box, colour)
        else:
            self._draw.rectangle(box, outline=colour, width=FRAME if verdict else 1)
        if right is not None and self._style.marked:
            _badge(self._draw, (x + CELL_WIDTH - _BADGE, y), _BADGE, colour, right)
        y += CELL_HEIGHT + 4
        for text in filter(None, lines):
            self._write((x, y), text, CELL_WIDTH)
            y += _LINE

    def _camera(self, part: Embeddings, row: int) -> str:
        return "" if part.cameras is None else f"c{part.cameras[row]}"

    def _person(self, part: Embeddings, row: int) -> str:
        person = int(part.persons[row])
        if person in self._names:
            return self._names[person]
        return "junk" if person == JUNK else f"person {person}"

    @staticmethod
    def _joined(rank: str, camera: str) -> str:
        return f"{rank} · {camera}" if camera else rank

    def _write(
        self,
        place: tuple[int, int],
        text: str,
        width: int,
        *,
        colour: tuple[int, int, int] = INK,
        font: ImageFont.FreeTypeFont | None = None,
    ) -> None:
        """One line of text, cut with "…" when it is wider than ``width``."""
        font = font or self._font
        self._draw.text(place, cut(drawable(text), width, font), fill=colour, font=font)


def _image_cell(part: Embeddings, row: int) -> Image.Image:
    """The image letterboxed into a cell, or a grey cell that says why there is none.

    A file that is not the one that was embedded may show another person by now.
    """
    assert part.images is not None
    expected = "" if part.hashes is None else str(part.hashes[row])
    try:
        image = Image.fromarray(picture_of(str(part.images[row]), expected))
    except UnreadableImage as error:
        cell = Image.new("RGB", (CELL_WIDTH, CELL_HEIGHT), _MISSING)
        font = load_font(_TEXT)
        lines = wrapped(drawable(f"no picture: {error.reason}"), CELL_WIDTH - 16, font)
        for number, text in enumerate(lines[: (CELL_HEIGHT - 16) // _LINE]):
            ImageDraw.Draw(cell).text((8, 8 + number * _LINE), text, fill=INK, font=font)
        return cell
    return letterboxed(image, CELL_WIDTH, CELL_HEIGHT, FRAME)


def _matches(count: int) -> str:
    return "1 match" if count == 1 else f"{count} matches"


def _dashed_frame(
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


def _badge(
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
