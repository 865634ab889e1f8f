"""HNSW of the vectors: when it is made, and what a search in it spends."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from passerby.process.reporting import progress, say
from passerby.stores.engines.postgres.database import Database
from passerby.stores.engines.postgres.layout import one

if TYPE_CHECKING:
    from psycopg import Cursor

FLAT_ROWS = 50_000
"""Up to so many sightings the server compares them all, beyond it keeps an HNSW index."""

MOST_DIMENSIONS = 4_000
"""Of an index of float16; with more dimensions every search compares all."""

MOST_HITS = 500
"""Beyond, comparing all is quicker than what the index would have to visit."""

MANY = 10_000
"""Sightings that an addition must have for the index to be put away meanwhile."""

SHARE = 0.25
"""And what share of all afterwards: a sighting that is added to the index takes about ten times
as long as one of an index that is made."""

_LINKS, _CONSTRUCTION = 16, 64  # M and efConstruction, as pgvector has them
_MEMORY = (64, 2_048)  # MB for building
_LOCKED = 2.0  # seconds that an index in use is waited for before it is dropped


def search_settings(k: int) -> dict[str, str]:
    """Of a search for k in the index."""
    return {
        "hnsw.ef_search": str(min(1_000, max(200, 4 * k))),
        # Under a filter it goes on until enough is found; the order is made by the true distances.
        "hnsw.iterative_scan": "relaxed_order",
        "hnsw.max_scan_tuples": "40000",
        "hnsw.scan_mem_multiplier": "4",
    }


def is_there(cursor: Cursor[Any]) -> bool:
    """Whether the index is whole and used."""
    cursor.execute(
        "SELECT count(*) FROM pg_index "
        "WHERE indrelid = 'sightings'::regclass AND indisvalid "
        "AND indexrelid = to_regclass(%s)",
        ("by_vector",),
    )
    return bool(one(cursor)[0])


def fit(database: Database, rows: int, dimensions: int) -> None:
    """Make the index where it pays, by now, and is not there; others write and search meanwhile."""
    if rows <= FLAT_ROWS or dimensions > MOST_DIMENSIONS or not database.run(_to_be_made):
        return
    wanted = rows * (2 * dimensions + 40 * _LINKS) // 1_000_000
    settings = {
        "maintenance_work_mem": f"{min(max(wanted, _MEMORY[0]), _MEMORY[1])}MB",
        "lock_timeout": f"{int(1000 * database.address.patience)}ms",
    }
    database.alone(lambda cursor: _make(cursor, database, dimensions), settings)


def put_away(database: Database, new: int) -> None:
    """Drop the index before so many are added, where that saves time; `fit` makes it again. After a
    kill between the two searches compare all, until the next addition or compaction."""
    rows = database.run(_rows_in_index)
    if not rows or new < SHARE * (rows + new):
        return
    # Others wait behind whoever waits to drop it.
    settings = {"lock_timeout": f"{int(1000 * min(database.address.patience, _LOCKED))}ms"}
    database.alone(lambda cursor: _drop(cursor, database.address.shown, rows, new), settings)


def _rows_in_index(cursor: Cursor[Any]) -> int:
    """About how many sightings are in the index; 0 where there is none that this user may drop."""
    if not (is_there(cursor) and _may_change(cursor)):
        return 0
    cursor.execute("SELECT reltuples FROM pg_class WHERE oid = 'by_vector'::regclass")
    return max(0, int(one(cursor)[0]))


def _drop(cursor: Cursor[Any], shown: str, rows: int, new: int) -> None:
    """Drop it, if no other process is making it and nobody uses it for long."""
    from psycopg.errors import LockNotAvailable

    if not _alone(cursor):
        return
    try:
        cursor.execute("DROP INDEX IF EXISTS by_vector")
    except LockNotAvailable:  # then adding takes longer
        return
    say(
        f"{shown}: the index of {rows:,} sightings is put away while about {new:,} are added, and "
        "made anew at the end, which takes less time. Searches compare every sighting until then"
    )


def _make(cursor: Cursor[Any], database: Database, dimensions: int) -> None:
    """Make it, if no other process is doing so."""
    from psycopg.errors import LockNotAvailable

    if not _alone(cursor):
        return
    cursor.execute("SELECT pg_backend_pid()")
    process = one(cursor)[0]
    try:
        cursor.execute("DROP INDEX IF EXISTS by_vector")  # what a kill has left
        with _progress(database, process):
            cursor.execute(
                "CREATE INDEX CONCURRENTLY by_vector ON sightings USING hnsw "
                f"((vector::halfvec({int(dimensions)})) halfvec_ip_ops) "
                f"WITH (m = {_LINKS}, ef_construction = {_CONSTRUCTION})"
            )
    except LockNotAvailable:  # it waits for all transactions that began before it
        cursor.execute("DROP INDEX IF EXISTS by_vector")
        say(
            f"{database.address.shown}: no index was made, as another transaction in that database "
            f"stayed open for {database.address.patience:g} s. Searches compare every sighting "
            "until an addition or passerby gallery compact makes it"
        )
    else:
        # Before anything of it was sampled: see rows.NOT_IN_STATISTICS.
        cursor.execute("ALTER INDEX by_vector ALTER COLUMN 1 SET STATISTICS 0")
        cursor.execute("ANALYZE sightings")  # searches ask how many a filter keeps


def _to_be_made(cursor: Cursor[Any]) -> bool:
    """Whether it is not there and this user may make it."""
    return _may_change(cursor) and not is_there(cursor)


def _may_change(cursor: Cursor[Any]) -> bool:
    cursor.execute(
        "SELECT pg_has_role(relowner, 'USAGE') FROM pg_class WHERE oid = 'sightings'::regclass"
    )
    return bool(one(cursor)[0])


def _alone(cursor: Cursor[Any]) -> bool:
    """Whether no other process makes or drops the index, as long as this connection lives."""
    cursor.execute("SELECT pg_try_advisory_lock('sightings'::regclass::oid::bigint)")
    return bool(one(cursor)[0])


@contextmanager
def _progress(database: Database, process: int) -> Iterator[None]:
    """Show how far a process of the server has come with an index."""
    ended = threading.Event()

    def asked(cursor: Cursor[Any]) -> tuple[int, int]:
        cursor.execute(
            "SELECT tuples_done, tuples_total FROM pg_stat_progress_create_index WHERE pid = %s",
            (process,),
        )
        return cursor.fetchone() or (0, 0)

    def watch() -> None:
        while True:
            try:
                advance(*database.run(asked))
            except ValueError:  # it is only shown; what fails says so itself
                return
            if ended.wait(0.5):
                return

    with progress("building the index") as advance:
        watcher = threading.Thread(target=watch, daemon=True)
        watcher.start()
        try:
            yield
        finally:
            ended.set()
            watcher.join()
