"""The contract of stores, kept by one Lance table in a folder."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import lancedb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from passerby.process.whole_files import write_whole
from passerby.stores import Erased, Group, Hits, IndexState, Store
from passerby.stores.about import About
from passerby.stores.engines.lancedb import index
from passerby.stores.engines.lancedb.conditions import condition_of
from passerby.stores.engines.lancedb.errors import Explained, explained
from passerby.stores.engines.lancedb.folder import GalleryFolder
from passerby.stores.engines.lancedb.ids import KnownIds
from passerby.stores.engines.lancedb.maintenance import build_index, optimize
from passerby.stores.engines.lancedb.rows import (
    Table,
    Version,
    columns,
    copy,
    scan,
    schema,
    to_arrow,
    to_numpy,
    to_sightings,
)
from passerby.stores.engines.lancedb.searching import Request, ShownColumns, search_table
from passerby.stores.engines.lancedb.table_state import TableState
from passerby.stores.recall import SearchWhere, Truth
from passerby.tables.filters import EVERYTHING, Where
from passerby.tables.sightings import Sightings, days

ABOUT = "about.json"

_NAMED = pa.schema({"id": pa.string(), "person": pa.string()})


class LanceStore(Store):
    """Sightings in a folder. For one thread at a time; another one opens the folder again."""

    def __init__(self, folder: Path, about: About) -> None:
        self.about = about
        self._about_written: tuple[int, ...] = ()  # which file that was read from
        self._folder = GalleryFolder(folder)
        self._clear_caches()
        self._folder.table()

    def _clear_caches(self) -> None:
        self._ids, self._counts, self._shown = KnownIds(), index.Counts(), ShownColumns()
        self._index_state: tuple[Version, TableState, IndexState] | None = None

    # Making and opening

    @classmethod
    def create(cls, place: str, about: About) -> LanceStore:
        """Make an empty one. Raises ValueError when the folder has anything in it."""
        folder = Path(place)
        if (folder / ABOUT).exists():
            raise ValueError(f"{place}: a gallery exists there already")
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise ValueError(
                f"{place} exists and is not empty: a gallery needs a folder of its own"
            )
        with explained(folder):
            folder.mkdir(parents=True, exist_ok=True)
            lancedb.connect(folder).create_table("sightings-1", schema=schema(about.dimensions))
            TableState("sightings-1").write(folder)
            # Last: without it there is no gallery, so that a kill leaves none that is half made.
            write_whole(folder / ABOUT, about.to_json().encode())
        return cls(folder, about)

    @classmethod
    def open(cls, place: str) -> LanceStore:
        """Open a folder. Raises ValueError when it holds no gallery, half of one, or a newer."""
        folder = Path(place)
        if not (folder / ABOUT).is_file():
            raise ValueError(f"{place}: no gallery there (it would hold a file {ABOUT})")
        return cls(folder, About.from_json((folder / ABOUT).read_text("utf-8")))

    @property
    def folder(self) -> Path | None:
        return self._folder.path

    def change_about(self, change: Callable[[About], About]) -> About:
        with self._folder.writing():
            made = change(self.refresh_about())
            if made != self.about:
                write_whole(self._folder.path / ABOUT, made.to_json().encode())
                self.about = made
        return self.about

    def refresh_about(self) -> About:
        status = (self._folder.path / ABOUT).stat()
        written = status.st_ino, status.st_mtime_ns, status.st_size
        if written != self._about_written:
            self.about = About.from_json((self._folder.path / ABOUT).read_text("utf-8"))
            self._about_written = written
        return self.about

    # Writing

    def _write(self, sightings: Sightings, *, replace: bool) -> NDArray[np.bool_]:
        with self._folder.writing() as table:
            with explained(self._folder.path):
                there = self._ids.present(table, sightings.ids)
            if replace and there.any():
                rows = to_arrow(sightings)
                merge = table.merge_insert("id").when_matched_update_all()
                merge = merge.when_not_matched_insert_all()
                self._folder.commit(table, lambda: merge.execute(rows), rows.nbytes)
            elif not there.all():
                rows = to_arrow(sightings[~there] if there.any() else sightings)
                self._folder.commit(table, lambda: table.add(rows), rows.nbytes)
                self._ids.add(table, rows["id"])
            self._folder.tidy(table)
        return there

    def _name_persons(self, named: Mapping[str, str]) -> int:
        # Only this column is written anew: rows stay where the index expects them.
        rows = pa.table({"id": [*named], "person": [*named.values()]}, schema=_NAMED)
        with self._folder.writing() as table:
            merge = table.merge_insert("id").when_matched_update_all()
            found = self._folder.commit(table, lambda: merge.execute(rows), rows.nbytes)
        return int(found.num_updated_rows)

    def _delete(self, where: Where) -> int:
        with self._folder.writing() as table:
            done = self._folder.commit(table, lambda: table.delete(condition_of(where)), 0)
        return int(done.num_deleted_rows)

    def compact(self) -> Erased:
        """Write the next table from what is left, with its index, and remove the old one."""
        folder = self._folder
        before = folder.bytes()
        with folder.writing() as table:
            if folder.state.version == table.version:
                return Erased(before, before, "nothing has changed since the last compaction")
            number = int(folder.state.table.rpartition("-")[2]) + 1
            name = f"sightings-{number}"
            with explained(folder.path, before):
                copy(table, folder.database.create_table(name, schema=table.schema))
                folder.flush(name)  # before the old table goes
                folder.point_to(TableState(name))
                folder.remove_old_tables()
                self._build_index()
                folder.point_to(replace(folder.state, version=folder.table().version))
        return Erased(
            before,
            folder.bytes(),
            "vectors, index, thumbnails, names and old versions of what was removed are gone from "
            "this folder; copies and backups of it are not",
        )

    def update_index(self) -> IndexState:
        with self._folder.writing() as table:
            rows, outside = table.count_rows(), self.index_state()
            tail = rows - outside.indexed
            if rows >= index.INDEX_FROM and tail > index.TAIL * rows:
                needed = rows * self.about.dimensions
                with explained(self._folder.path, needed):
                    optimize(self._folder.path, table.name)
                    self._build_index()
        return self.index_state()

    def _build_index(self) -> None:
        """Build the indexes where they pay, and note what searches must spend."""
        folder, rows = self._folder, self._folder.table().count_rows()
        if rows < index.INDEX_FROM:
            return
        partitions = index.partitions_for(rows)
        made = build_index(folder.path, folder.state.table, partitions)
        state = replace(folder.state, partitions=partitions, probes=made.probes, recall=made.recall)
        folder.point_to(state)

    def measured(self, partitions: int) -> index.Measured:
        """Recall of its index of so many partitions, and what searches must spend for it."""
        table = self._folder.table()
        truth = Truth.of(self, index.sample(table, self.about.dimensions))
        return index.tuned(partitions, table, truth, self.at_effort)

    # Reading

    def _search(
        self,
        vectors: NDArray[np.float32],
        k: int,
        where: Where,
        *,
        exact: bool,
        with_vectors: bool,
    ) -> Hits:
        request = Request(vectors, k, condition_of(where), columns=columns(vectors=with_vectors))
        exact = exact or len(vectors) >= index.MANY

        def work(table: Table) -> Hits:
            if exact or not self._folder.state.probes:
                return self._searched(table, request)
            kept, rows = (
                self._counts.of(table, self._folder.version, condition)
                for condition in (request.condition, None)
            )
            probes = index.probes_of(self._folder.state, kept, rows)
            return self._searched(table, replace(request, probes=probes))

        return self._folder.reading(work)

    def _searched(self, table: Table, request: Request) -> Hits:
        version = self._folder.version
        return search_table(table, version, request, self._shown, self.about.dimensions)

    def at_effort(self, probes: int) -> SearchWhere:
        """A search of so many partitions of the index, whatever the filter: to measure it."""

        def search(vectors: NDArray[np.float32], k: int, where: Where) -> Hits:
            request = Request(vectors, k, condition_of(where), probes, columns())
            return self._searched(self._folder.table(), request)

        return search

    def read(
        self,
        where: Where = EVERYTHING,
        *,
        with_vectors: bool = True,
        with_thumbnails: bool = False,
        batch: int = 10_000,
    ) -> Iterator[Sightings]:
        names = columns(vectors=with_vectors, thumbnails=with_thumbnails)
        table = self._folder.table()
        batches = scan(table, names, condition_of(where), batch)
        while True:
            with explained(self._folder.path):
                try:
                    part = next(batches, None)
                except Exception:
                    if self._folder.table() is table:
                        raise
                    raise Explained(
                        f"{self._folder.path}: the gallery was compacted while it was read; read "
                        "again"
                    ) from None
            if part is None:
                return
            if part.num_rows:
                yield to_sightings(part, self.about.dimensions)

    def count(self, where: Where = EVERYTHING) -> int:
        condition = condition_of(where)
        return self._folder.reading(lambda table: int(table.count_rows(condition)))

    def version(self) -> str | None:
        self._folder.table()
        return " ".join(map(str, self._folder.version))

    def groups(self, by: Group, where: Where = EVERYTHING) -> dict[str, int]:
        column = "time" if by == "day" else by

        def work(table: Table) -> dict[str, int]:
            counts: dict[str, int] = {}
            for part in scan(table, [column], condition_of(where)):
                values = part.column(column)
                if by == "day":
                    values = pa.array(days(to_numpy(values)), pa.string())
                for name in pc.value_counts(values).to_pylist():
                    counts[name["values"]] = counts.get(name["values"], 0) + name["counts"]
            return counts

        return self._folder.reading(work)

    @property
    def partitions(self) -> int:
        """Of its index; 0 without one."""
        return self._folder.state.partitions

    def index_state(self) -> IndexState:
        def work(table: Table) -> IndexState:
            version, state = self._folder.version, self._folder.state
            if self._index_state is None or self._index_state[:2] != (version, state):
                self._index_state = version, state, index.state_of(table, state)
            return self._index_state[2]

        return self._folder.reading(work)

    def recall(self) -> float | None:
        self._folder.table()
        return index.recall_of(self._folder.state)

    def disk_bytes(self) -> int | None:
        return self._folder.bytes()

    def close(self) -> None:
        """Forget what was read; files are open only during a call."""
        self._folder.close()
        self._clear_caches()
