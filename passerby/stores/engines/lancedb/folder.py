"""A gallery's folder: which table is current, one writer at a time, and changes that are whole."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeVar

import lancedb
import numpy as np
import pyarrow as pa
from filelock import FileLock, Timeout

from passerby.process.whole_files import remove_parts
from passerby.stores.engines.lancedb.errors import Explained, explained, explanation, incomplete
from passerby.stores.engines.lancedb.maintenance import RECENT, optimize
from passerby.stores.engines.lancedb.rows import LATER, Table, Version, row_ids, schema, take
from passerby.stores.engines.lancedb.table_state import TABLE, TableState
from passerby.stores.engines.lancedb.version_0_40 import (
    WRITTEN,
    data_files,
    fragments,
    table_folder,
    table_folders,
)

LOCK = "writers.lock"

PATIENCE = 600.0
"""Seconds that a writer waits for another one."""

PIECES, SMALL = 64, 4000
"""Pieces of fewer than so many sightings that are left lying before they are joined."""

VERSIONS = 1000
"""Versions of the table after which old ones are removed without a compaction."""

Result = TypeVar("Result")


class GalleryFolder:
    """The current table of a folder, for one thread at a time."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.state = TableState("")
        self.version: Version = ("", 0)  # of the table, when it was asked for last
        # Without an interval a table stays at its version until it is told to look for a newer one:
        # all steps of a search are of the same sightings.
        self.database = lancedb.connect(path)
        self._lock = FileLock(path / LOCK)
        self._seen: tuple[int, ...] = ()  # what told table.json from others when it was read
        self._opened: Table = None
        self._next_look = 0  # fragments from which they are counted by size

    # Reading

    def table(self) -> Table:
        """The current table at its newest version; opened again when another process has pointed
        elsewhere."""
        while True:
            seen = self._signature()
            try:
                with explained(self.path):
                    if seen != self._seen:
                        self._open_table(seen)
                    self._opened.checkout_latest()
                    self.version = self._opened.name, self._opened.version
                return self._opened
            except Explained:
                if self._signature() == seen:  # else a compaction took it away at this moment
                    raise

    def reading(self, work: Callable[[Table], Result]) -> Result:
        """Do something with the table; once more when a compaction took it away meanwhile."""
        while True:
            table = self.table()
            try:
                return work(table)
            except Exception as error:
                if self.table() is table:
                    raise explanation(self.path, error) from error

    def bytes(self) -> int:
        """What all files take."""
        total = 0
        for path in self.path.rglob("*"):
            with suppress(FileNotFoundError):  # another process may be compacting
                total += path.stat().st_size if path.is_file() else 0
        return total

    def close(self) -> None:
        """Forget what was opened; files are open only during a call."""
        self._opened, self._seen = None, ()

    def _signature(self) -> tuple[int, ...]:
        """What tells one table.json from another."""
        try:
            status = (self.path / TABLE).stat()
        except FileNotFoundError:
            raise incomplete(self.path, f"{TABLE} is missing") from None
        return status.st_ino, status.st_mtime_ns, status.st_size

    def _open_table(self, seen: tuple[int, ...]) -> None:
        try:
            self.state = TableState.read(self.path)
        except (TypeError, ValueError):
            raise incomplete(self.path, f"{TABLE} cannot be read") from None
        self._opened = self.database.open_table(self.state.table)
        if {*LATER} - {*self._opened.schema.names}:
            self._add_later_columns()
        # A copy that was cut off lacks files; better said now than in the middle of a search.
        wanted = self._opened.stats()["fragment_stats"]["num_fragments"]
        there = len(data_files(self._table_folder()))
        if there < wanted:
            raise incomplete(self.path, f"{wanted - there} of {wanted} data files missing")
        self._seen = seen

    def _add_later_columns(self) -> None:
        """Give a table of before passages its new columns: of null, so that only its description
        is written anew."""
        try:
            with self._locked():
                table = self.database.open_table(self.state.table)
                lacking = [name for name in LATER if name not in table.schema.names]
                if lacking:  # else another process was first
                    fields = pa.schema([schema(1).field(name) for name in lacking])
                    self.commit(table, lambda: table.add_columns(fields), 0)
        except Explained as error:
            raise Explained(
                f"{self.path}: this gallery was made before passages, and is given their columns "
                f"when it is first opened, which failed: {error}"
            ) from None
        self._opened = self.database.open_table(self.state.table)

    def _table_folder(self) -> Path:
        return table_folder(self.path, self.state.table)

    # Writing

    @contextmanager
    def writing(self) -> Iterator[Table]:
        """The table, while no other process writes."""
        with self._locked():
            table = self.table()
            self.remove_old_tables()  # these two: what a killed compaction left
            for path in self.path.glob("scratch-*"):
                shutil.rmtree(path)
            yield table

    @contextmanager
    def _locked(self) -> Iterator[None]:
        try:
            with explained(self.path):
                self._lock.acquire(timeout=PATIENCE)
        except Timeout:
            raise ValueError(
                f"{self.path}: another process has been writing for {PATIENCE:.0f} s; wait "
                "until it is done"
            ) from None
        try:
            yield
        finally:
            self._lock.release()

    def commit(self, table: Table, change: Callable[[], Result], needed: int) -> Result:
        """Make a change, all of it or nothing, and wait until the disk has it; what a failed one
        left there is removed."""
        folders = [self._table_folder() / name for name in WRITTEN]
        there, version = [_names(folder) for folder in folders], table.version
        try:
            with explained(self.path, needed):
                done = change()
                for folder, names in zip(folders, there, strict=True):
                    _flush(folder, _names(folder) - names)
            return done
        except Exception:  # not when interrupted: the engine may be about to finish the change
            table.checkout_latest()
            if table.version == version:
                for name in _names(folders[0]) - there[0]:
                    with suppress(OSError):
                        (folders[0] / name).unlink()
            raise

    def flush(self, table: str) -> None:
        """Wait until all of a table is on the disk."""
        for part in WRITTEN:
            _flush(path := table_folder(self.path, table) / part, _names(path))

    def point_to(self, state: TableState) -> None:
        """Make another table the current one."""
        state.write(self.path)
        self.table()

    def remove_old_tables(self) -> None:
        """All but the current one, and files that a kill left half-written."""
        remove_parts(self.path)
        for path in table_folders(self.path):
            if path != self._table_folder():
                shutil.rmtree(path)

    def tidy(self, table: Table) -> None:
        """Keep a gallery that is written to in small batches quick to open and to search."""
        stats = table.stats()["fragment_stats"]
        if stats["num_small_fragments"] < PIECES or stats["num_fragments"] < self._next_look:
            return
        self._next_look = stats["num_fragments"] + PIECES
        if len(_names(self._table_folder() / "_versions")) > VERSIONS:
            with explained(self.path, self.bytes()):
                if self.state.partitions:
                    optimize(self.path, table.name)
                else:  # without an index it writes no temporary files
                    table.optimize(cleanup_older_than=RECENT)
            self._next_look = 0
            return
        ids = row_ids(table)
        _, whose, sizes = np.unique(fragments(ids), return_inverse=True, return_counts=True)
        if int(np.sum(sizes < SMALL)) < PIECES:
            return
        # Written once more as one piece: they change nothing but their place, in one step.
        rows = take(table, ids[sizes[whose] < SMALL], table.schema.names)
        merge = table.merge_insert("id").when_matched_update_all()
        self.commit(table, lambda: merge.execute(rows), rows.nbytes)
        self._next_look = 0


def _names(folder: Path) -> set[str]:
    return {*os.listdir(folder)} if folder.is_dir() else set()


def _flush(folder: Path, names: set[str]) -> None:
    """Wait until new files of a folder are on the disk, whatever becomes of the power."""
    for name in names:
        with suppress(FileNotFoundError), (folder / name).open("r+b") as file:
            os.fsync(file.fileno())  # gone: it only stood for another one for a moment
    if names and os.name != "nt":  # where folders cannot be opened
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
