"""The contract of stores, kept by two tables of PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from passerby.stores import Erased, Group, Hits, IndexState, Store
from passerby.stores.about import About
from passerby.stores.comparing import nearest_of_pages
from passerby.stores.engines.postgres import index, layout
from passerby.stores.engines.postgres.address import Address
from passerby.stores.engines.postgres.conditions import condition_of
from passerby.stores.engines.postgres.database import Database, closed_on_failure
from passerby.stores.engines.postgres.rows import (
    ALL_COLUMNS,
    columns_of,
    to_rows,
    to_sightings,
)
from passerby.stores.engines.postgres.searching import (
    Request,
    Rows,
    few,
    nearest,
    nearest_in_index,
)
from passerby.tables.filters import EVERYTHING, Where
from passerby.tables.sightings import Sightings

if TYPE_CHECKING:
    from psycopg import Cursor

_QUERIES_THERE = 8  # beyond, it is quicker to read the vectors once and to compare them here
_PAGE = 10_000

_ERASED = (
    "the tables and their indexes were written anew without what was removed, and the server has "
    "emptied their old files. Its log of writes (pg_wal) has it until those files are used again, "
    "after two checkpoints or max_wal_size; replicas, archives of the log and backups have it as "
    "long as they are kept"
)
_NAMES = ", ".join(ALL_COLUMNS)
_INSERT = (
    f"INSERT INTO sightings ({_NAMES}) "
    f"VALUES ({', '.join(f'%({name})s' for name in ALL_COLUMNS)}) ON CONFLICT (id) "
)
_THERE = "SELECT id FROM sightings WHERE id = ANY(%s::text[])"
_MADE = f"{_THERE} AND xmin = pg_current_xact_id()::xid"  # by this transaction
_KEEP = _INSERT + "DO NOTHING"
_REPLACE = (
    f"{_INSERT}DO UPDATE SET ({_NAMES}) = "
    f"ROW({', '.join(f'excluded.{name}' for name in ALL_COLUMNS)})"
)


class PostgresStore(Store):
    """Sightings in a schema of a PostgreSQL database; several threads may use it."""

    def __init__(self, database: Database, about: About) -> None:
        self.about = about
        self._database = database
        self._expected = 0  # sightings from the next write on

    # Making and opening

    @classmethod
    def create(cls, place: str, about: About) -> PostgresStore:
        """Make a schema of the gallery's name, with its tables. Raises ValueError when it holds
        something."""
        address = Address.from_text(place)
        database = Database(address, make_extension=True)
        with closed_on_failure(database):
            database.run(lambda cursor: layout.create(cursor, address, about))
            return cls(database, about)

    @classmethod
    def open(cls, place: str) -> PostgresStore:
        """Open one. Raises ValueError when there is none, or it is no gallery."""
        address = Address.from_text(place)
        database = Database(address)
        with closed_on_failure(database):
            database.run(lambda cursor: layout.require_gallery(cursor, address))
            return cls(database, About.from_json(database.run(_about)))

    def change_about(self, change: Callable[[About], About]) -> About:
        while True:
            text = self._database.run(_about)
            before = About.from_json(text)
            made = change(before)
            after = made.to_json()
            if made == before or self._database.run(
                lambda cursor, text=text, after=after: layout.exchange_about(cursor, text, after)  # type: ignore[misc]
            ):
                self.about = made
                return made

    def refresh_about(self) -> About:
        about = About.from_json(self._database.run(_about))
        if about != self.about:  # who holds on to the old one finds it the same
            self.about = about
        return self.about

    # Writing

    def _write(self, sightings: Sightings, *, replace: bool) -> NDArray[np.bool_]:
        if not len(sightings):
            return np.zeros(0, bool)
        rows, ids = [*to_rows(sightings)], sightings.ids.tolist()
        expected, self._expected = self._expected, 0
        if expected >= index.MANY:
            self._put_index_away(expected, ids, replace=replace)

        def write(cursor: Cursor[Any]) -> set[str]:
            there = _ids(cursor.execute(_THERE, (ids,)))
            cursor.executemany(_REPLACE if replace else _KEEP, rows)
            if not replace and cursor.rowcount + len(there) < len(rows):  # others were quicker
                there = {*ids} - _ids(cursor.execute(_MADE, (ids,)))
            if replace or len(there) < len(rows):
                layout.note_change(cursor, remains=replace and len(there) > 0)
            return there

        there = self._database.run(write)
        return np.array([name in there for name in ids], bool)

    def expect(self, count: int) -> None:
        self._expected = count

    def _put_index_away(self, expected: int, ids: list[str], *, replace: bool) -> None:
        """Drop the index where to make it again takes less time than to add so many to it. Of the
        first of them the ids, of which as many are new as of all."""
        if not replace:
            there = self._database.run(lambda cursor: _ids(cursor.execute(_THERE, (ids,))))
            expected -= round(expected * len(there) / len(ids))
        index.put_away(self._database, expected)

    def _name_persons(self, named: Mapping[str, str]) -> int:
        def name(cursor: Cursor[Any]) -> int:
            cursor.execute(
                "UPDATE sightings SET person = given.person "
                "FROM unnest(%s::text[], %s::text[]) AS given (id, person) "
                "WHERE sightings.id = given.id",
                ([*named], [*named.values()]),
            )
            return _changed(cursor)

        return self._database.run(name)

    def _delete(self, where: Where) -> int:
        condition, values = condition_of(where)

        def remove(cursor: Cursor[Any]) -> int:
            cursor.execute(f"DELETE FROM sightings WHERE {condition}", values)
            return _changed(cursor)

        return self._database.run(remove)

    # Searching and reading

    def _search(
        self,
        vectors: NDArray[np.float32],
        k: int,
        where: Where,
        *,
        exact: bool,
        with_vectors: bool,
    ) -> Hits:
        names = columns_of(vectors=with_vectors)
        request = Request(vectors, k, where, names)

        def ask(cursor: Cursor[Any]) -> tuple[bool, list[Rows] | None]:
            approximate = not exact and k <= index.MOST_HITS and index.is_there(cursor)
            if approximate and not few(cursor, where):
                return False, nearest_in_index(cursor, request)
            return True, nearest(cursor, request) if len(vectors) <= _QUERIES_THERE else None

        compared, found = self._database.run(ask)
        if found is None:
            pages = self._vectors(where)
            return nearest_of_pages(self, pages, vectors, k, with_vectors=with_vectors)
        rows = [row for hits in found for row in hits]
        return Hits(
            np.cumsum([0, *map(len, found)]),
            to_sightings([row[:-1] for row in rows], names, self.about.dimensions),
            np.array([row[-1] for row in rows], np.float64),
            exact=compared,
        )

    def _vectors(self, where: Where) -> Iterator[tuple[NDArray[np.str_], NDArray[np.float32]]]:
        """Ids and vectors that satisfy a filter, in pages."""
        for rows in self._pages(where, ("id", "vector"), _PAGE):
            yield (
                np.array([row[0] for row in rows]),
                np.array([row[1].to_numpy() for row in rows]),
            )

    def _pages(self, where: Where, names: Sequence[str], page: int) -> Iterator[list[Any]]:
        """Rows that satisfy a filter, in the order of their ids: each page a transaction, so that
        the server keeps nothing for who reads slowly."""
        condition, values = condition_of(where)
        statement = f"SELECT {', '.join(names)} FROM sightings WHERE {condition} "
        statement += f"AND id > %(last)s ORDER BY id LIMIT {int(page)}"
        rows: list[Any] = []
        while not rows or len(rows) == page:
            last = rows[-1][0] if rows else ""
            rows = self._database.run(
                lambda cursor, last=last: cursor.execute(  # type: ignore[misc]
                    statement, {**values, "last": last}
                ).fetchall()
            )
            if not rows:
                return
            yield rows

    def read(
        self,
        where: Where = EVERYTHING,
        *,
        with_vectors: bool = True,
        with_thumbnails: bool = False,
        batch: int = 10_000,
    ) -> Iterator[Sightings]:
        names = columns_of(vectors=with_vectors, thumbnails=with_thumbnails)
        for rows in self._pages(where, names, batch):
            yield to_sightings(rows, names, self.about.dimensions)

    def count(self, where: Where = EVERYTHING) -> int:
        condition, values = condition_of(where)
        return self._database.run(
            lambda cursor: layout.one(
                cursor.execute(f"SELECT count(*) FROM sightings WHERE {condition}", values)
            )[0]
        )

    def version(self) -> str | None:
        return self._database.run(lambda cursor: layout.said(cursor, "version"))

    def groups(self, by: Group, where: Where = EVERYTHING) -> dict[str, int]:
        condition, values = condition_of(where)
        column = "coalesce(to_char(time, 'YYYY-MM-DD'), '')" if by == "day" else by
        return self._database.run(
            lambda cursor: dict(
                cursor.execute(
                    f"SELECT {column}, count(*) FROM sightings WHERE {condition} GROUP BY 1", values
                ).fetchall()
            )
        )

    # Upkeep

    def compact(self) -> Erased:
        before = self.disk_bytes()
        patience = {"lock_timeout": f"{int(1000 * self._database.address.patience)}ms"}
        self._database.run(layout.write_anew, patience)
        self.update_index()
        self._database.run(lambda cursor: cursor.execute("ANALYZE sightings") and None)
        return Erased(before, self.disk_bytes(), _ERASED)

    def update_index(self) -> IndexState:
        """As `Store.update_index`; once it is there the server keeps it up to date by itself."""
        index.fit(self._database, self.count(), self.about.dimensions)
        return self.index_state()

    def index_state(self) -> IndexState:
        rows = self.count()
        if self._database.run(index.is_there):
            effort = (
                f"ef_search {index.search_settings(20)['hnsw.ef_search']} and on under a filter"
            )
            return IndexState("HNSW", rows, rows, effort)
        return IndexState("", 0, rows, "every sighting is compared on the server")

    def disk_bytes(self) -> int | None:
        return self._database.run(layout.disk_bytes)

    def close(self) -> None:
        self._database.close()


def _about(cursor: Cursor[Any]) -> str:
    return layout.said(cursor, "about")


def _ids(cursor: Cursor[Any]) -> set[str]:
    return {row[0] for row in cursor.fetchall()}


def _changed(cursor: Cursor[Any]) -> int:
    """How many rows a statement changed; what they were remains until a compaction."""
    count = cursor.rowcount
    if count:
        layout.note_change(cursor, remains=True)
    return count
