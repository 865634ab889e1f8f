"""Which frames of a source are looked at: every Nth, or so many a second."""

from __future__ import annotations

from abc import ABC, abstractmethod

RATE = 10.0
"""Frames a second of ``--stride auto``: walking persons overlap themselves from one to the next."""

_SLOWEST = 1.0  # frames a second; below, trackers lose who walks
_EASING = 1.02  # by which a rate that was lowered grows again with each frame in time


class Pace(ABC):
    """Says for one frame after another whether it is taken."""

    @abstractmethod
    def takes(self, index: int, seconds: float) -> bool:
        """Whether the frame of this number and time is looked at; called once for each frame."""

    def fell_behind(self) -> None:  # noqa: B027 - who counts frames goes on counting
        """Told that a live source gave a frame for which there was no time."""


class EveryNth(Pace):
    """Frames 0, n, 2n…, whatever their times.

    Raises:
        ValueError: n is below 1.
    """

    def __init__(self, n: int) -> None:
        if n < 1:
            raise ValueError(f"--stride must be auto or at least 1, got {n}")
        self._n = n

    def takes(self, index: int, seconds: float) -> bool:
        """Every nth."""
        return index % self._n == 0


class PerSecond(Pace):
    """At most ``rate`` frames a second of the video's own time; fewer while a live source is
    ahead of the work, down to one a second.

    Raises:
        ValueError: rate is not above 0.
    """

    def __init__(self, rate: float = RATE) -> None:
        if not rate > 0:
            raise ValueError(f"expected a rate above 0 frames a second, got {rate}")
        self._wanted = self._rate = rate
        self._due = float("-inf")

    def takes(self, index: int, seconds: float) -> bool:
        """Where the time for the next one has come; a little early is in time."""
        step = 1 / self._rate
        if seconds < self._due - step / 8:
            return False
        # On a grid, so that 25 frames a second give 10 and not 8.3; anew after a gap.
        self._due = max(self._due + step, seconds + step / 2)
        self._rate = min(self._wanted, self._rate * _EASING)
        return True

    def fell_behind(self) -> None:
        """Take fewer for a while."""
        self._rate = min(self._wanted, max(_SLOWEST, self._rate * 0.8))


def pace_of(stride: str, budget: float | None, sources: int) -> Pace:
    """The pace of one of so many sources.

    stride: "auto" or a number; budget: frames a second over all sources, for "auto" (None: `RATE`
    each).

    Raises:
        ValueError: stride is neither, or budget is not above 0 or goes with a number.
    """
    if stride == "auto":
        return PerSecond(RATE if budget is None else budget / max(1, sources))
    if not stride.isascii() or not stride.isdecimal():
        raise ValueError(f"--stride must be auto or a whole number from 1, got {stride!r}")
    if budget is not None:
        raise ValueError("--budget is for --stride auto: a number takes as many as it takes")
    return EveryNth(int(stride))
