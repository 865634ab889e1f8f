"""What shows what was found: an annotated video, a contact sheet, the MOTChallenge format."""

from __future__ import annotations

import colorsys
import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from fractions import Fraction
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, cast

import numpy as np
from PIL import Image, ImageDraw, ImageFont, ImageOps

from passerby.process.whole_files import PART, explain_disk_full, replacing, write_whole
from passerby.video.passages import Passage
from passerby.video.sources.frames import Frame
from passerby.video.tracking import Tracked

if TYPE_CHECKING:
    import av
    from av.video.stream import VideoStream

_HEIGHT, _WIDTH, _LABEL = 192, 96, 14  # pixels of a picture on a sheet, and of the line below
_PICTURES = 5
_CLOCK = Fraction(1, 1000)


class AnnotatedVideo:
    """An MP4 of the frames that were looked at, with boxes, track numbers and persons; close it."""

    def __init__(self, path: Path) -> None:
        import av

        self._path, self._part = path, path.with_name(path.name + PART)
        path.parent.mkdir(parents=True, exist_ok=True)
        self._container = av.open(str(self._part), "w", format="mp4")
        codec = "libx264" if "libx264" in av.codecs_available else "mpeg4"
        self._stream = cast("VideoStream", self._container.add_stream(codec, rate=25))
        self._stream.pix_fmt = "yuv420p"
        self._stream.codec_context.time_base = _CLOCK
        self._size: tuple[int, int] | None = None
        self._last = -1

    def add(
        self, frame: Frame, tracked: Tracked, persons: Mapping[int, str] = MappingProxyType({})
    ) -> None:
        """Draw one frame; one of another size than the first is scaled to it. persons: of tracks,
        "" where not known."""
        import av

        picture = Image.fromarray(frame.pixels)
        drawing = ImageDraw.Draw(picture)
        for track, box in zip(tracked.tracks.tolist(), tracked.boxes.tolist(), strict=True):
            drawing.rectangle(box, outline=_colour(track), width=2)
            text = f"{track} {persons.get(track, '')}".strip()
            _label(drawing, (box[0], box[1]), text, track, max(10, picture.height // 24))
        if self._size is None:
            self._size = picture.width // 2 * 2, picture.height // 2 * 2  # halves of 4:2:0
            self._stream.width, self._stream.height = self._size
        made = av.VideoFrame.from_image(picture.resize(self._size))
        self._last = max(self._last + 1, round(frame.seconds * 1000))
        made.pts, made.time_base = self._last, _CLOCK
        with explain_disk_full(self._path):
            self._mux(made)

    def _mux(self, frame: av.VideoFrame | None) -> None:
        """Encode a frame, or the end."""
        self._container.mux(self._stream.encode(frame))

    def discard(self) -> None:
        """Leave no file: what was written of it has no end."""
        self._size = None
        with suppress(OSError):
            self._container.close()
        self._part.unlink(missing_ok=True)

    def close(self) -> None:
        """Write the end; the file has its name from then on. Without a frame there is none."""
        if self._size is None:
            self.discard()
            return
        with explain_disk_full(self._path):
            self._mux(None)
            self._container.close()
        os.replace(self._part, self._path)


class MotRows:
    """Boxes of one source in the order of its frames, for a file of the MOTChallenge."""

    def __init__(self) -> None:
        self._rows: list[tuple[int, int, float, float, float, float, float]] = []

    def add(self, frame: Frame, tracked: Tracked) -> None:
        """The boxes of one frame; its number is that within its file, from 1."""
        for track, box, score in zip(
            tracked.tracks.tolist(), tracked.boxes.tolist(), tracked.scores.tolist(), strict=True
        ):
            width, height = box[2] - box[0], box[3] - box[1]
            self._rows.append((frame.index + 1, track, box[0], box[1], width, height, score))

    def write(self, path: Path, persons: Mapping[int, int]) -> None:
        """Write those of tracks that became passages. persons: the number of each such track."""
        lines = [
            f"{number},{persons[track]},{left:.2f},{top:.2f},{width:.2f},{height:.2f},{score:.4f}"
            ",-1,-1,-1"
            for number, track, left, top, width, height, score in self._rows
            if track in persons
        ]
        write_whole(path, "".join(f"{line}\n" for line in lines))


def contact_sheet(path: Path, passages: Sequence[tuple[str, Passage]]) -> None:
    """A picture with a row for each (camera, passage): some of its crops, when and where.

    Raises:
        ValueError: The file's ending is not one of a picture.
    """
    form = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG"}.get(path.suffix.lower())
    if form is None:
        raise ValueError(f"a contact sheet is .png or .jpg, got {path.name}")
    rows = max(1, len(passages))
    size = _PICTURES * _WIDTH, rows * (_HEIGHT + _LABEL)
    sheet = Image.new("RGB", size, "white")
    drawing = ImageDraw.Draw(sheet)
    for row, (camera, passage) in enumerate(passages):
        top = row * (_HEIGHT + _LABEL)
        for column, look in enumerate(passage.spread(_PICTURES)[:_PICTURES]):
            # As large as the place allows: who is far away is to be seen, too.
            crop = ImageOps.contain(Image.fromarray(look.crop), (_WIDTH - 2, _HEIGHT))
            sheet.paste(crop, (column * _WIDTH, top))
        tracks = "+".join(map(str, passage.tracks))
        text = f"{camera}  track {tracks}  {passage.first:.1f}-{passage.last:.1f} s"
        drawing.text((2, top + _HEIGHT), text, fill="black")
    with replacing(path) as file:
        sheet.save(file, form)


def _label(
    drawing: ImageDraw.ImageDraw, corner: tuple[float, float], text: str, track: int, size: int
) -> None:
    """Black on the track's colour: it must be read on any wall. size: of the letters, pixels."""
    letters = ImageFont.load_default(size)
    _, _, right, bottom = drawing.textbbox((corner[0] + 3, corner[1] + 1), text, letters)
    drawing.rectangle((*corner, right + 3, bottom + 2), fill=_colour(track))
    drawing.text((corner[0] + 3, corner[1] + 1), text, "black", letters)


def _colour(track: int) -> tuple[int, int, int]:
    """One that neighbours do not have: steps of the golden ratio round the hues."""
    red, green, blue = colorsys.hsv_to_rgb(track * 0.618 % 1, 0.8, 1.0)
    return tuple(np.rint(255 * np.array([red, green, blue])).astype(int).tolist())
