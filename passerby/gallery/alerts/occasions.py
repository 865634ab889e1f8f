"""Occasions: hits of one alert within an hour, as when somebody walks past several cameras.

A hit that nobody judged counts as a stranger who came so near, and makes the threshold stricter.
Were that so at once, the next camera would miss whoever the first has found. So a hit counts an
hour after it was seen, and of the hits of an occasion the first alone.
"""

from __future__ import annotations

import json
from datetime import datetime

import numpy as np

from passerby.gallery.alerts.ledger import Ledger
from passerby.tables.times import moment

HOUR = np.timedelta64(1, "h")


class Occasions:
    """The hits of one alert that nobody has judged, by the first sighting of their passage."""

    def __init__(self) -> None:
        self._first: np.datetime64 | None = None
        self._fresh: list[str] = []
        self._later: set[str] = set()

    @classmethod
    def of(cls, ledger: Ledger, alert: str) -> Occasions:
        """As a ledger has them."""
        found = cls()
        for hit in ledger.hits(alert):
            payload = json.loads(hit.payload) if hit.payload and hit.judged is None else {}
            if payload.get("from"):
                found.add(payload["passage"], moment(datetime.fromisoformat(payload["from"])))
        return found

    def add(self, passage: str, time: np.datetime64) -> None:
        """A new hit; one without a time counts at once."""
        if np.isnat(time):
            return
        if self._first is not None and abs(time - self._first) < HOUR:
            self._later.add(passage)
        else:
            self._first, self._fresh = time, [passage]

    def left_out(self, now: np.datetime64) -> set[str]:
        """Passages that do not count as strangers' at this time."""
        recent = self._first is not None and not np.isnat(now) and abs(now - self._first) < HOUR
        return self._later | {*self._fresh} if recent else self._later
