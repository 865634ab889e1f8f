"""Connections to the database of a gallery, and transactions that are tried again."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from passerby.stores.engines.patience import patiently
from passerby.stores.engines.postgres.address import Address, psycopg
from passerby.stores.engines.postgres.errors import line_of, passes

if TYPE_CHECKING:
    from psycopg import Connection, Cursor

OLDEST_VECTOR = (0, 8)
"""Of the extension: before it a search in an index under a filter found too few."""

_Answer = TypeVar("_Answer")


class Database:
    """The database of one gallery, for several threads: each transaction has a connection to
    itself, and those that are idle are used again.

    make_extension: create pgvector's extension where the database lacks it.
    """

    def __init__(self, address: Address, *, make_extension: bool = False) -> None:
        psycopg()  # where it is not installed, this says so
        self.address = address
        self._idle: list[Connection[Any]] = []
        self._changing = threading.Lock()
        self._path = ""
        self._patiently(lambda: self._find_extension(make=make_extension))

    def run(
        self, work: Callable[[Cursor[Any]], _Answer], settings: Mapping[str, str] | None = None
    ) -> _Answer:
        """What ``work`` does in one transaction; it can be done again from its start without harm.

        settings: of the server, for this transaction alone. Raises StoreUnavailable where the
        server does not answer for as long as the address says, and ValueError for what another try
        does not change.
        """

        def once() -> _Answer:
            with (
                self._borrowed() as connection,
                connection.transaction(),
                connection.cursor(binary=True) as cursor,
            ):
                set_here(cursor, {"search_path": self._path, **(settings or {})})
                return work(cursor)

        return self._patiently(once)

    def alone(self, work: Callable[[Cursor[Any]], None], settings: Mapping[str, str]) -> None:
        """Statements that the server takes only outside a transaction, each by itself, by a
        connection of their own; they can be done again without harm."""

        def once() -> None:
            with closing(self._connected()) as connection:
                connection.autocommit = True
                with connection.cursor() as cursor:
                    set_here(cursor, {"search_path": self._path, **settings}, local=False)
                    work(cursor)

        self._patiently(once)

    @contextmanager
    def _borrowed(self) -> Iterator[Connection[Any]]:
        """One for this thread alone, closed where something fails."""
        with self._changing:
            taken = self._idle.pop() if self._idle else None
        connection = taken or self._connected()
        try:
            yield connection
        except BaseException:
            connection.close()
            raise
        with self._changing:
            self._idle.append(connection)

    def close(self) -> None:
        """Give the connections back."""
        with self._changing:
            for each in self._idle:
                each.close()
            self._idle.clear()

    def _connected(self) -> Connection[Any]:
        """A connection that knows vectors."""
        from pgvector.psycopg import register_vector

        connection = self.address.connect()
        try:
            with connection.transaction(), connection.cursor() as cursor:
                set_here(cursor, {"search_path": self._path})
                register_vector(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    def _find_extension(self, *, make: bool) -> None:
        """Note where vectors are defined: in any schema, as the administrator chose."""
        from psycopg import sql

        shown = self.address.shown
        with self.address.connect() as connection:
            if connection.info.parameter_status("server_encoding") != "UTF8":
                raise ValueError(f"{shown}: the encoding of the database must be UTF8")
            if make:
                connection.execute("CREATE EXTENSION IF NOT EXISTS vector")
            found = connection.execute(
                "SELECT extversion, nspname FROM pg_extension JOIN pg_namespace "
                "ON pg_namespace.oid = extnamespace WHERE extname = 'vector'"
            ).fetchone()
            if found is None:
                raise ValueError(f"{shown}: the database has no extension vector, and no gallery")
            numbers = tuple(int(part) for part in re.findall(r"\d+", found[0])[:2])
            if numbers < OLDEST_VECTOR:
                raise ValueError(
                    f"{shown}: the database has pgvector {found[0]}; galleries need "
                    f"{'.'.join(map(str, OLDEST_VECTOR))} or newer (ALTER EXTENSION vector UPDATE)"
                )
            names = sql.SQL(", ").join(map(sql.Identifier, (self.address.gallery, found[1])))
            self._path = names.as_string(connection)

    def _patiently(self, call: Callable[[], _Answer]) -> _Answer:
        """Call again while the server is away or not ready, for as long as the address says."""
        return patiently(
            call,
            (psycopg().Error,),
            lambda error: (line_of(error), passes(error)),
            shown=self.address.shown,
            patience=self.address.patience,
            check="host, port and sslmode",
        )


def set_here(cursor: Cursor[Any], settings: Mapping[str, str], *, local: bool = True) -> None:
    """Settings of the server, for this transaction or, not local, for this connection."""
    calls = ", ".join(["set_config(%s, %s, %s)"] * len(settings))
    cursor.execute(
        f"SELECT {calls}", [each for pair in settings.items() for each in (*pair, local)]
    )


@contextmanager
def closed_on_failure(database: Database) -> Iterator[None]:
    """Give its connections back where something fails."""
    try:
        yield
    except BaseException:
        database.close()
        raise
