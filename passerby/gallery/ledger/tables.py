"""The tables of a ledger in SQLite. What is deleted is overwritten with zeros."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

COLUMNS = {
    "events": ("number", "kind", "by", "at", "undoes", "undone_by"),
    "names": ("event", "sighting", "before", "after"),
    "answers": ("event", "first", "second", "before", "after", "place"),
    "apart": ("event", "side", "sighting", "person", "dropped_by"),
}
"""What the tables hold."""

TABLES = """
CREATE TABLE IF NOT EXISTS events (
    number INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT NOT NULL, by TEXT NOT NULL,
    at TEXT NOT NULL, undoes INTEGER, undone_by INTEGER,
    pending INTEGER NOT NULL DEFAULT 0);
CREATE TABLE IF NOT EXISTS names (
    event INTEGER NOT NULL, sighting TEXT NOT NULL, before TEXT NOT NULL, after TEXT NOT NULL,
    PRIMARY KEY (event, sighting)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS named ON names (sighting, event);
CREATE TABLE IF NOT EXISTS answers (
    event INTEGER NOT NULL, first TEXT NOT NULL, second TEXT NOT NULL, before TEXT, after TEXT,
    place INTEGER NOT NULL, PRIMARY KEY (event, first, second)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS answered ON answers (first, second);
CREATE TABLE IF NOT EXISTS apart (
    event INTEGER NOT NULL, side INTEGER NOT NULL, sighting TEXT NOT NULL, person TEXT NOT NULL,
    dropped_by INTEGER,
    PRIMARY KEY (event, sighting)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS told_apart ON apart (sighting);
"""

# Of a row that tells a sighting apart: its event holds, and no later one that does took it out.
_UNDONE = "SELECT number FROM events WHERE undone_by IS NOT NULL"
HOLDS = f"event NOT IN ({_UNDONE}) AND (dropped_by IS NULL OR dropped_by IN ({_UNDONE}))"


def connected(path: Path | None) -> sqlite3.Connection:
    """The file at a path with its tables, made where it is not there and readable by its owner
    alone; in memory for None.

    Raises ValueError where it is no ledger, or cannot be written.
    """
    try:
        if path is not None:
            os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
        base = sqlite3.connect(
            path or ":memory:", timeout=30, isolation_level=None, check_same_thread=False
        )
        for setting in ("secure_delete = ON", "synchronous = FULL", "temp_store = MEMORY"):
            base.execute(f"PRAGMA {setting}")
        base.executescript(TABLES)
    except (sqlite3.DatabaseError, OSError) as error:
        raise ValueError(f"the ledger of decisions {path} cannot be used: {error}") from None
    return base
