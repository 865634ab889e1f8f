"""A file that grows by a line of JSON for each hit, on the disk before it counts as taken."""

from __future__ import annotations

import os
from pathlib import Path

from passerby.gallery.alerts.sinks.sink import NotTaken, Sink

_LAST = 1 << 20  # bytes at the end in which the last line lies


class JsonLines(Sink):
    """Lines of a file that only its owner may read. What a kill left of a line is ended there, and
    the last line is not written twice."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def send(self, hit: str, payload: str) -> None:
        """See `Sink`."""
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with open(self._path, "a+b", opener=_private) as file:
                last = self._last(file.fileno())
                if f'"id": "{hit}"'.encode() in last and last.endswith(b"\n"):
                    return
                torn = last and not last.endswith(b"\n")
                file.write((b"\n" if torn else b"") + payload.encode() + b"\n")
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise NotTaken(error.strerror or str(error)) from None

    @staticmethod
    def _last(number: int) -> bytes:
        """The last line, whole or torn."""
        size = os.fstat(number).st_size
        with os.fdopen(os.dup(number), "rb") as file:
            file.seek(max(0, size - _LAST))
            text = file.read()
        return text[text.rfind(b"\n", 0, max(0, len(text) - 1)) + 1 :]


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
