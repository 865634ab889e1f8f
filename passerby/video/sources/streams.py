"""A stream over a network, RTSP or HTTP: it stalls, it goes, and it is taken up again."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

from passerby.process.spelling import count_of
from passerby.video.sources.decoding import (
    Clock,
    Stalled,
    decoded,
    open_stream,
    reason,
    require_av,
    step_of,
    upright,
    video_of,
)
from passerby.video.sources.frames import Frame, Journal, Source
from passerby.video.sources.paces import Pace

SCHEMES = frozenset({"rtsp", "rtsps", "rtmp", "rtmps", "http", "https", "srt", "udp", "tcp"})


@dataclass(frozen=True)
class Patience:
    """Seconds: opening, reading: until a connection counts as gone; pause: before it is tried
    again, doubled each time up to ``longest``; first: tries until the first connection."""

    opening: float = 10.0
    reading: float = 10.0
    pause: float = 1.0
    longest: float = 30.0
    first: int = 3


class StreamSource(Source):
    """A camera's stream. It ends when `stop` is called, or with the file that it turns out to be.

    now: the time in UTC. Frames have the time at which the first of their connection came, and
    from there on that of the camera's clock.

    Raises:
        ValueError: The address is not one of a stream.
    """

    live = True

    def __init__(
        self,
        url: str,
        name: str = "",
        *,
        patience: Patience = Patience(),
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        super().__init__(name or shown_url(url))
        require_av()
        self._url, self._patience, self._now = url, patience, now
        self._stopped = threading.Event()
        self._began: datetime | None = None
        self._last, self._why, self._ends = 0.0, "", False

    def stop(self) -> None:
        """End after the frame that is on its way."""
        self._stopped.set()

    def frames(self, pace: Pace) -> Iterator[Frame]:
        """See `Source`; after a gap, frames come from another origin."""
        import av

        self.journal = Journal(self.name)
        self._began, failed = None, 0
        while not self._stopped.is_set():
            try:
                for frame in self._connection(pace):
                    failed = 0
                    yield frame
                    if self._stopped.is_set():
                        return
                if self._ends:
                    return
                why = "the other side ended it"
            except (av.error.FFmpegError, Stalled) as error:
                why = reason(error)
            failed += 1
            self._give_up(why, failed)
            seconds = min(self._patience.longest, self._patience.pause * 2 ** (failed - 1))
            self._stopped.wait(seconds)

    def _give_up(self, why: str, failed: int) -> None:
        """Where going on makes no sense: nothing ever came, or a file would begin again."""
        if self._began is None and failed >= self._patience.first:
            raise ValueError(
                f"{self.name} gives no video ({why}; tried {count_of(failed, 'time')}): is the "
                "address right, and the camera on?"
            )
        if self._ends:
            self.journal.note("early end", self._last, f"the connection broke: {why}")
            self._stopped.set()
        elif failed == 1:
            self._why = why

    def _connection(self, pace: Pace) -> Iterator[Frame]:
        """The frames of one connection; its end is no error."""
        limits = self._patience
        with open_stream(self._url, limits.opening, limits.reading) as container:
            stream = video_of(container, self.name)
            self.rate = float(stream.average_rate) if stream.average_rate else None
            self.length = None if container.duration is None else container.duration / 1e6
            # What states its length, in seconds or in bytes, is a file that somebody serves.
            by_http = self._url.startswith("http")
            self._ends = self.length is not None or (by_http and container.size > 0)
            clock, origin = None, ""
            times = Clock(self.journal, None, step_of(stream))
            pictures = decoded(container, stream, times, self.journal, limits.reading)
            for index, since, picture in pictures:
                if clock is None:
                    clock = self._connected() - since
                    origin = self._origin(clock + since)
                seconds = self._last = clock + since
                if pace.takes(index, seconds):
                    assert self._began is not None
                    moment = self._began + timedelta(seconds=seconds)
                    yield Frame(upright(picture), seconds, moment, index, self.name, origin)

    def _connected(self) -> float:
        """Seconds of the first frame of a connection; the gap before it is written down."""
        now = self._now()
        if self._began is None:
            self._began = now
            return 0.0
        seconds = max((now - self._began).total_seconds(), self._last + 0.001)
        gone = seconds - self._last
        self.journal.note("gap", self._last, f"gone for {gone:.1f} s: {self._why}", gone)
        return seconds

    def _origin(self, seconds: float) -> str:
        assert self._began is not None
        text = f"{self.name} {self._began.isoformat()} {seconds:.6f}"
        return hashlib.sha256(text.encode()).hexdigest()[:32]


def shown_url(url: str) -> str:
    """An address without what may be secret: no user, no password, no query.

    Raises:
        ValueError: It is not one of a stream.

    Examples:
        >>> shown_url("rtsp://admin:secret@10.0.0.5:554/door?password=secret")
        'rtsp://10.0.0.5:554/door'
    """
    try:
        parts = urlsplit(url)
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        raise ValueError(
            "the address of a stream cannot be understood: a port is a number"
        ) from None
    if parts.scheme not in SCHEMES or not parts.hostname:
        known = ", ".join(f"{scheme}://" for scheme in sorted(SCHEMES))
        raise ValueError(f"expected the address of a stream ({known}), got {parts.scheme}://…")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return f"{parts.scheme}://{host}{port}{parts.path}"
