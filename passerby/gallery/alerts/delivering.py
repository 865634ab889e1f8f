"""Delivery: what waits in a ledger goes to its addresses, in order, again and again until taken."""

from __future__ import annotations

import json
import threading
import time
from pathlib import Path
from types import TracebackType
from uuid import uuid4

from filelock import FileLock, Timeout

from passerby.gallery.alerts.ledger import Delivery, Ledger
from passerby.gallery.alerts.sinks.addresses import open_sink, shown
from passerby.gallery.alerts.sinks.sink import NotTaken
from passerby.process.reporting import say
from passerby.process.spelling import count_of
from passerby.stores.about import Alert

LONGEST = 60.0
"""Seconds between two tries at most; they begin at one and double."""

_LOOK = 0.5  # seconds between two looks for new hits


def deliver(ledger: Ledger, seconds: float = 30.0) -> int:
    """Try for so long to deliver what waits; returns how many deliveries wait still.

    Of each address the order is kept: a hit goes only when those before it have gone. Another
    process that delivers at this time is waited for.
    """
    return _Round(ledger).until_done(time.monotonic() + seconds)


class Courier:
    """Delivers in a thread of its own while the context lasts; at its end what waits is tried for
    ``patience`` seconds more, and what stays is said.

    path: of the ledger.
    """

    def __init__(self, path: Path, patience: float = 10.0) -> None:
        self._path, self._patience = path, patience
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="alerts", daemon=True)

    def __enter__(self) -> Courier:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop.set()
        self._thread.join()
        ledger = Ledger(self._path)
        try:
            left = deliver(ledger, self._patience) if kind is None else ledger.count_waiting()
        finally:
            ledger.close()
        if left:
            say(
                f"{count_of(left, 'delivery of a hit waits', 'deliveries of hits wait')}, to go "
                "with the next passerby watch, or with passerby gallery alert deliver"
            )

    def _run(self) -> None:
        ledger = Ledger(self._path)
        try:
            work = _Round(ledger)
            while not self._stop.wait(_LOOK):
                work.step()
        finally:
            ledger.close()


class _Round:
    """Tries, with for each address the time of the next one."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._lock = FileLock(ledger.path.with_suffix(".lock"))
        self._next: dict[str, float] = {}
        self._pause: dict[str, float] = {}
        self._told: set[str] = set()

    def until_done(self, end: float) -> int:
        while True:
            self.step()
            left = self._ledger.count_waiting()
            if not left or time.monotonic() >= end:
                return left
            time.sleep(min(_LOOK, max(0.0, end - time.monotonic())))

    def step(self) -> None:
        """Try every address that is due, once; nothing where another process is at it."""
        due = [one for one in self._ledger.waiting() if self._is_due(one.address)]
        if not due:
            return
        try:
            with self._lock.acquire(timeout=0):
                for one in due:
                    self._address(one.address)
        except Timeout:
            return

    def _is_due(self, address: str) -> bool:
        return time.monotonic() >= self._next.get(address, 0.0)

    def _address(self, address: str) -> None:
        """All that waits for an address, until one is not taken."""
        try:
            sink = open_sink(address)
        except NotTaken as error:
            waiting = self._ledger.waiting(address)
            if waiting:
                self._put_off(waiting[0], str(error))
            return
        for one in self._ledger.waiting(address):
            try:
                sink.send(one.id, one.payload)
            except NotTaken as error:
                self._put_off(one, str(error))
                return
            self._ledger.delivered(one)
            self._pause.pop(address, None)
            self._told.discard(address)

    def _put_off(self, one: Delivery, reason: str) -> None:
        self._ledger.failed(one, reason)
        pause = min(LONGEST, 2 * self._pause.get(one.address, 0.5))
        self._pause[one.address] = pause
        self._next[one.address] = time.monotonic() + pause
        if one.address not in self._told:  # once, and again after it has worked
            self._told.add(one.address)
            say(f"a hit waits: {shown(one.address)}: {reason}; it is tried again")


def send_test(alert: Alert, gallery: str) -> list[str]:
    """Send a message without a person to each address of an alert; returns what became of each."""
    lines = []
    for address in alert.to:
        hit = uuid4().hex
        payload = {"format": 1, "id": hit, "gallery": gallery, "alert": alert.name, "test": True}
        try:
            open_sink(address).send(hit, json.dumps(payload))
            lines.append(f"sent: {shown(address)}")
        except NotTaken as error:
            lines.append(f"not taken: {shown(address)}: {error}")
    return lines
