"""The audit log: who searched, added, named, merged, deleted what and when; only appended to.

Each line is a JSON object with the hash of the line before it and its own, so that a change, a lost
line or another order shows. What lies at the end can be cut off, and who may write the file can
write all of it anew: note the hash of the last line elsewhere now and then, and ask for it.

A line is written whole under a lock and is on the disk when the call returns; those that come
meanwhile go to the disk together. What a kill leaves of a line was told to nobody, and is cut off
by the next who writes, who says so in a line of its own.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import threading
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

from filelock import FileLock

from passerby.process.json_files import parse_object
from passerby.process.spelling import count_of
from passerby.process.whole_files import explain_disk_full

LOG = "audit.jsonl"

FIRST = "0" * 64
"""The hash that the first line has of the line before it."""

_POLL = 0.002  # seconds between two tries to get the lock
_BLOCK = 65_536  # bytes that are read at once from the end
_SEALED = re.compile(rb'(\{.*),"hash":"([0-9a-f]{64})"\}')


@dataclass(frozen=True)
class Check:
    """lines: that were found whole and in order; problem: the first that is not, "" where there is
    none; last: the hash of the last whole line."""

    lines: int
    problem: str
    last: str

    def __str__(self) -> str:
        if self.problem:
            return self.problem
        return (
            f"{count_of(self.lines, 'line')}, each as it was written; the last has the hash "
            f"{self.last}"
        )


@dataclass
class _Entry:
    """What waits to be written; error: why it could not be."""

    by: str
    did: str
    details: Mapping[str, object]
    done: bool = False
    error: Exception | None = None


@dataclass(frozen=True)
class _End:
    """Where the log ends: bytes of whole lines, the number and hash of the last one."""

    size: int
    number: int
    hash: str


class Audit:
    """The log ``audit.jsonl`` in a folder, which only its owner may read. It may be used from
    several threads and processes.

    repaired: what was mended when it was opened, "" for nothing.

    Raises:
        ValueError: Its last line is not one of an audit log.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / LOG
        self._lock = threading.Lock()
        self._waiting: deque[_Entry] = deque()
        self._file_lock = FileLock(folder / "audit.lock", mode=0o600)
        self._end = _End(0, 0, FIRST)
        self.repaired = ""
        with self._lock, self._opened() as file:
            self._find_end(file)

    def write(self, by: str, did: str, details: Mapping[str, object]) -> None:
        """Keep that somebody did something; on return it is on the disk.

        Args:
            by: Name of the key.
            did: "search", "add", ...
            details: What with, as JSON can hold it: no vectors, no pictures.

        Raises:
            ValueError: The disk is full, the log is damaged, or JSON cannot hold the details.
            TypeError: Likewise.
        """
        json.dumps(details, allow_nan=False)  # so that it spoils nobody else's line
        entry = _Entry(by, did, details)
        self._waiting.append(entry)
        with self._lock:
            if not entry.done:  # else another thread has taken it along
                self._write_waiting()
        if entry.error is not None:
            raise entry.error

    def lines(self, newest: int, before: int | None = None) -> tuple[Mapping[str, Any], ...]:
        """The newest lines, of those with a lesser number than ``before``, the newest first; what
        cannot be read as one is left out (`check` says so)."""
        found: list[Mapping[str, Any]] = []
        for text in _backwards(self.path):
            if len(found) == newest:
                break
            line = _line(text)
            if line is not None and (before is None or line["number"] < before):
                found.append(line)
        return tuple(found)

    def check(self, known: str = "") -> Check:
        """Whether every line is as it was written, after the one that it was written after.

        Args:
            known: A hash that was noted of a last line earlier; it must be among them.
        """
        return check_lines(self.path, known)

    def _write_waiting(self) -> None:
        taken = [self._waiting.popleft() for _ in range(len(self._waiting))]
        try:
            with self._opened() as file:
                self._find_end(file)
                self._append(file, taken)
        except (OSError, ValueError) as error:
            for entry in taken:
                entry.error = error
        for entry in taken:
            entry.done = True

    @contextmanager
    def _opened(self) -> Iterator[IO[bytes]]:
        """The file, while no other process has it."""
        with self._file_lock.acquire(poll_interval=_POLL):
            number = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600)
            with open(number, "r+b", buffering=0) as file:
                yield file

    def _find_end(self, file: IO[bytes]) -> None:
        """Where the log ends now, what a kill left of a line being cut off."""
        size = file.seek(0, os.SEEK_END)
        if size == self._end.size:
            return
        torn = b""
        end = _End(0, 0, FIRST)
        for text in _backwards(self.path):
            if not text.endswith(b"\n"):
                torn = text
                continue
            line = _line(text)
            if line is None:
                raise ValueError(
                    f"the last line of {self.path} is none of an audit log: keep the file apart, "
                    "and a new one will be begun"
                )
            end = _End(size - len(torn), line["number"], line["hash"])
            break
        self._end = end
        if torn:
            self._repair(file, torn)

    def _repair(self, file: IO[bytes], torn: bytes) -> None:
        file.truncate(self._end.size)
        told = {"bytes": len(torn), "sha256": hashlib.sha256(torn).hexdigest()}
        self._append(file, [_Entry("", "repair", told)])
        self.repaired = (
            "the last line of the audit log was cut off by a kill: its "
            f"{count_of(len(torn), 'byte was', 'bytes were')} taken away, and a line says so"
        )

    def _append(self, file: IO[bytes], entries: Sequence[_Entry]) -> None:
        """All of them, or none."""
        lines, end = [], self._end
        for entry in entries:
            line, end = _sealed(entry, end)
            lines.append(line)
        left = memoryview(b"".join(lines))
        file.seek(self._end.size)
        try:
            with explain_disk_full(self.path, len(left)):
                while left:
                    left = left[file.write(left) :]
                os.fsync(file.fileno())
        except (OSError, ValueError):
            file.truncate(self._end.size)  # what was not told of must not stand there
            raise
        self._end = end


