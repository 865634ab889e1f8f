"""Passages: one person, one camera, one stay; made of tracks, kept small while they last."""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from passerby.video.continuity import SPAN, Course, course
from passerby.video.sources.frames import Frame
from passerby.video.tracking import HOLD, Tracked

LOOKS = 3
"""Frames in which a track must be seen to be a passage."""

_MOST = 16  # crops that are kept at once, unless they lie far apart
_FAR = 25.0  # seconds: crops so far apart are not thinned, or the stay would fall apart
SPREAD = 5
"""Crops of a passage that are embedded: evenly spaced ones beat the best ones by quality."""


@dataclass(frozen=True, eq=False)
class Look:
    """A person in one frame: box [4] float32 in its pixels, crop uint8 [h, w, 3] in RGB; the rest
    as in `Frame`."""

    seconds: float
    time: datetime | None
    index: int
    origin: str
    box: NDArray[np.float32]
    score: float
    crop: NDArray[np.uint8]

    @property
    def id(self) -> str:
        """32 hexadecimal digits, the same whenever the same file is watched in the same way."""
        corners = " ".join(str(round(float(value))) for value in self.box)
        text = f"{self.origin} {self.index} {corners}"
        return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


@dataclass(eq=False)
class Passage:
    """A stay of one person before one camera.

    tracks: their numbers, several where pieces were joined; first, last: seconds of the source;
    count: frames in which it was seen; looks: some of them, evenly over the time, with the first
    and the last; spans: (first, last) of each piece; entry, exit: how it began and ended, None
    where that is not known.
    """

    source: str
    tracks: tuple[int, ...]
    first: float
    last: float
    count: int = 0
    looks: list[Look] = field(default_factory=list)
    spans: tuple[tuple[float, float], ...] = ()
    entry: Course | None = None
    exit: Course | None = None

    @property
    def id(self) -> str:
        """That of its first look."""
        return self.looks[0].id

    def spread(self, most: int = SPREAD) -> list[Look]:
        """Looks evenly over the time: as many, or as it takes to have one every half minute."""
        wanted = max(most, int((self.last - self.first) / _FAR) + 1)
        if len(self.looks) <= wanted:
            return list(self.looks)
        seconds = np.array([look.seconds for look in self.looks])
        # The middles of equal parts: at both ends persons are cut by the picture's edge.
        parts = (np.arange(wanted) + 0.5) / wanted
        at = self.first + parts * (self.last - self.first)
        chosen = sorted({int(np.abs(seconds - one).argmin()) for one in at})
        return [self.looks[number] for number in chosen]

    def joined_with(self, later: Passage) -> Passage:
        """Both as one; the earlier one gives the id."""
        return Passage(
            self.source,
            self.tracks + later.tracks,
            self.first,
            max(self.last, later.last),
            self.count + later.count,
            [*self.looks, *later.looks],
            self.spans + later.spans,
            self.entry,
            later.exit,
        )


class Passages:
    """The passages of one source, from its tracks.

    hold: seconds without a look that end one; least: looks of the shortest that counts.
    """

    def __init__(self, source: str, hold: float = HOLD, least: int = LOOKS) -> None:
        self._source, self._hold, self._least = source, hold, least
        self._open: dict[int, _Growing] = {}

    @property
    def begun(self) -> float:
        """Seconds at which the first of those that go on began; infinity where none does."""
        return min((one.passage.first for one in self._open.values()), default=float("inf"))

    def take(self, frame: Frame, tracked: Tracked) -> Iterator[Passage]:
        """Take over a frame's tracks; gives the passages that have ended by then."""
        for track, box, score in zip(
            tracked.tracks.tolist(), tracked.boxes, tracked.scores.tolist(), strict=True
        ):
            if track not in self._open:
                self._open[track] = _Growing(
                    Passage(self._source, (track,), frame.seconds, frame.seconds)
                )
            self._open[track].see(frame, box, score)
        for track, growing in list(self._open.items()):
            if frame.seconds - growing.passage.last > self._hold:
                del self._open[track]
                yield from self._whole(growing)

    def end(self) -> Iterator[Passage]:
        """Those that go on when the source ends."""
        for growing in self._open.values():
            yield from self._whole(growing)
        self._open = {}

    def _whole(self, growing: _Growing) -> Iterator[Passage]:
        if growing.passage.count >= self._least:
            yield growing.ended()


class _Growing:
    """A passage that goes on: crops are thinned to every other whenever there are too many."""

    def __init__(self, passage: Passage) -> None:
        self.passage = passage
        self._spacing = 0.0
        self._newest: Look | None = None
        self._began: list[tuple[float, NDArray[np.float32]]] = []
        self._recent: deque[tuple[float, NDArray[np.float32]]] = deque()
        self._shape: tuple[int, ...] = ()

    def see(self, frame: Frame, box: NDArray[np.float32], score: float) -> None:
        passage = self.passage
        self._move(frame, box)
        passage.last, passage.count = frame.seconds, passage.count + 1
        looks = passage.looks
        if looks and frame.seconds - looks[-1].seconds < self._spacing:
            self._newest = _look(frame, box, score)
            return
        looks.append(_look(frame, box, score))
        self._newest = None
        if len(looks) >= _MOST and self._spacing < _FAR:
            passage.looks = looks[::2]
            self._newest = None if passage.looks[-1] is looks[-1] else looks[-1]
            mean = (looks[-1].seconds - looks[0].seconds) / (len(looks) - 1)
            self._spacing = max(2 * mean, 1.5 * self._spacing)

    def _move(self, frame: Frame, box: NDArray[np.float32]) -> None:
        """Remember the boxes of the first and of the last second."""
        self._shape = frame.pixels.shape
        if frame.seconds - self.passage.first <= SPAN:
            self._began.append((frame.seconds, box.copy()))
        self._recent.append((frame.seconds, box.copy()))
        while frame.seconds - self._recent[0][0] > SPAN:
            self._recent.popleft()

    def ended(self) -> Passage:
        passage = self.passage
        if self._newest is not None:
            passage.looks.append(self._newest)
        passage.spans = ((passage.first, passage.last),)
        passage.entry = course(self._began, self._shape, ending=False)
        passage.exit = course([*self._recent], self._shape, ending=True)
        return passage


def _look(frame: Frame, box: NDArray[np.float32], score: float) -> Look:
    height, width = frame.pixels.shape[:2]
    left, top = (max(0, int(value)) for value in np.floor(box[:2]))
    right, bottom = (int(value) for value in np.ceil(box[2:]))
    # Trackers may move a box out of the picture: at least one pixel of it stays.
    left, top = min(left, width - 1), min(top, height - 1)
    right, bottom = min(max(right, left + 1), width), min(max(bottom, top + 1), height)
    crop = frame.pixels[top:bottom, left:right].copy()
    return Look(frame.seconds, frame.time, frame.index, frame.origin, box.copy(), score, crop)
