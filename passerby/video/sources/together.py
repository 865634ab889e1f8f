"""Several sources at once: files in turns, streams as they come, none waiting for another."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Generator, Sequence
from contextlib import suppress

from passerby.video.sources.frames import Frame, Source
from passerby.video.sources.paces import Pace

_HELD = 4  # frames of a live source that may wait
_NAP = 0.02  # seconds, when no source has anything


def frames_together(
    sources: Sequence[tuple[Source, Pace]], stopped: Callable[[], bool] = lambda: False
) -> Generator[tuple[int, Frame], None, None]:
    """(number of the source, frame) until all sources have ended, or ``stopped()``, which is asked
    before each frame and while none comes.

    Frames of one source come in their order, of files all that the pace takes, whatever the other
    sources do: what is made of a source does not depend on its neighbours. Of live sources those
    are dropped for which there is no time, which is written in their journal.

    Raises:
        ValueError: What a source raises.
    """
    threads = [_Live(source, pace) if source.live else None for source, pace in sources]
    files = [None if source.live else source.frames(pace) for source, pace in sources]
    open_ones = list(range(len(sources)))
    try:
        while open_ones:
            idle = True
            for number in tuple(open_ones):
                if stopped():
                    return
                live, file = threads[number], files[number]
                frame = live.take() if live is not None else next(file or iter(()), None)
                if frame is not None:
                    idle = False
                    yield number, frame
                elif live is None or live.ended:
                    open_ones.remove(number)
                    idle = False
            if idle:
                threading.Event().wait(_NAP)
    finally:
        for source, _ in sources:
            source.stop()


class _Live:
    """A live source, read in a thread of its own."""

    def __init__(self, source: Source, pace: Pace) -> None:
        self._source, self._pace = source, pace
        self._frames: queue.Queue[Frame] = queue.Queue(_HELD)
        self._error: Exception | None = None
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    @property
    def ended(self) -> bool:
        """Whether nothing more comes."""
        return not self._thread.is_alive() and self._frames.empty() and self._error is None

    def take(self) -> Frame | None:
        """The oldest frame that waits, if there is one."""
        with suppress(queue.Empty):
            return self._frames.get_nowait()
        if self._error is not None and not self._thread.is_alive():
            raise self._error
        return None

    def _read(self) -> None:
        try:
            for frame in self._source.frames(self._pace):
                if self._frames.full():
                    with suppress(queue.Empty):
                        self._frames.get_nowait()
                    self._pace.fell_behind()
                    self._source.journal.count("dropped", frame.seconds, "frames were dropped")
                self._frames.put(frame)
        except Exception as error:
            self._error = error  # raised again where the frames are taken