def _sealed(entry: _Entry, end: _End) -> tuple[bytes, _End]:
    """The line of an entry after an end of the log, and where the log ends then."""
    content = {
        "number": end.number + 1,
        "at": datetime.now(UTC).isoformat(timespec="milliseconds"),
        "by": entry.by,
        "did": entry.did,
        "details": entry.details,
        "before": end.hash,
    }
    text = json.dumps(content, separators=(",", ":")).encode()
    own = hashlib.sha256(text).hexdigest()
    line = text[:-1] + f',"hash":"{own}"}}\n'.encode()
    return line, _End(end.size + len(line), end.number + 1, own)


def check_lines(path: Path, known: str = "") -> Check:
    """`Audit.check` of a file that may be written meanwhile, or be a copy of one."""
    number, last, seen = 0, FIRST, known == ""
    try:
        with path.open("rb") as file:
            for text in file:
                problem = _fault(text, number + 1, last)
                if problem:
                    return Check(number, f"line {number + 1} {problem}", last)
                number, last = number + 1, _hash_of(text)
                seen = seen or last == known
    except FileNotFoundError:
        pass
    if not seen:
        return Check(number, f"no line has the hash {known}: lines were taken away", last)
    return Check(number, "", last)


def _fault(text: bytes, number: int, before: str) -> str:
    """What is wrong with a line that should have this number and follow this hash."""
    if not text.endswith(b"\n"):
        return "is cut off, as a kill leaves it: the server mends it when it starts"
    line = _line(text)
    if line is None:
        return "is none of an audit log"
    content = _SEALED.fullmatch(text[:-1])
    assert content is not None
    if hashlib.sha256(content[1] + b"}").hexdigest() != line["hash"]:
        return "is not as it was written"
    if line["before"] != before or line["number"] != number:
        return f"(number {line['number']}) was not written after the line before it"
    return ""


def _line(text: bytes) -> Mapping[str, Any] | None:
    """A line's fields; None for what is no line of a log."""
    if _SEALED.fullmatch(text.rstrip(b"\n")) is None:
        return None
    try:
        line = parse_object(text, "a line")
    except ValueError:
        return None
    known = {"number": int, "at": str, "by": str, "did": str, "before": str, "hash": str}
    fits = all(type(line.get(name)) is kind for name, kind in known.items())
    return line if fits and isinstance(line.get("details"), dict) else None


def _hash_of(text: bytes) -> str:
    content = _SEALED.fullmatch(text[:-1])
    assert content is not None
    return content[2].decode()


def _backwards(path: Path) -> Iterator[bytes]:
    """The lines of a file from its last, each with its end of line where it has one."""
    try:
        file = path.open("rb")
    except FileNotFoundError:
        return
    with file:
        start = file.seek(0, os.SEEK_END)
        kept = b""
        while start > 0:
            size = min(_BLOCK, start)
            start -= size
            file.seek(start)
            kept = file.read(size) + kept
            first = kept.find(b"\n") + 1
            if start > 0 and not 0 < first < len(kept):
                continue  # not one whole line yet
            *lines, end = (kept if start == 0 else kept[first:]).split(b"\n")
            yield from filter(None, [end, *(line + b"\n" for line in reversed(lines))])
            kept = b"" if start == 0 else kept[:first]
