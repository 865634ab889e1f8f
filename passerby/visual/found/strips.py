"""The strip of a passage: its pictures in the order of time, each with the second of the video."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PIL import Image

from passerby.data.images import UnreadableImage, decode_contents
from passerby.gallery.search.matches import Shown
from passerby.gallery.text_tables import seconds_text
from passerby.visual.drawing import PAPER, data_uri

_PAGE_HEIGHT = 160  # pixels of a picture on a page


@dataclass(frozen=True)
class Cell:
    """A picture for a page: its address, and its second in words."""

    picture: str
    second: str


def cells(shown: Sequence[Shown]) -> list[Cell]:
    """The strip for a page; pictures that are damaged or not kept are left out."""
    made = []
    for one in shown:
        image = _opened(one)
        if image is not None:
            image.thumbnail((2 * _PAGE_HEIGHT, _PAGE_HEIGHT))
            made.append(Cell(data_uri(image), seconds_text(one.second, one.second)))
    return made


def strip_picture(shown: Sequence[Shown], width: int, height: int) -> Image.Image | None:
    """The strip within so many pixels: the middle picture large, the others in a row below; None
    where none is kept."""
    images = [image for image in map(_opened, shown) if image is not None]
    if not images:
        return None
    made = Image.new("RGB", (width, height), PAPER)
    low = height // 4 if len(images) > 1 else 0
    _put(made, images[len(images) // 2], (0, 0, width, height - low))
    if low:
        step = width // len(images)
        for number, image in enumerate(images):
            _put(made, image, (number * step, height - low, (number + 1) * step, height))
    return made


def _opened(one: Shown) -> Image.Image | None:
    if not one.jpeg:
        return None
    try:
        return Image.fromarray(decode_contents(one.jpeg, "a picture of a passage"))
    except UnreadableImage:
        return None


def _put(sheet: Image.Image, image: Image.Image, box: tuple[int, int, int, int]) -> None:
    """An image as large as fits into a box, in its middle."""
    left, top, right, bottom = box
    scale = min((right - left) / image.width, (bottom - top) / image.height)
    size = max(1, int(image.width * scale)), max(1, int(image.height * scale))
    place = (left + right - size[0]) // 2, (top + bottom - size[1]) // 2
    sheet.paste(image.resize(size, Image.Resampling.BOX), place)
