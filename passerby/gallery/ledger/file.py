"""The file of a ledger: events, and what they changed, as SQLite keeps them."""

from __future__ import annotations

import json
import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from passerby.gallery.ledger.events import AnswerChange, Changes, Event, Kind, NameChange
from passerby.gallery.ledger.tables import COLUMNS, HOLDS, connected
from passerby.stores.about import Answer
from passerby.stores.files_beside import writing
from passerby.tables.sightings import NOT_A_PERSON

_COUNTS = """
SELECT event, count(*), sum(before IS NOT NULL AND after IS NULL), max(after) FROM answers
WHERE event BETWEEN ? AND ? GROUP BY event
"""


class LedgerFile:
    """Events in an open base; for one thread at a time."""

    def __init__(self, base: sqlite3.Connection) -> None:
        self._base = base

    @classmethod
    def opened(cls, path: Path | None) -> LedgerFile:
        """The file at a path, made where it is not there, or one in memory (None).

        Raises ValueError where it is no ledger, or cannot be written.
        """
        return cls(connected(path))

    def close(self) -> None:
        """Give the file back."""
        self._base.close()

    # Writing

    def writing(self) -> AbstractContextManager[sqlite3.Connection]:
        """All of it or nothing, on the disk at the end."""
        return writing(self._base)

    def begin(self, kind: Kind, by: str, changes: Changes, undoes: int | None = None) -> int:
        """Write an event that is still to be carried out; returns its number."""
        with self.writing() as base:
            done = base.execute(
                "INSERT INTO events (kind, by, at, undoes, pending) VALUES (?, ?, ?, ?, 1)",
                (kind, by, datetime.now(UTC).isoformat(timespec="milliseconds"), undoes),
            )
            number = done.lastrowid
            assert number is not None
            if undoes is not None:
                base.execute("UPDATE events SET undone_by = ? WHERE number = ?", (number, undoes))
            self.insert(number, changes)
        return number

    def insert(self, number: int, changes: Changes) -> None:
        """The rows of an event, within `writing`."""
        base = self._base
        base.executemany(
            "INSERT INTO names VALUES (?, ?, ?, ?)",
            ((number, each.sighting, each.before, each.after) for each in changes.names),
        )
        base.executemany(
            "INSERT INTO answers VALUES (?, ?, ?, ?, ?, ?)",
            (
                (number, *each.pair, _text(each.before), _text(each.after), each.place)
                for each in changes.answers
            ),
        )
        base.executemany(
            "INSERT INTO apart VALUES (?, ?, ?, ?, NULL)",
            (
                (number, side, one, changes.whose[side])
                for side, ids in enumerate(changes.apart)
                for one in ids
            ),
        )
        base.executemany(
            "UPDATE apart SET dropped_by = ? WHERE event = ? AND sighting = ?",
            ((number, event, sighting) for event, sighting in changes.dropped),
        )

    def finished(self, number: int) -> None:
        """An event has been carried out."""
        with self.writing() as base:
            base.execute("UPDATE events SET pending = 0 WHERE number = ?", (number,))

    def withdraw(self, number: int) -> None:
        """An event could not be carried out: it never was."""
        with self.writing() as base:
            base.execute("UPDATE apart SET dropped_by = NULL WHERE dropped_by = ?", (number,))
            base.execute("UPDATE events SET undone_by = NULL WHERE undone_by = ?", (number,))
            for table in ("names", "answers", "apart"):
                base.execute(f"DELETE FROM {table} WHERE event = ?", (number,))
            base.execute("DELETE FROM events WHERE number = ?", (number,))

    def forget(self, gone: Iterable[str]) -> None:
        """Take all traces of sightings out; events of others stay, and so do their numbers."""
        with self.writing() as base, self._given(gone):
            base.execute("DELETE FROM names WHERE sighting IN (SELECT id FROM given)")
            base.execute("DELETE FROM apart WHERE sighting IN (SELECT id FROM given)")
            base.execute(
                "DELETE FROM answers WHERE first IN (SELECT id FROM given) "
                "OR second IN (SELECT id FROM given)"
            )

    # Reading

    def pending(self) -> list[int]:
        """Events that a kill kept from being carried out, the oldest first."""
        rows = self._base.execute("SELECT number FROM events WHERE pending ORDER BY number")
        return [row[0] for row in rows]

    def in_force(self) -> int:
        """How many decisions nobody took back."""
        found = self._base.execute(
            "SELECT count(*) FROM events WHERE kind != 'undo' AND undone_by IS NULL"
        )
        return int(found.fetchone()[0])

    def newest(self) -> int:
        """The number of the last event, 0 for none."""
        return int(self._base.execute("SELECT coalesce(max(number), 0) FROM events").fetchone()[0])

    def last_in_force(self) -> int | None:
        """The number of the last decision that nobody took back."""
        row = self._base.execute(
            "SELECT max(number) FROM events WHERE kind != 'undo' AND undone_by IS NULL"
        ).fetchone()
        return None if row[0] is None else int(row[0])

    def built_upon(self, number: int) -> list[int]:
        """Later decisions that nobody took back and that are about the same, the newest first: the
        same sightings or pairs, whole persons of the names that it took from sightings, or earlier
        statements about its sightings that they overruled."""
        touched = "SELECT event, sighting FROM names UNION SELECT event, sighting FROM apart"
        lost = "SELECT DISTINCT before AS lost FROM names WHERE event = ?1 AND before != after "
        lost += "AND before NOT IN ('', ?2)"
        wholly = "'rename', 'merge', 'not a person'"  # of all sightings of a name
        own = f"SELECT sighting FROM ({touched}) WHERE event = ?1"
        rows = self._base.execute(
            f"""
            SELECT number FROM events WHERE number > ?1 AND kind != 'undo' AND undone_by IS NULL
            AND number IN (
                SELECT later.event FROM ({touched}) AS later
                    JOIN ({touched}) AS own USING (sighting) WHERE own.event = ?1
                UNION SELECT later.event FROM answers AS later
                    JOIN answers AS own USING (first, second) WHERE own.event = ?1
                UNION SELECT event FROM answers WHERE after IS NULL AND (
                    first IN ({own}) OR second IN ({own}))
                UNION SELECT dropped_by FROM apart WHERE event = ?1 OR event IN (
                    SELECT event FROM apart WHERE sighting IN ({own}))
                UNION SELECT event FROM names JOIN events ON event = number JOIN ({lost})
                    ON lost = after OR (lost = before AND kind IN ({wholly}))
                    WHERE event > ?1 AND before != after
                UNION SELECT event FROM apart JOIN ({lost}) ON lost = person
            ) ORDER BY number DESC""",
            (number, NOT_A_PERSON),
        )
        return [row[0] for row in rows]

    def event(self, number: int) -> Event | None:
        """One with all its changes, None where there is none."""
        found = self.events(number, number)
        return None if not found else replace(found[0], changes=self.changes(number))

    def events(self, first: int = 1, last: int = 2**62) -> list[Event]:
        """Those with numbers from first to last, without their sightings, the newest first."""
        span = (first, last)
        moved: dict[int, dict[tuple[str, str], int]] = defaultdict(dict)
        counted = "SELECT event, before, after, count(*) FROM names WHERE event BETWEEN ? AND ? "
        for event, before, after, count in self._base.execute(counted + "GROUP BY 1, 2, 3", span):
            moved[event][before, after] = count
        answered = {row[0]: row[1:] for row in self._base.execute(_COUNTS, span)}
        sides: dict[int, dict[int, tuple[int, str]]] = defaultdict(dict)
        counted = "SELECT event, side, count(*), max(person) FROM apart WHERE event BETWEEN ? AND ?"
        for event, side, count, person in self._base.execute(f"{counted} GROUP BY 1, 2", span):
            sides[event][side] = count, person
        dropped = dict(
            self._base.execute(
                "SELECT dropped_by, count(DISTINCT event) FROM apart WHERE dropped_by BETWEEN ? "
                "AND ? GROUP BY 1",
                span,
            )
        )
        rows = self._base.execute(
            "SELECT number, kind, by, at, undoes, undone_by FROM events WHERE number BETWEEN ? "
            "AND ? ORDER BY number DESC",
            span,
        )
        events = []
        for number, kind, by, at, undoes, undone_by in rows:
            one, two = (sides[number].get(side, (0, "")) for side in (0, 1))
            count, lost, text = answered.get(number, (0, 0, None))
            events.append(
                Event(
                    number, kind, by, datetime.fromisoformat(at), undoes, undone_by,
                    moved.get(number, {}), count - lost,
                    _answer(text) if count - lost == 1 else None,
                    lost + dropped.get(number, 0),
                    (one[0], two[0]), (one[1], two[1]),
                )
            )  # fmt: skip
        return events

    def changes(self, number: int) -> Changes:
        """What an event did."""
        base = self._base
        names = base.execute(
            "SELECT sighting, before, after FROM names WHERE event = ? ORDER BY sighting", (number,)
        )
        answers = base.execute(
            "SELECT before, after, place FROM answers WHERE event = ? ORDER BY place, first, "
            "second",
            (number,),
        )
        apart = base.execute("SELECT side, sighting, person FROM apart WHERE event = ?", (number,))
        sides: tuple[list[str], list[str]] = ([], [])
        whose = ["", ""]
        for side, sighting, person in apart:
            sides[side].append(sighting)
            whose[side] = person
        dropped = base.execute("SELECT event, sighting FROM apart WHERE dropped_by = ?", (number,))
        return Changes(
            tuple(NameChange(*row) for row in names),
            tuple(AnswerChange(_answer(one), _answer(two), place) for one, two, place in answers),
            (tuple(sides[0]), tuple(sides[1])),
            (whose[0], whose[1]),
            tuple(dropped),
        )

    def decided(self) -> dict[str, str]:
        """The person that people last gave to each sighting, as far as that holds."""
        rows = self._base.execute(
            "SELECT sighting, after, max(event) FROM names JOIN events ON event = number "
            "WHERE undone_by IS NULL GROUP BY sighting"
        )
        return {sighting: after for sighting, after, _ in rows if after}

    def told_apart(self) -> list[tuple[int, int, str]]:
        """Event, side and sighting of all that holds, by event."""
        rows = self._base.execute(
            f"SELECT event, side, sighting FROM apart WHERE {HOLDS} ORDER BY event"
        )
        return [*rows]

    def told_apart_of(self, sightings: Iterable[str]) -> set[int]:
        """Events that hold and tell one of these apart from others."""
        with self.writing(), self._given(sightings):
            rows = self._base.execute(
                f"SELECT DISTINCT event FROM apart WHERE {HOLDS} "
                "AND sighting IN (SELECT id FROM given)"
            )
            return {row[0] for row in rows}

    def sides(self, number: int) -> tuple[set[str], set[str]]:
        """What an event tells apart, as far as it holds."""
        rows = self._base.execute(
            f"SELECT side, sighting FROM apart WHERE event = ? AND {HOLDS}", (number,)
        )
        found: tuple[set[str], set[str]] = (set(), set())
        for side, sighting in rows:
            found[side].add(sighting)
        return found

    def touched_since(self, number: int) -> set[str]:
        """Sightings that later events name or tell apart, or no longer do."""
        later = "SELECT number FROM events WHERE number > ?1 UNION SELECT undoes FROM events "
        later += "WHERE number > ?1 AND undoes IS NOT NULL"
        rows = self._base.execute(
            f"SELECT sighting FROM names WHERE event IN ({later}) UNION "
            f"SELECT sighting FROM apart WHERE event IN ({later}) OR dropped_by IN ({later})",
            (number,),
        )
        return {row[0] for row in rows}

    def sightings(self) -> set[str]:
        """All that the ledger has traces of."""
        rows = self._base.execute(
            "SELECT sighting FROM names UNION SELECT sighting FROM apart "
            "UNION SELECT first FROM answers UNION SELECT second FROM answers"
        )
        return {row[0] for row in rows}

    def persons(self) -> set[str]:
        """All names that it has traces of."""
        rows = self._base.execute(
            "SELECT before FROM names UNION SELECT after FROM names UNION SELECT person FROM apart"
        )
        return {row[0] for row in rows}

    def numbers_naming(self, person: str) -> list[int]:
        """Events that a person by name takes part in."""
        rows = self._base.execute(
            "SELECT event FROM names WHERE before = ?1 OR after = ?1 "
            "UNION SELECT event FROM apart WHERE person = ?1 ORDER BY 1",
            (person,),
        )
        return [row[0] for row in rows]

    def rows(self) -> Iterator[tuple[str, tuple[Any, ...]]]:
        """All that it holds: tables by name, and their rows."""
        for table, columns in COLUMNS.items():
            for row in self._base.execute(f"SELECT {', '.join(columns)} FROM {table}"):
                yield table, row

    def load(self, parts: Iterable[Mapping[str, Iterable[Sequence[Any]]]]) -> None:
        """Rows of another ledger into an empty one."""
        with self.writing() as base:
            for part in parts:
                for table, rows in part.items():
                    columns = COLUMNS[table]
                    marks = ", ".join("?" * len(columns))
                    base.executemany(
                        f"INSERT OR IGNORE INTO {table} ({', '.join(columns)}) VALUES ({marks})",
                        rows,
                    )

    @contextmanager
    def _given(self, ids: Iterable[str]) -> Iterator[None]:
        """A table of ids, of any number."""
        self._base.execute("CREATE TEMP TABLE given (id TEXT PRIMARY KEY) WITHOUT ROWID")
        try:
            self._base.executemany(
                "INSERT OR IGNORE INTO given VALUES (?)", ((one,) for one in ids)
            )
            yield
        finally:
            self._base.execute("DROP TABLE given")


def _text(answer: Answer | None) -> str | None:
    return None if answer is None else json.dumps(asdict(answer))


def _answer(text: str | None) -> Answer | None:
    return None if text is None else Answer(**json.loads(text))
