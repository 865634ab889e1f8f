"""The sheet of ranked lists: a probe, its result, the ground truth, row below row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

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
)
from passerby.visual.picture_cells import (
    CELL_HEIGHT,
    CELL_WIDTH,
    FRAME,
    GAP,
    HEADING,
    LINE,
    MARGIN,
    PROBE_GAP,
    STYLES,
    TEXT,
    Colours,
    badge,
    dashed_frame,
    missing_cell,
)

_CAPTION = 3 * LINE + 4  # three lines below each image
_BADGE = 20

_MISSING = (200, 200, 200)


class Sheet:
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
        self._left = MARGIN + CELL_WIDTH + PROBE_GAP
        width = self._left + columns * CELL_WIDTH + (columns - 1) * GAP + MARGIN
        # Below this the legend and the headings would not fit.
        width = max(width, self._left + 420)
        self._top = MARGIN + (HEADING + 4 if title else 0)
        height = self._top + rows * (HEADING + CELL_HEIGHT + _CAPTION + GAP) + LINE + MARGIN
        self._picture = Image.new("RGB", (width, height), PAPER)
        self._draw = ImageDraw.Draw(self._picture)
        self._font = load_font(TEXT)
        if title:
            self._write((MARGIN, MARGIN - 2), title, width - 2 * MARGIN, font=load_font(17))

    def probe(self, ranking: Ranking) -> None:
        """The query's image at the left of the current row."""
        self._write((MARGIN, self._top), "Probe", CELL_WIDTH)
        lines = [f"query {ranking.query}", self._camera(self._query, ranking.query)]
        lines.append(self._person(self._query, ranking.query))
        self._cell(MARGIN, self._query, ranking.query, lines, colour=INK)
        middle = MARGIN + CELL_WIDTH + PROBE_GAP // 2
        bottom = self._top + HEADING + CELL_HEIGHT + _CAPTION
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
        self._top += HEADING + GAP + (LINE if empty else CELL_HEIGHT + _CAPTION)

    def finish(self) -> Image.Image:
        """Write the legend at the foot and hand out the picture."""
        x = self._left
        y = self._top
        for right, word in ((True, "right"), (False, "wrong")):
            colour = self._style.right if right else self._style.wrong
            box = (x, y, x + 14, y + 14)
            if self._style.marked:
                badge(self._draw, (x, y), 15, colour, right)
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
        self._write((x, y - 1), legend, self._picture.width - x - MARGIN, colour=FAINT)
        return self._picture.crop((0, 0, self._picture.width, y + LINE + MARGIN))

    def _x(self, column: int) -> int:
        return self._left + column * (CELL_WIDTH + GAP)

    def _heading(self, text: str) -> None:
        self._write((self._left, self._top), text, self._picture.width - self._left - MARGIN)

    def _nothing(self, text: str) -> None:
        y = self._top + HEADING - 2
        width = self._picture.width - self._left - MARGIN
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
        y = self._top + HEADING
        self._picture.paste(_image_cell(part, row), (x, y))
        verdict = right is not None
        box = (x, y, x + CELL_WIDTH - 1, y + CELL_HEIGHT - 1)
        if right is False and self._style.marked:
            dashed_frame(self._draw, box, colour)
        else:
            self._draw.rectangle(box, outline=colour, width=FRAME if verdict else 1)
        if right is not None and self._style.marked:
            badge(self._draw, (x + CELL_WIDTH - _BADGE, y), _BADGE, colour, right)
        y += CELL_HEIGHT + 4
        for text in filter(None, lines):
            self._write((x, y), text, CELL_WIDTH)
            y += LINE

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
        return missing_cell(f"no picture: {error.reason}", _MISSING)
    return letterboxed(image, CELL_WIDTH, CELL_HEIGHT, FRAME)


def _matches(count: int) -> str:
    return "1 match" if count == 1 else f"{count} matches"
