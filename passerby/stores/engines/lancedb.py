"""A folder: LanceDB, within the process, without a server. The engine that needs no address.

In the folder lie ``about.json`` (the description), ``table.json`` (which table holds now, and how
much a search has to spend for its recall), ``writers.lock`` and one Lance table,
``sightings-N.lance``. Writers take the lock, one batch each; readers take none. A compaction writes
the next table, points ``table.json`` to it and removes the old one with all it ever held: data,
index, versions and logs.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import lancedb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from filelock import FileLock, Timeout
from lancedb.index import Bitmap, BTree, IvfSq
from numpy.typing import NDArray

from passerby.process.whole_files import DiskFull, remove_parts, write_whole
from passerby.stores import (
    Erased,
    Group,
    Hits,
    IndexState,
    Progress,
    Store,
    Written,
    refuse_everything,
)
from passerby.stores.about import About
from passerby.stores.recall import SearchWhere, Truth
from passerby.tables.filters import Where, moment
from passerby.tables.sightings import UNKNOWN, Sightings, days

ABOUT, TABLE, LOCK = "about.json", "table.json", "writers.lock"

INDEX_FROM = 10_000
"""Sightings from which an index is faster than comparing all."""

TAIL = 0.1
"""Share of the sightings that may lie outside the index before it is built again."""

EXACT_BELOW = 200
"""Sightings that a filter may keep for all of them to be compared."""

MANY = 256
"""Queries from which one pass over all vectors takes less time than the index, at any size."""

TARGET = 0.995
"""Recall at 10 that the effort of searches is raised to, on a sample; 0.99 is promised."""

FEWEST = 8
"""Partitions that are always searched."""

PROPOSED = 50
"""Least number of sightings that the index proposes for a comparison in full."""

PIECES, SMALL = 64, 4000
"""Pieces of fewer than so many sightings that are left lying before they are joined."""

VERSIONS = 1000
"""Versions of the table after which old ones are removed without a compaction."""

RECENT = timedelta(minutes=10)
"""Age up to which old versions are kept, for those who read them at the moment."""

STILL = 4
"""Searches of an unchanged table after which what they show is kept in memory."""

SHOWN_UP_TO = 2_000_000
"""Sightings of which that is done: about 150 bytes each."""

PIECE = 128_000_000
"""Bytes that a compaction holds in memory."""

SAMPLE = 64
"""Sightings that recall is measured with."""

PATIENCE = 600.0
"""Seconds that a writer waits for another one."""

_INDEX = "vector_idx"
_PARTS = ("data", "_deletions", "_versions")
_SCALARS = {"id": BTree, "person": BTree, "camera": Bitmap, "source": Bitmap, "time": BTree}
_SHOWN = ["id", "person", "camera", "source", "time", "frame", "tracklet", "quality", "image"]
_FULL = ("No space left on device", "Disk quota exceeded", "File too large")
_FORBIDDEN = ("Read-only file system", "Permission denied")
_GONE = ("Not found", "not found", "No such file")

Found = TypeVar("Found")


@dataclass(frozen=True)
class _Holds:
    """What table.json says.

    table: name of the one that holds now; engine: that wrote it; probes: partitions to search, by
    the share of sightings that a filter keeps; partitions: of the index; recall: by the name of a
    filter; version: of the table when it was compacted, so that nothing is done twice.
    """

    table: str
    engine: str = f"lancedb {lancedb.__version__}"
    probes: Mapping[str, int] = field(default_factory=dict)
    partitions: int = 0
    recall: Mapping[str, float] = field(default_factory=dict)
    version: int = 0

    def to_json(self) -> bytes:
        return (json.dumps(asdict(self), indent=1) + "\n").encode()

    def probes_for(self, share: float) -> int:
        """Partitions to search when a filter keeps that share of the sightings."""
        measured = sorted((float(kept), probes) for kept, probes in self.probes.items())
        below = [probes for kept, probes in measured if kept <= share]
        if below:
            return below[-1]
        rarest, probes = measured[0]
        return min(self.partitions, int(np.ceil(probes * rarest / share)))


@dataclass(frozen=True)
class _Asked:
    """A search as the engine takes it: unit vectors [Q, D], and how many partitions to probe (0:
    compare every sighting that satisfies the condition)."""

    queries: NDArray[np.float32]
    k: int
    condition: str | None
    probes: int = 0
    columns: Sequence[str] = ()


class _Shown:
    """What a search shows of each sighting, in memory once the table has stood still for a few
    searches: to fetch it from the disk takes a third of the time of a search."""

    def __init__(self) -> None:
        self._of: tuple[str, int] = ("", 0)
        self._searches = 0
        self._numbers: NDArray[np.uint64] = np.empty(0, np.uint64)
        self._rows: pa.Table | None = None

    def serves(self, table: Any) -> bool:
        """Whether it holds this version; read when that is asked for often."""
        of = (table.name, table.version)
        if of != self._of:
            self._of, self._searches, self._rows = of, 0, None
        self._searches += 1
        wanted = self._rows is None and self._searches >= STILL
        if wanted and 0 < table.count_rows() <= SHOWN_UP_TO:
            rows = _all_shown(table)
            self._rows, self._numbers = rows.drop_columns("_rowid"), rows["_rowid"].to_numpy()
        return self._rows is not None

    def of(self, numbers: NDArray[np.uint64]) -> pa.Table:
        """The columns of the rows of these numbers."""
        assert self._rows is not None
        rows = self._rows.take(pa.array(np.searchsorted(self._numbers, numbers)))
        return rows.cast(pa.schema([_schema(1).field(name) for name in rows.schema.names]))


class LanceStore(Store):
    """Sightings in a folder. For one thread at a time; another one opens the folder again."""

    def __init__(self, folder: Path, about: About) -> None:
        self.about = about
        self._folder = folder
        # Without an interval a table stays at its version until it is told to look for a newer one:
        # all steps of a search are of the same sightings.
        self._database = lancedb.connect(folder)
        self._lock = FileLock(folder / LOCK)
        self._seen: tuple[int, ...] = ()
        self._opened: Any = None
        self._holds = _Holds("")
        self._known: tuple[str, int, pa.ChunkedArray] | None = None  # table, version, ids
        self._counts: dict[tuple[str, int, str], int] = {}
        self._shown = _Shown()
        self._next_look = 0  # fragments from which they are counted by size
        self._table()

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
        with _explained(folder):
            folder.mkdir(parents=True, exist_ok=True)
            database = lancedb.connect(folder)
            database.create_table("sightings-1", schema=_schema(about.dimensions))
            write_whole(folder / TABLE, _Holds("sightings-1").to_json())
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

    def set_about(self, about: About) -> None:
        with self._writing():
            write_whole(self._folder / ABOUT, about.to_json().encode())
        self.about = about

    # Writing

    def write(self, sightings: Sightings, *, replace: bool = False) -> Written:
        self._refuse_unfit(sightings)
        firsts = np.sort(np.unique(sightings.ids, return_index=True)[1])
        unique = sightings if len(firsts) == len(sightings) else sightings[firsts]
        with self._writing() as table:
            there = self._there(table, unique.ids)
            added = int(np.sum(~there))
            replaced = int(np.sum(there)) if replace else 0
            if replaced:
                rows = _to_arrow(unique)
                merge = table.merge_insert("id").when_matched_update_all()
                self._commit(
                    table, lambda: merge.when_not_matched_insert_all().execute(rows), rows.nbytes
                )
                self._known = None
            elif added:
                rows = _to_arrow(unique if added == len(unique) else unique[~there])
                self._commit(table, lambda: table.add(rows), rows.nbytes)
                self._remember(table, rows["id"])
            self._tidy(table)
        return Written(added, replaced, len(sightings) - added - replaced)

    def name_persons(self, ids: Sequence[str], persons: Sequence[str]) -> int:
        named = dict(zip(ids, persons, strict=True))
        # Only this column is written anew: rows stay where the index expects them.
        rows = pa.table(
            {
                "id": pa.array(list(named), pa.string()),
                "person": pa.array(named.values(), pa.string()),
            }
        )
        with self._writing() as table:
            merge = table.merge_insert("id").when_matched_update_all()
            found = self._commit(table, lambda: merge.execute(rows), rows.nbytes)
        return int(found.num_updated_rows)

    def delete(self, where: Where) -> int:
        refuse_everything(where)
        with self._writing() as table:
            done = self._commit(table, lambda: table.delete(_rendered(where)), 0)
            self._known = None
        return int(done.num_deleted_rows)

    def compact(self, progress: Progress | None = None) -> Erased:
        """Write the next table from what is left, with its index, and remove the old one."""
        before = self._bytes()
        with self._writing() as table:
            if self._holds.version == table.version:
                return Erased(before, before, "nothing has changed since the last compaction")
            number = int(self._holds.table.rpartition("-")[2]) + 1
            name = f"sightings-{number}"
            rows = table.count_rows()
            with _explained(self._folder, before), self._scratch():
                _copy(table, self._database.create_table(name, schema=table.schema), rows, progress)
                for part in _PARTS:  # before the old table goes
                    _flush(path := self._folder / f"{name}.lance" / part, _names(path))
                self._point_to(_Holds(name))
                self._remove_old_tables()
                self._build_index()
                self._point_to(replace(self._holds, version=self._table().version))
        return Erased(
            before,
            self._bytes(),
            "vectors, index, thumbnails, names and old versions of what was removed are gone from "
            "this folder; copies and backups of it are not",
        )

    def update_index(self) -> IndexState:
        with self._writing() as table:
            rows, outside = table.count_rows(), self.index_state()
            tail = rows - outside.indexed
            if rows >= INDEX_FROM and tail > TAIL * rows:
                with _explained(self._folder, rows * self.about.dimensions), self._scratch():
                    table.optimize(cleanup_older_than=RECENT)
                    self._build_index()
        return self.index_state()

    # Reading

    def search(
        self,
        vectors: NDArray[np.float32],
        k: int,
        where: Where = Where(),  # noqa: B008 - frozen
        *,
        exact: bool = False,
        with_vectors: bool = False,
    ) -> Hits:
        queries = np.ascontiguousarray(vectors, np.float32)
        self._refuse_width(queries)
        asked = _Asked(queries, k, _rendered(where), columns=_columns(vectors=with_vectors))

        def work(table: Any) -> Hits:
            plainly = exact or len(queries) >= MANY
            probes = 0 if plainly else self._effort(table, asked.condition)
            return self._searched(table, replace(asked, probes=probes))

        return self._reading(work)

    def read(
        self,
        where: Where = Where(),  # noqa: B008 - frozen
        *,
        with_vectors: bool = True,
        with_thumbnails: bool = False,
        batch: int = 10_000,
    ) -> Iterator[Sightings]:
        columns = _columns(vectors=with_vectors, thumbnails=with_thumbnails)
        table = self._table()
        batches = _scan(table, columns, _rendered(where), batch)
        while True:
            with _explained(self._folder):
                try:
                    part = next(batches, None)
                except Exception:
                    if self._table() is table:
                        raise
                    raise _Explained(
                        f"{self._folder}: the gallery was compacted while it was read; read again"
                    ) from None
            if part is None:
                return
            if part.num_rows:
                yield _to_sightings(part, self.about.dimensions)

    def count(self, where: Where = Where()) -> int:  # noqa: B008 - frozen
        condition = _rendered(where)
        return self._reading(lambda table: int(table.count_rows(condition)))

    def groups(self, by: Group, where: Where = Where()) -> dict[str, int]:  # noqa: B008 - frozen
        column = "time" if by == "day" else by

        def work(table: Any) -> dict[str, int]:
            counts: dict[str, int] = {}
            for part in _scan(table, [column], _rendered(where)):
                values = part.column(column)
                if by == "day":
                    values = pa.array(days(_times(values)), pa.string())
                for name in pc.value_counts(values).to_pylist():
                    counts[name["values"]] = counts.get(name["values"], 0) + name["counts"]
            return counts

        return self._reading(work)

    def index_state(self) -> IndexState:
        def work(table: Any) -> IndexState:
            rows, holds = table.count_rows(), self._holds
            if not holds.probes:
                return IndexState("", 0, rows)
            stats = table.index_stats(_INDEX)
            shares = sorted(holds.probes.items(), key=lambda item: -float(item[0]))
            effort = ", ".join(
                f"{probes} where a filter keeps {float(share):.1%}" for share, probes in shares
            )
            return IndexState(
                "IVF_SQ",
                int(stats.num_indexed_rows),
                rows,
                f"of {holds.partitions} partitions {effort}",
                min(holds.recall.values()),
            )

        return self._reading(work)

    def disk_bytes(self) -> int | None:
        return self._bytes()

    def close(self) -> None:
        """Forget what was read; files are open only during a call."""
        self._known, self._opened, self._seen = None, None, ()
        self._counts.clear()
        self._shown = _Shown()

    # The folder

    def _table(self) -> Any:
        """The table that holds now, at its newest version; opened again when another process has
        pointed elsewhere."""
        while True:
            seen = self._signature()
            try:
                with _explained(self._folder):
                    if seen != self._seen:
                        self._open_table(seen)
                    self._opened.checkout_latest()
                return self._opened
            except _Explained:
                if self._signature() == seen:  # else a compaction took it away at this moment
                    raise

    def _signature(self) -> tuple[int, ...]:
        """What tells one table.json from another."""
        try:
            status = (self._folder / TABLE).stat()
        except FileNotFoundError:
            raise _Explained(_half(self._folder, f"{TABLE} is missing")) from None
        return status.st_ino, status.st_mtime_ns, status.st_size

    def _open_table(self, seen: tuple[int, ...]) -> None:
        try:
            self._holds = _Holds(**json.loads((self._folder / TABLE).read_bytes()))
        except (TypeError, json.JSONDecodeError):
            raise _Explained(_half(self._folder, f"{TABLE} cannot be read")) from None
        self._opened = self._database.open_table(self._holds.table)
        self._refuse_half(self._opened)
        self._seen = seen

    def _refuse_half(self, table: Any) -> None:
        """A copy that was cut off lacks files; better said now than in the middle of a search."""
        wanted = table.stats()["fragment_stats"]["num_fragments"]
        there = len([*self._directory().glob("data/*.lance")])
        if there < wanted:
            raise _Explained(
                _half(self._folder, f"{wanted - there} of {wanted} data files missing")
            )

    def _directory(self) -> Path:
        return self._folder / f"{self._holds.table}.lance"

    def _reading(self, work: Callable[[Any], Found]) -> Found:
        """Do something with the table; once more when a compaction took it away meanwhile."""
        while True:
            table = self._table()
            try:
                return work(table)
            except Exception as error:
                if self._table() is table:
                    raise _explanation(self._folder, error) from error

    @contextmanager
    def _writing(self) -> Iterator[Any]:
        """The table, while no other process writes."""
        try:
            with _explained(self._folder):
                self._lock.acquire(timeout=PATIENCE)
        except Timeout:
            raise ValueError(
                f"{self._folder}: another process has been writing for {PATIENCE:.0f} s; wait "
                "until it is done"
            ) from None
        try:
            table = self._table()
            self._remove_old_tables()  # these two: what a killed compaction left
            for path in self._folder.glob("scratch-*"):
                shutil.rmtree(path)
            yield table
        finally:
            self._lock.release()

    def _point_to(self, holds: _Holds) -> None:
        write_whole(self._folder / TABLE, holds.to_json())
        self._table()

    def _remove_old_tables(self) -> None:
        remove_parts(self._folder)
        for path in self._folder.glob("sightings-*.lance"):
            if path != self._directory():
                shutil.rmtree(path)

    @contextmanager
    def _scratch(self) -> Iterator[None]:
        """What the engine keeps for a while, vectors among it, stays inside the folder: a kill
        leaves it where it is found and removed, not in the system's place for such files."""
        before = os.environ.get("TMPDIR")
        with tempfile.TemporaryDirectory(prefix="scratch-", dir=self._folder) as place:
            os.environ["TMPDIR"] = place
            try:
                yield
            finally:
                del os.environ["TMPDIR"]
                if before is not None:
                    os.environ["TMPDIR"] = before

    def _commit(self, table: Any, change: Callable[[], Found], needed: int) -> Found:
        """Make a change, all of it or nothing, and wait until the disk has it; what a failed one
        left there is removed."""
        folders = [self._directory() / name for name in _PARTS]
        there, version = [_names(folder) for folder in folders], table.version
        try:
            with _explained(self._folder, needed):
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

    def _tidy(self, table: Any) -> None:
        """Keep a gallery that is written to in small batches quick to open and to search."""
        stats = table.stats()["fragment_stats"]
        if stats["num_small_fragments"] < PIECES or stats["num_fragments"] < self._next_look:
            return
        self._next_look = stats["num_fragments"] + PIECES
        if len(_names(self._directory() / "_versions")) > VERSIONS:
            with _explained(self._folder, self._bytes()):
                table.optimize(cleanup_older_than=RECENT)
            self._next_look = 0
            return
        parts = [part.column("_rowid").to_numpy() for part in _scan(table, ["id", "_rowid"])]
        numbers = np.concatenate(parts)
        pieces = numbers >> np.uint64(32)
        _, whose, sizes = np.unique(pieces, return_inverse=True, return_counts=True)
        if int(np.sum(sizes < SMALL)) < PIECES:
            return
        # Written once more as one piece: they change nothing but their place, in one step.
        rows = _taken(table, numbers[sizes[whose] < SMALL], table.schema.names)
        merge = table.merge_insert("id").when_matched_update_all()
        self._commit(table, lambda: merge.execute(rows), rows.nbytes)
        self._known, self._next_look = None, 0

    def _bytes(self) -> int:
        total = 0
        for path in self._folder.rglob("*"):
            with suppress(FileNotFoundError):  # another process may be compacting
                total += path.stat().st_size if path.is_file() else 0
        return total

    # Which ids are there

    def _refuse_width(self, vectors: NDArray[np.float32]) -> None:
        if vectors.ndim != 2 or vectors.shape[1] != self.about.dimensions:
            raise ValueError(
                f"the gallery holds vectors of {self.about.dimensions} dimensions, got the shape "
                f"{list(vectors.shape)}"
            )

    def _refuse_unfit(self, sightings: Sightings) -> None:
        self._refuse_width(sightings.vectors)
        lengths = np.einsum("nd,nd->n", sightings.vectors, sightings.vectors)
        if len(lengths) and not np.abs(lengths - 1).max() < 1e-3:  # NaN fails too
            raise ValueError("the vectors of sightings must be of length 1 and without NaN")

    def _there(self, table: Any, ids: NDArray[np.str_]) -> NDArray[np.bool_]:
        """Which ids the table holds, from memory unless another process has written since."""
        if self._known is None or self._known[:2] != (self._holds.table, table.version):
            with _explained(self._folder):
                parts = [part.column("id") for part in _scan(table, ["id"], batch=100_000)]
            self._known = (self._holds.table, table.version, pa.chunked_array(parts, pa.string()))
        known, asked = self._known[2], pa.array(ids)
        # Only the batch is hashed, so that a gallery of millions costs one pass and no structure.
        met = known.filter(pc.is_in(known, value_set=asked))
        return np.asarray(pc.is_in(asked, value_set=met.combine_chunks()))

    def _remember(self, table: Any, ids: pa.ChunkedArray) -> None:
        assert self._known is not None
        joined = pa.chunked_array([*self._known[2].chunks, *ids.chunks], pa.string())
        if joined.num_chunks > 256:
            joined = pa.chunked_array([joined.combine_chunks()])
        self._known = (self._holds.table, table.version, joined)

    # Searching

    def _effort(self, table: Any, condition: str | None) -> int:
        """Partitions to search; 0 to compare all that satisfy the condition."""
        if not self._holds.probes:
            return 0
        if condition is None:
            return self._holds.probes_for(1.0)
        kept, rows = self._kept(table, condition), table.count_rows()
        return 0 if kept <= EXACT_BELOW else self._holds.probes_for(kept / rows)

    def _kept(self, table: Any, condition: str) -> int:
        key = (self._holds.table, table.version, condition)
        if key not in self._counts:
            if len(self._counts) > 1000:
                self._counts.clear()
            self._counts[key] = int(table.count_rows(condition))
        return self._counts[key]

    def _searched(self, table: Any, asked: _Asked) -> Hits:
        empty = _schema(self.about.dimensions).append(pa.field("_distance", pa.float32()))
        parts = [empty.empty_table().select([*asked.columns, "_distance"])]
        counts: list[NDArray[np.int64]] = []
        step = 16 if asked.probes else max(1, len(asked.queries))
        for start in range(0, len(asked.queries), step):
            some = replace(asked, queries=asked.queries[start : start + step])
            one_by_one = asked.probes or len(some.queries) == 1
            if one_by_one:
                shown = self._shown if self._shown.serves(table) else None
                found, whose = _nearest(table, some, shown)
            else:
                found, whose = _nearest_of_all(table, some)
            parts.append(found)
            counts.append(np.bincount(whose, minlength=len(some.queries)))
        rows = pa.concat_tables(parts)
        return Hits(
            np.cumsum(np.concatenate([[0], *counts]), dtype=np.int64),
            _to_sightings(rows, self.about.dimensions),
            rows["_distance"].to_numpy().astype(np.float64),
            exact=not asked.probes,
        )

    # The index

    def _build_index(self) -> None:
        """Build the indexes where they pay, measure recall, and note what searches must spend."""
        table = self._table()
        rows = table.count_rows()
        if rows >= INDEX_FROM:
            for column, kind in _SCALARS.items():
                table.create_index(column, config=kind())
            partitions = min(rows // 1000, int(np.sqrt(rows)))
            config = IvfSq(distance_type="cosine", num_partitions=partitions)
            table.create_index("vector", config=config, name=_INDEX)
            self._point_to(self._tuned(replace(self._holds, partitions=partitions)))

    def _tuned(self, holds: _Holds) -> _Holds:
        """Raise the effort under each typical filter until recall on a sample is what it should."""
        table = self._table()
        truth = Truth.of(self, _sample(table, SAMPLE, self.about.dimensions))
        rows, probes = table.count_rows(), FEWEST
        efforts, recalls = {}, {}
        for name, where in truth.filters.items():  # the rarest last, which never needs less
            while True:
                recalls[name] = truth.recall(name, self.at_effort(probes))
                if recalls[name] >= TARGET or probes >= holds.partitions:
                    break
                probes = min(holds.partitions, int(np.ceil(1.25 * probes)))
            efforts[f"{table.count_rows(_rendered(where)) / rows:.6g}"] = probes
        return replace(holds, probes=efforts, recall=recalls)

    @property
    def partitions(self) -> int:
        """Of its index; 0 without one."""
        return self._holds.partitions

    def at_effort(self, probes: int) -> SearchWhere:
        """A search of so many partitions of the index, whatever the filter: to measure it."""

        def search(vectors: NDArray[np.float32], k: int, where: Where) -> Hits:
            asked = _Asked(vectors, k, _rendered(where), probes, _columns())
            return self._searched(self._table(), asked)

        return search


# Rows


def _schema(dimensions: int) -> pa.Schema:
    return pa.schema(
        {
            "id": pa.string(),
            "vector": pa.list_(pa.float32(), dimensions),
            "person": pa.string(),
            "camera": pa.string(),
            "source": pa.string(),
            "time": pa.timestamp("us"),
            "frame": pa.int64(),
            "tracklet": pa.int64(),
            "quality": pa.float32(),
            "image": pa.string(),
            "thumbnail": pa.binary(),
        }
    )


def _columns(*, vectors: bool = False, thumbnails: bool = False) -> list[str]:
    return [*_SHOWN, *(["vector"] if vectors else []), *(["thumbnail"] if thumbnails else [])]


def _to_arrow(sightings: Sightings) -> pa.Table:
    dimensions = sightings.vectors.shape[1]
    flat = pa.array(sightings.vectors.reshape(-1))
    return pa.table(
        {
            "id": pa.array(sightings.ids, pa.string()),
            "vector": pa.FixedSizeListArray.from_arrays(flat, dimensions),
            "person": pa.array(sightings.persons, pa.string()),
            "camera": pa.array(sightings.cameras, pa.string()),
            "source": pa.array(sightings.sources, pa.string()),
            "time": pa.array(sightings.times, pa.timestamp("us")),
            "frame": pa.array(sightings.frames),
            "tracklet": pa.array(sightings.tracklets),
            # NULL where not known, so that no comparison is true of it.
            "quality": pa.array(sightings.qualities, mask=np.isnan(sightings.qualities)),
            "image": pa.array(sightings.images, pa.string()),
            "thumbnail": pa.array(sightings.thumbnails, pa.binary()),
        },
        schema=_schema(dimensions),
    )


def _to_sightings(rows: pa.Table | pa.RecordBatch, dimensions: int) -> Sightings:
    names = rows.schema.names
    vectors = np.empty((rows.num_rows, 0), np.float32)
    if "vector" in names:
        vectors = _matrix(rows.column("vector"), dimensions)
    return Sightings(
        _texts(rows.column("id")),
        vectors,
        persons=_texts(rows.column("person")),
        cameras=_texts(rows.column("camera")),
        sources=_texts(rows.column("source")),
        times=_times(rows.column("time")),
        frames=_numbers(rows.column("frame")),
        tracklets=_numbers(rows.column("tracklet")),
        qualities=_numbers(rows.column("quality")),
        images=_texts(rows.column("image")),
        thumbnails=rows.column("thumbnail").to_pylist() if "thumbnail" in names else None,
    )


def _texts(column: pa.Array | pa.ChunkedArray) -> NDArray[np.str_]:
    return np.array(column.to_pylist(), np.str_)


def _numbers(column: pa.Array | pa.ChunkedArray) -> NDArray[Any]:
    return np.asarray(
        column.to_numpy(zero_copy_only=False) if isinstance(column, pa.Array) else column.to_numpy()
    )


def _times(column: pa.Array | pa.ChunkedArray) -> NDArray[np.datetime64]:
    return _numbers(column).astype("datetime64[us]")


def _matrix(column: pa.Array | pa.ChunkedArray, dimensions: int) -> NDArray[np.float32]:
    """Vectors [N, D]; one chunk at a time is enough memory."""
    if isinstance(column, pa.ChunkedArray):
        parts = [_matrix(chunk, dimensions) for chunk in column.chunks]
        return np.concatenate(parts) if parts else np.empty((0, dimensions), np.float32)
    return column.flatten().to_numpy().reshape(-1, dimensions)


# Filters: the only place where text from outside becomes part of a query


def _rendered(where: Where) -> str | None:
    """A filter as a condition in SQL, None for no condition."""
    terms = [
        _among(column, names)
        for column, names in (
            ("id", where.ids),
            ("person", where.persons),
            ("camera", where.cameras),
            ("source", where.sources),
        )
        if names
    ]
    if where.not_cameras:
        terms.append(f"NOT ({_among('camera', where.not_cameras)})")
    # Where a time or a quality is not known it is NULL, of which no comparison is true.
    if where.since is not None:
        terms.append(f"time >= {_instant(where.since)}")
    if where.until is not None:
        terms.append(f"time < {_instant(where.until)}")
    if where.known is not None:
        terms.append(f"person {'!=' if where.known else '='} {_quoted(UNKNOWN)}")
    if where.min_quality is not None:
        terms.append(f"quality >= {float(np.float32(where.min_quality))!r}")
    return " AND ".join(terms) or None


def _among(column: str, names: Sequence[str]) -> str:
    return f"{column} IN ({', '.join(map(_quoted, names))})"


def _quoted(text: str) -> str:
    """A literal: the quote is the only character that has a meaning in one, and is doubled."""
    return "'" + str(text).replace("'", "''") + "'"


def _instant(time: datetime) -> str:
    return f"timestamp '{str(moment(time)).replace('T', ' ')}'"


# Asking the engine


def _scan(
    table: Any, columns: Sequence[str], condition: str | None = None, batch: int = 10_000
) -> Iterator[pa.RecordBatch]:
    """All rows that satisfy the condition, in batches; ``_rowid`` may be among the columns."""
    asked = table.search().select([name for name in columns if name != "_rowid"])
    if condition is not None:
        asked = asked.where(condition)
    if "_rowid" in columns:
        asked = asked.with_row_id(True)
    yield from asked.to_batches(batch)


def _all_shown(table: Any) -> pa.Table:
    """The columns that searches show, of all rows by their number; few names are many rows'."""
    rows = pa.Table.from_batches([*_scan(table, [*_SHOWN, "_rowid"], None, 100_000)])
    rows = rows.combine_chunks().sort_by("_rowid")
    for name in ("person", "camera", "source"):
        column = rows[name].combine_chunks().dictionary_encode()
        rows = rows.set_column(rows.schema.names.index(name), name, column)
    return rows


def _taken(table: Any, numbers: NDArray[np.uint64], columns: Sequence[str]) -> pa.Table:
    """The rows of these numbers, in this order."""
    unique, places = np.unique(numbers, return_inverse=True)
    rows = table.take_row_ids(unique.tolist()).select([*columns]).with_row_id().to_arrow()
    order = np.argsort(rows["_rowid"].to_numpy())
    return rows.drop_columns("_rowid").take(pa.array(order[places]))


def _sample(table: Any, count: int, dimensions: int) -> Sightings:
    """Some sightings with their vectors, drawn evenly; the same ones of the same table."""
    parts = [
        part.column("_rowid").to_numpy() for part in _scan(table, ["id", "_rowid"], None, 100_000)
    ]
    numbers = np.random.default_rng(0).choice(np.concatenate(parts), count, replace=False)
    return _to_sightings(
        _taken(table, numbers, _columns(vectors=True, thumbnails=False)), dimensions
    )


def _nearest(
    table: Any, asked: _Asked, shown: _Shown | None = None
) -> tuple[pa.Table, NDArray[np.int32]]:
    """The engine's own search; by the index when partitions to probe are given. Rows by query,
    then distance, and whose they are."""
    fetched = shown is None or "vector" in asked.columns
    search = table.search(asked.queries, vector_column_name="vector", query_type="vector")
    search = search.limit(asked.k).select([*(asked.columns if fetched else ()), "_distance"])
    if asked.condition is not None:
        search = search.where(asked.condition, prefilter=True)
    if asked.probes:
        # The codes only propose: what they do is compared in full.
        search = search.distance_type("cosine").nprobes(asked.probes)
        search = search.refine_factor(-(-PROPOSED // asked.k))
    else:
        search = search.distance_type("dot").bypass_vector_index()
    rows = search.with_row_id(True).to_arrow()
    whose = np.zeros(rows.num_rows, np.int32)  # the column is only there with several queries
    if "query_index" in rows.schema.names:
        whose = rows["query_index"].to_numpy()
    if shown is not None and not fetched:
        found = shown.of(rows["_rowid"].to_numpy())
        rows = found.append_column("_distance", rows["_distance"])
    return rows.select([*asked.columns, "_distance"]), whose


def _nearest_of_all(table: Any, asked: _Asked) -> tuple[pa.Table, NDArray[np.int32]]:
    """The same by one pass over all vectors, which for many queries costs little more than for
    one."""
    queries, k = asked.queries, asked.k
    best: NDArray[np.float32] = np.empty((len(queries), 0), np.float32)  # similarities [Q, k]
    numbers: NDArray[np.uint64] = np.empty((len(queries), 0), np.uint64)  # of rows [Q, k]
    batch = int(np.clip(2**23 // len(queries), 256, 10_000))
    for part in _scan(table, ["vector", "_rowid"], asked.condition, batch):
        vectors = _matrix(part.column("vector"), queries.shape[1])
        rows = np.broadcast_to(part.column("_rowid").to_numpy(), (len(queries), len(vectors)))
        best = np.concatenate([best, queries @ vectors.T], axis=1)
        numbers = np.concatenate([numbers, rows], axis=1)
        if best.shape[1] > k:
            chosen = np.argpartition(-best, k - 1, axis=1)[:, :k]
            best = np.take_along_axis(best, chosen, axis=1)
            numbers = np.take_along_axis(numbers, chosen, axis=1)
    order = np.argsort(-best, axis=1, kind="stable")
    best = np.take_along_axis(best, order, axis=1)
    taken = _taken(table, np.take_along_axis(numbers, order, axis=1).ravel(), asked.columns)
    whose = np.repeat(np.arange(len(queries), dtype=np.int32), best.shape[1])
    return taken.append_column("_distance", pa.array(1 - best.ravel())), whose


def _copy(table: Any, other: Any, rows: int, progress: Progress | None) -> None:
    """All rows of one table into another, a piece at a time."""
    done, piece = 0, []
    for batch in _scan(table, _columns(vectors=True, thumbnails=True)):
        piece.append(batch)
        done += batch.num_rows
        if sum(part.nbytes for part in piece) > PIECE or done == rows:
            # Not the iterator itself: the engine would wait in one thread for what it reads there.
            other.add(pa.Table.from_batches(piece).select(other.schema.names))
            piece = []
            if progress is not None:
                progress(done, rows)


# What went wrong


class _Explained(ValueError):
    """An error in words that help, which no other place shall explain once more."""


@contextmanager
def _explained(folder: Path, needed: int = 0) -> Iterator[None]:
    """Turn the engine's errors, which are of many types, into ones that say what to do."""
    try:
        yield
    except (_Explained, DiskFull, Timeout):
        raise
    except Exception as error:
        raise _explanation(folder, error, needed) from error


def _explanation(folder: Path, error: Exception, needed: int = 0) -> ValueError:
    text = str(error)
    if any(sign in text for sign in _FULL):
        free = shutil.disk_usage(folder).free
        return DiskFull(
            f"no room for the gallery {folder}: about {needed / 1e6:.1f} MB are needed and "
            f"{free / 1e6:.1f} MB are free. All that was acknowledged is whole. Free some room and "
            "run the command again: what is there already is not added twice"
        )
    if any(sign in text for sign in _FORBIDDEN):
        return _Explained(
            f"{folder} cannot be written: searching works there, changing the gallery needs the "
            f"right to write ({text.splitlines()[0][:200]})"
        )
    if any(sign in text for sign in _GONE):
        return _Explained(_half(folder, text.splitlines()[0][:300]))
    return _Explained(
        f"the gallery {folder} cannot be used: {text[:500]}. It was written by "
        f"{_written_by(folder)} and is read by lancedb {lancedb.__version__}: upgrade if that is "
        "older, or else restore the folder from a copy"
    )


def _written_by(folder: Path) -> str:
    try:
        return str(json.loads((folder / TABLE).read_text("utf-8"))["engine"])
    except (OSError, ValueError, KeyError, TypeError):
        return "an unknown version"


def _half(folder: Path, what: str) -> str:
    return (
        f"the gallery {folder} is incomplete, as after a copy that was cut off: {what}. Copy the "
        "whole folder again, or restore it"
    )


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


ENGINE = LanceStore
