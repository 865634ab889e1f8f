"""Sightings of requests that come at once are written together.

A write takes about as long for one sighting as for a hundred. One thread of each gallery writes all
that came while it made the write before; each request is answered when its own are on the disk.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue

from passerby.serve.metrics import WRITES
from passerby.stores import Store, StoreUnavailable, Written
from passerby.tables.sightings import Sightings


@dataclass(frozen=True)
class _Asked:
    sightings: Sightings
    replace: bool
    answer: Future[Written] = field(default_factory=Future)


class Writer:
    """What writes into one gallery.

    Args:
        opened: Opens the store, for this thread alone, when the first sightings come.
    """

    def __init__(self, opened: Callable[[], Store]) -> None:
        self._opened = opened
        self._store: Store | None = None
        self._asked: SimpleQueue[_Asked | None] = SimpleQueue()  # None: it is time to end
        self._thread = threading.Thread(target=self._run, name="writing", daemon=True)
        self._thread.start()

    def write(self, sightings: Sightings, *, replace: bool = False) -> Future[Written]:
        """As `Store.write`, at once with what others ask for; the sightings should fit
        (`Store.require_fitting`). What was cancelled before its turn is not written."""
        asked = _Asked(sightings, replace)
        self._asked.put(asked)
        return asked.answer

    def close(self) -> None:
        """Write what waits, and give the store back."""
        self._asked.put(None)
        self._thread.join()

    def _run(self) -> None:
        while (first := self._asked.get()) is not None:
            self._write_all([first, *self._others()])
        if self._store is not None:
            self._store.close()

    def _others(self) -> list[_Asked]:
        """What came meanwhile."""
        found: list[_Asked] = []
        while True:
            try:
                asked = self._asked.get_nowait()
            except Empty:
                return found
            if asked is None:
                self._asked.put(None)  # for after this write
                return found
            found.append(asked)

    def _write_all(self, asked: Sequence[_Asked]) -> None:
        """New ones in one write; those that replace each by itself, as of two that replace the same
        one the latter has to stay."""
        now = [one for one in asked if one.answer.set_running_or_notify_cancel()]
        new = [one for one in now if not one.replace]
        for group in ([new] if new else []) + [[one] for one in now if one.replace]:
            self._write(group)

    def _write(self, group: Sequence[_Asked]) -> None:
        try:
            self._store = self._store or self._opened()
            written = self._store.write_each(
                [one.sightings for one in group], replace=group[0].replace
            )
        except Exception as error:  # whoever asked is told, and the thread goes on
            if len(group) == 1 or isinstance(error, StoreUnavailable):
                for one in group:
                    one.answer.set_exception(error)
            else:  # so that what cannot be written keeps nothing else out
                for one in group:
                    self._write([one])
            return
        WRITES.observe(sum(len(one.sightings) for one in group))
        for one, own in zip(group, written, strict=True):
            one.answer.set_result(own)
