"""A video file: a container with times of its own, or a raw stream whose frames are counted."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from passerby.video.sources.decoding import (
    Clock,
    decoded,
    open_file,
    reason,
    require_av,
    step_of,
    upright,
    video_of,
)
from passerby.video.sources.frames import Frame, Journal, Source
from passerby.video.sources.paces import Pace

if TYPE_CHECKING:
    from av.container import InputContainer

_PART = 2**20  # bytes of the beginning and of the end that tell a file
_NO_TIMES = 0x80  # AVFMT_NOTIMESTAMPS
_EARLY = 1.0  # seconds short of its header's length that make a file one that ends early


class FileSource(Source):
    """One video file.

    start: when its first frame was taken; fps: frames a second, for files without times (raw
    streams), or to count in spite of them; last: seconds of the last frame that was decoded.

    Raises:
        ValueError: No such file, no video in it, or a raw stream without ``fps``.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        name: str = "",
        *,
        start: datetime | None = None,
        fps: float | None = None,
    ) -> None:
        super().__init__(name or Path(path).name)
        require_av()
        if fps is not None and not 0 < fps < 1000:
            raise ValueError(f"--fps must be above 0 and below 1000, got {fps}")
        self.path, self._start, self._fps = Path(path), start, fps
        if not self.path.is_file():  # opening a pipe would wait for ever
            there = os.path.lexists(path)
            raise ValueError(
                f"{path} is not an ordinary file" if there else f"no such file or folder: {path}"
            )
        self.origin = file_fingerprint(self.path)
        self.last = 0.0
        with self._open() as container:
            stream = video_of(container, self.name)
            rate = stream.average_rate or stream.guessed_rate
            self.rate = fps or (float(rate) if rate else None)
            if fps is None and _without_times(container):
                raise ValueError(
                    f"{path} is a raw stream without times: say how many frames a second it has, "
                    f"as in --fps {self.rate or 25:g}; its times are counted by that"
                )
            if stream.duration is not None and stream.time_base is not None:
                self.length = float(stream.duration * stream.time_base)
            elif container.duration is not None:
                self.length = container.duration / 1e6

    def frames(self, pace: Pace) -> Iterator[Frame]:
        """See `Source`; the journal is begun anew."""
        self.journal = Journal(self.name)
        yield from self.frames_from(pace, 0.0, self.journal)

    def frames_from(self, pace: Pace, begin: float, journal: Journal) -> Iterator[Frame]:
        """The frames, the first at ``begin`` seconds; events go into ``journal``."""
        import av

        if self._fps is not None:
            text = f"times are counted, {self._fps:g} frames a second: the file's own are not used"
            journal.note("counted", begin, text)
        with self._open() as container:
            stream = video_of(container, self.name)
            clock = Clock(journal, self._fps, step_of(stream), begin)
            some = False
            try:
                for index, seconds, picture in decoded(container, stream, clock, journal):
                    some, self.last = True, seconds
                    if pace.takes(index, seconds):
                        since = timedelta(seconds=seconds - begin)
                        time = self._start.astimezone(UTC) + since if self._start else None
                        pixels = upright(picture)
                        yield Frame(pixels, seconds, time, index, self.name, self.origin)
            except av.error.FFmpegError as error:
                text = f"the file cannot be read on: {reason(error)}"
                journal.note("early end", clock.last, text)
        if not some:
            raise ValueError(f"not one frame of {self.path} can be decoded: is it damaged?")
        self._note_early_end(clock.last - begin, begin, journal)

    def _note_early_end(self, last: float, begin: float, journal: Journal) -> None:
        ended = any(event.kind == "early end" for event in journal.events)
        if self.length is not None and self._fps is None and not ended:
            short = self.length - last
            if short > _EARLY:
                text = f"the file ends {short:.1f} s before the {self.length:.1f} s of its header"
                journal.note("early end", begin + last, text, short)

    def _open(self) -> InputContainer:
        import av

        try:
            return open_file(str(self.path))
        except av.error.FFmpegError as error:
            raise ValueError(
                f"{self.path} is no video that can be read ({reason(error)}); one whose recording "
                "was cut off lacks its table of contents"
            ) from None


def file_fingerprint(path: Path) -> str:
    """32 hexadecimal digits of a file's size, beginning and end: whole ones take minutes to read.

    Raises:
        OSError: It cannot be read.
    """
    digest = hashlib.sha256()
    size = path.stat().st_size
    digest.update(size.to_bytes(8, "little"))
    with path.open("rb") as opened:
        digest.update(opened.read(_PART))
        opened.seek(max(0, size - _PART))
        digest.update(opened.read(_PART))
    return digest.hexdigest()[:32]


def _without_times(container: InputContainer) -> bool:
    return bool(int(container.format.flags) & _NO_TIMES)
