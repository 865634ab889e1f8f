"""What a search of a gallery found, as a picture after Fig. 6: the probe, then the matches.

Nobody knows yet who is right, so that no box is right or wrong: the sightings of the answer are
boxed, if there is one, and what is said of all candidates stands below.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from itertools import zip_longest
from pathlib import Path

from PIL import Image, ImageDraw

from passerby.data.evidence import picture_of
from passerby.data.images import UnreadableImage
from passerby.evaluation.decisions.wording import likelihood_ratio
from passerby.gallery.search.matches import Match, Matches
from passerby.gallery.text_tables import printable, time_text
from passerby.process.spelling import count_of
from passerby.tables.sightings import UNKNOWN
from passerby.visual.drawing import (
    FAINT,
    INK,
    OUTLINE,
    PAPER,
    cut,
    drawable,
    letterboxed,
    load_font,
    require_picture_name,
    save_picture,
    wrapped,
)
from passerby.visual.found.strips import strip_picture
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
    missing_cell,
)

MOST_SEARCHES = 20
"""Searches in one picture; more would make it too high to open."""

_CAPTION = 7 * LINE + 4
_MISSING = (222, 222, 222)


def draw_matches(
    found: Sequence[Matches], path: str | os.PathLike[str], *, columns: int = 10
) -> Path:
    """Write the picture (PNG or JPEG, by the ending) of up to 20 searches; returns its path.

    Raises ValueError for no search, no column, or an ending of neither.
    """
    target = require_picture_name(path)
    picture = matches_picture(found, columns=columns)
    save_picture(picture, target)
    return target


def matches_picture(found: Sequence[Matches], *, columns: int = 10) -> Image.Image:
    """The picture that `draw_matches` writes. Errors as there."""
    if not found or columns < 1:
        raise ValueError(
            f"expected at least one search and one column, got {len(found)} and {columns}"
        )
    shown = found[:MOST_SEARCHES]
    used = min(columns, max(1, *map(len, shown)))
    parts = [_search(one, used) for one in shown]
    left = len(found) - len(parts)
    height = sum(part.height for part in parts) + (LINE + MARGIN if left else 0)
    sheet = Image.new("RGB", (parts[0].width, height), PAPER)
    top = 0
    for part in parts:
        sheet.paste(part, (0, top))
        top += part.height
    if left:
        text = f"{count_of(left, 'more search is', 'more searches are')} not drawn"
        ImageDraw.Draw(sheet).text((MARGIN, top), text, fill=FAINT, font=load_font(TEXT))
    return sheet


def _search(found: Matches, columns: int) -> Image.Image:
    """One search: probe at the left, rows of matches, what is said below."""
    font = load_font(TEXT)
    left = MARGIN + CELL_WIDTH + PROBE_GAP
    width = max(left + columns * (CELL_WIDTH + GAP) - GAP + MARGIN, 760)
    rows = max(1, -(-len(found) // columns))
    words = [line for text in _words(found) for line in wrapped(text, width - left - MARGIN, font)]
    high = CELL_HEIGHT + _CAPTION + GAP
    height = MARGIN + HEADING + rows * high + len(words) * LINE + MARGIN
    sheet = Image.new("RGB", (width, height), PAPER)
    draw = ImageDraw.Draw(sheet)
    top = MARGIN + HEADING
    _probe(sheet, found, top)
    middle = MARGIN + CELL_WIDTH + PROBE_GAP // 2
    draw.line((middle, MARGIN, middle, height - MARGIN), fill=(215, 215, 215))
    heading = f"{len(found)} nearest of {count_of(found.searched, 'sighting')}"
    if any(match.reranked is not None for match in found):
        heading += ", re-ranked"
    draw.text((left, MARGIN), heading, fill=INK, font=font)
    for number, match in enumerate(found):
        row, column = divmod(number, columns)
        place = left + column * (CELL_WIDTH + GAP), top + row * high
        strip = strip_picture(match.pictures, CELL_WIDTH - 2 * FRAME, CELL_HEIGHT - 2 * FRAME)
        picture = strip or _picture(match.image, match.sighting, match.thumbnail)
        _cell(sheet, place, picture, _is_answer(found, match))
        _captions(draw, (place[0], place[1] + CELL_HEIGHT + 4), _lines(match))
    top += rows * high
    for text in words:
        draw.text((left, top), text, fill=INK, font=font)
        top += LINE
    return sheet


def _probe(sheet: Image.Image, found: Matches, top: int) -> None:
    draw = ImageDraw.Draw(sheet)
    draw.text((MARGIN, MARGIN), "Probe", fill=INK, font=load_font(TEXT))
    shown = [pair for pair in zip_longest(found.files, found.hashes, fillvalue="") if pair[0]]
    _cell(sheet, (MARGIN, top), _picture(*shown[0]) if shown else "only its vector", False)
    lines = [Path(found.query).name]
    if found.images > 1:
        lines.append(f"{found.images} pooled")
    _captions(draw, (MARGIN, top + CELL_HEIGHT + 4), lines)


def _words(found: Matches) -> list[str]:
    """What the table says below its rows."""
    lines = str(found).splitlines()
    rows = len(found) + 1 if len(found) else 1
    return [drawable(line) for line in lines[1 + rows :]] or ["nothing found"]


def _lines(match: Match) -> list[str]:
    worth = [] if match.llr is None else [f"LR {likelihood_ratio(match.llr)}"]
    if match.joint_llr is not None:  # one line: a cell has no more
        worth = [f"LR {likelihood_ratio(match.joint_llr)} with way"]
    if match.false_match_rate is not None:
        worth.append(f"FMR {match.false_match_rate:.2g}")
    day, _, clock = time_text(match.time)[:19].partition("T")  # a cell is too narrow for both
    camera = printable(match.camera)
    return [
        f"{match.rank} · {camera}" if camera else str(match.rank),
        f"at {match.distance:.3f}",
        *worth,
        printable(match.person) or "not named",
        day,
        f"{clock} UTC" if clock else "",
        *([match.clip] if match.clip else []),
    ]


def _is_answer(found: Matches, match: Match) -> bool:
    answer = found.answer
    if answer is None:
        return False
    if answer.person != UNKNOWN:
        return match.person == answer.person
    return match.sighting == answer.nearest


def _picture(file: str, expected: str, thumbnail: bytes = b"") -> Image.Image | str:
    """The picture of a file that is still the one that was hashed, or why there is none."""
    try:
        return Image.fromarray(picture_of(file, expected, thumbnail))
    except UnreadableImage as error:
        return error.reason


def _cell(
    sheet: Image.Image, place: tuple[int, int], picture: Image.Image | str, answer: bool
) -> None:
    """An image in its frame; in place of one that is missing an empty box with the reason."""
    x, y = place
    box = (x, y, x + CELL_WIDTH - 1, y + CELL_HEIGHT - 1)
    draw = ImageDraw.Draw(sheet)
    if isinstance(picture, str):
        sheet.paste(missing_cell(picture, _MISSING), place)
    else:
        sheet.paste(letterboxed(picture, CELL_WIDTH, CELL_HEIGHT, FRAME), place)
    colour = STYLES["paper"].right if answer else OUTLINE
    draw.rectangle(box, outline=colour, width=FRAME if answer else 1)


def _captions(draw: ImageDraw.ImageDraw, place: tuple[int, int], lines: Sequence[str]) -> None:
    font = load_font(TEXT)
    x, y = place
    for line in lines:
        draw.text((x, y), cut(drawable(line), CELL_WIDTH, font), fill=INK, font=font)
        y += LINE
