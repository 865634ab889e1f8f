"""The contract of sources: frames with true times, and a journal of what went wrong with them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from passerby.video.sources.paces import Pace

Kind = Literal["counted", "gap", "corrupt", "clock", "size", "early end", "dropped", "overlap"]
"""counted: times are numbers of frames, not read; gap: time that nobody saw; corrupt: frames that
could not be decoded; clock: times that went back; size: another size of picture from here on; early
end: a file that stops before its header says; dropped: frames for which there was no time; overlap:
a file that begins before the one before it ends."""


@dataclass(frozen=True, eq=False)
class Frame:
    """One picture of a video.

    pixels: uint8 [H, W, 3] in RGB, upright; seconds: since its source began, growing; time: in UTC,
    None where it is not known when the source began; index: its number within its file or
    connection, from 0, those that were passed over counted; source: the source's name; origin: 32
    hexadecimal digits, the fingerprint of its file or connection.
    """

    pixels: NDArray[np.uint8]
    seconds: float
    time: datetime | None
    index: int
    source: str
    origin: str


@dataclass(frozen=True)
class Event:
    """Something that whoever trusts a source should know.

    seconds: of the source, when it began; lasted: for how long; count: of how many frames.
    """

    source: str
    kind: Kind
    seconds: float
    text: str
    lasted: float = 0.0
    count: int = 0

    def __str__(self) -> str:
        return f"{self.source} at {self.seconds:.1f} s: {self.text}"


class Journal:
    """The events of a source, each kind that comes in numbers as one event with a count."""

    def __init__(self, source: str) -> None:
        self._source = source
        self._events: list[Event] = []
        self._counted: dict[Kind, int] = {}

    @property
    def events(self) -> tuple[Event, ...]:
        """In the order in which they began."""
        return tuple(self._events)

    def note(self, kind: Kind, seconds: float, text: str, lasted: float = 0.0) -> None:
        """Write down one event."""
        self._events.append(Event(self._source, kind, seconds, text, lasted))

    def count(self, kind: Kind, seconds: float, text: str) -> None:
        """Write down one more of what may come thousands of times; text: after the number."""
        if kind not in self._counted:
            self._counted[kind] = len(self._events)
            self._events.append(Event(self._source, kind, seconds, text))
        place = self._counted[kind]
        first = self._events[place]
        many = first.count + 1
        self._events[place] = replace(
            first, count=many, lasted=seconds - first.seconds, text=f"{many} {text}"
        )


class Source(ABC):
    """Something that gives frames: a file, a folder of files, a stream.

    name: for people, without passwords; live: it goes on whether its frames are taken or not;
    length: in seconds, None where it is not known; rate: frames a second as its header says, None
    where it says nothing.
    """

    live = False

    def __init__(self, name: str) -> None:
        self.name = name
        self.journal = Journal(name)
        self.length: float | None = None
        self.rate: float | None = None

    @abstractmethod
    def frames(self, pace: Pace) -> Iterator[Frame]:
        """The frames that the pace takes, from the beginning, in the order of their times.

        Raises:
            ValueError: What it is cannot be read, or not a single frame of it.
        """

    def stop(self) -> None:  # noqa: B027 - files have nothing to stop
        """Let `frames` end soon; for sources that wait."""
