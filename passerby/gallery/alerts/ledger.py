"""The ledger of hits: what was found, what people said of it, and what is still to be delivered.

A SQLite file in the gallery's folder (``alerts.sqlite``), readable by its owner alone; of a gallery
on a server in the folder that the environment variable PASSERBY_STATE names. A hit and all its
deliveries are written at once and are on the disk before anything is sent: a kill at any moment
loses none. What is deleted is overwritten with zeros.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from passerby.stores import Store
from passerby.stores.files_beside import file_beside, writing

MOST_WAITING = 10_000
"""Deliveries that wait; of more the oldest are given up, and the ledger says so."""

_TABLES = """
CREATE TABLE IF NOT EXISTS hits (
    number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT UNIQUE NOT NULL, alert TEXT NOT NULL,
    judged INTEGER, payload TEXT, found TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS sightings (sighting TEXT NOT NULL, hit INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS deliveries (
    hit INTEGER NOT NULL, address TEXT NOT NULL, state TEXT NOT NULL, tries INTEGER NOT NULL,
    error TEXT NOT NULL, PRIMARY KEY (hit, address));
CREATE TABLE IF NOT EXISTS watched (
    alert TEXT PRIMARY KEY, since TEXT NOT NULL, until TEXT NOT NULL);
"""


@dataclass(frozen=True)
class Hit:
    """A passage that came near enough. number: in the ledger; id: the same for the same passage and
    alert; alert: its id; judged: what people said, None for nothing; payload: JSON, "" where the
    passage was removed from the gallery; found: when, in UTC; waiting, given_up: deliveries; error:
    why the last one failed, "" where none did."""

    number: int
    id: str
    alert: str
    judged: bool | None
    payload: str
    found: str
    waiting: int
    given_up: int
    error: str


@dataclass(frozen=True)
class Delivery:
    """One hit that waits for one address."""

    hit: int
    id: str
    address: str
    payload: str
    tries: int


def ledger_path(store: Store) -> Path:
    """Where the ledger of a gallery is. Raises ValueError for one on a server without a folder."""
    return file_beside(
        store,
        "alerts",
        "hits are kept on this machine until they are delivered, and a gallery on a server has no "
        "folder: name one in the environment variable PASSERBY_STATE",
    )


class Ledger:
    """The ledger at a path, made where it is not there; for one thread at a time.

    Raises:
        ValueError: The file is no ledger, or cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
            self._base = sqlite3.connect(path, timeout=30, isolation_level=None)
            self._base.execute("PRAGMA secure_delete = ON")
            self._base.execute("PRAGMA synchronous = FULL")
            self._base.executescript(_TABLES)
        except (sqlite3.DatabaseError, OSError) as error:
            raise ValueError(f"the ledger of hits {path} cannot be used: {error}") from None

    def close(self) -> None:
        """Give the file back."""
        self._base.close()

    def record(
        self, hit: str, alert: str, payload: str, sightings: Sequence[str], to: Sequence[str]
    ) -> bool:
        """Keep a hit and what is to be delivered of it; whether it was new."""
        with writing(self._base) as base:
            done = base.execute(
                "INSERT OR IGNORE INTO hits (id, alert, payload, found) VALUES (?, ?, ?, ?)",
                (hit, alert, payload, datetime.now(UTC).isoformat(timespec="seconds")),
            )
            if not done.rowcount:
                return False
            number = done.lastrowid
            base.executemany(
                "INSERT INTO sightings VALUES (?, ?)", [(one, number) for one in sightings]
            )
            base.executemany(
                "INSERT OR IGNORE INTO deliveries VALUES (?, ?, 'waiting', 0, '')",
                [(number, address) for address in to],
            )
            newest = "SELECT rowid FROM deliveries WHERE state = 'waiting' ORDER BY rowid DESC"
            base.execute(
                "UPDATE deliveries SET state = 'given up' WHERE state = 'waiting' "
                f"AND rowid NOT IN ({newest} LIMIT ?)",
                (MOST_WAITING,),
            )
        return True

    def saw(self, alerts: Sequence[str], since: str, until: str) -> None:
        """That passages from ... to ... (ISO 8601 in UTC) were held against alerts."""
        with writing(self._base) as base:
            base.executemany(
                "INSERT INTO watched VALUES (?1, ?2, ?3) ON CONFLICT (alert) DO UPDATE SET "
                "since = min(since, ?2), until = max(until, ?3)",
                [(alert, since, until) for alert in alerts],
            )

    def watched(self, alert: str) -> tuple[str, str] | None:
        """From when to when passages were held against it; None for never."""
        row = self._base.execute(
            "SELECT since, until FROM watched WHERE alert = ?", (alert,)
        ).fetchone()
        return None if row is None else (row[0], row[1])

    def hits(self, alert: str | None = None) -> list[Hit]:
        """All, or those of one alert, in the order in which they were found."""
        rows = self._base.execute(
            "SELECT number, id, alert, judged, coalesce(payload, ''), found, "
            "(SELECT count(*) FROM deliveries WHERE hit = number AND state = 'waiting'), "
            "(SELECT count(*) FROM deliveries WHERE hit = number AND state = 'given up'), "
            "coalesce((SELECT max(error) FROM deliveries WHERE hit = number), '') "
            "FROM hits WHERE ?1 IS NULL OR alert = ?1 ORDER BY number",
            (alert,),
        )
        return [
            Hit(number, key, of, None if judged is None else bool(judged), *rest)
            for number, key, of, judged, *rest in rows
        ]

    def judge(self, number: int, right: bool | None) -> None:
        """Keep what people said of a hit; None takes it back."""
        with writing(self._base) as base:
            base.execute(
                "UPDATE hits SET judged = ? WHERE number = ?",
                (None if right is None else int(right), number),
            )

    def sightings(self, number: int | None = None) -> tuple[str, ...]:
        """Ids of the sightings of one hit, or of all."""
        rows = self._base.execute(
            "SELECT DISTINCT sighting FROM sightings WHERE ?1 IS NULL OR hit = ?1", (number,)
        )
        return tuple(row[0] for row in rows)

    def forget_sightings(self, ids: Collection[str]) -> int:
        """Of hits of removed sightings keep only that they were, and what people said: the key must
        stay, or the same passage would be told of again. Returns how many hits."""
        numbers: set[int] = set()
        with writing(self._base) as base:
            for one in ids:
                rows = base.execute("SELECT hit FROM sightings WHERE sighting = ?", (one,))
                numbers.update(row[0] for row in rows)
            for number in numbers:
                base.execute("UPDATE hits SET payload = NULL WHERE number = ?", (number,))
                base.execute("DELETE FROM sightings WHERE hit = ?", (number,))
                base.execute("DELETE FROM deliveries WHERE hit = ?", (number,))
        return len(numbers)

    def forget_alert(self, alert: str) -> int:
        """Forget an alert and all its hits; returns how many."""
        with writing(self._base) as base:
            of_it = "(SELECT number FROM hits WHERE alert = ?)"
            base.execute(f"DELETE FROM deliveries WHERE hit IN {of_it}", (alert,))
            base.execute(f"DELETE FROM sightings WHERE hit IN {of_it}", (alert,))
            base.execute("DELETE FROM watched WHERE alert = ?", (alert,))
            return base.execute("DELETE FROM hits WHERE alert = ?", (alert,)).rowcount

    def waiting(self, address: str | None = None) -> list[Delivery]:
        """What is to be delivered, the oldest first: to one address, or of each address the first
        alone."""
        rows = self._base.execute(
            "SELECT hit, id, address, payload, tries FROM deliveries JOIN hits ON number = hit "
            "WHERE state = 'waiting' AND (?1 IS NULL OR address = ?1) ORDER BY hit",
            (address,),
        )
        found = [Delivery(*row) for row in rows]
        if address is not None:
            return found
        firsts: dict[str, Delivery] = {}
        for one in found:
            firsts.setdefault(one.address, one)
        return [*firsts.values()]

    def count_waiting(self) -> int:
        """How many deliveries wait."""
        return int(
            self._base.execute(
                "SELECT count(*) FROM deliveries WHERE state = 'waiting'"
            ).fetchone()[0]
        )

    def delivered(self, delivery: Delivery) -> None:
        """That a sink took it."""
        self._base.execute(
            "UPDATE deliveries SET state = 'sent', error = '' WHERE hit = ? AND address = ?",
            (delivery.hit, delivery.address),
        )

    def failed(self, delivery: Delivery, reason: str) -> None:
        """That a sink did not take it, for now."""
        self._base.execute(
            "UPDATE deliveries SET tries = tries + 1, error = ? WHERE hit = ? AND address = ?",
            (reason, delivery.hit, delivery.address),
        )
