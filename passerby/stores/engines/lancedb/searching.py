"""The nearest rows of a table: by its index, by comparing all, or by one pass for many queries."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from passerby.stores import Hits
from passerby.stores.engines.lancedb.rows import (
    SHOWN,
    Table,
    Version,
    scan,
    scan_vectors,
    schema,
    take,
    to_sightings,
)

PROPOSED = 50
"""Least number of sightings that the index proposes for a comparison in full."""

STILL = 4
"""Searches of an unchanged table after which what they show is kept in memory."""

SHOWN_UP_TO = 2_000_000
"""Sightings of which that is done: about 150 bytes each."""


@dataclass(frozen=True)
class Request:
    """A search as the engine takes it: unit vectors [Q, D], and how many partitions to probe (0:
    compare every sighting that satisfies the condition)."""

    queries: NDArray[np.float32]
    k: int
    condition: str | None
    probes: int = 0
    columns: Sequence[str] = ()


class ShownColumns:
    """What a search shows of each sighting, in memory once the table has stood still for a few
    searches: to fetch it from the disk takes a third of the time of a search."""

    def __init__(self) -> None:
        self._of: Version = ("", 0)
        self._searches = 0
        self._row_ids: NDArray[np.uint64] = np.empty(0, np.uint64)
        self._rows: pa.Table | None = None

    def serves(self, table: Table, version: Version) -> bool:
        """Whether it holds this version; read when that is asked for often."""
        if version != self._of:
            self._of, self._searches, self._rows = version, 0, None
        self._searches += 1
        wanted = self._rows is None and self._searches >= STILL
        if wanted and 0 < table.count_rows() <= SHOWN_UP_TO:
            rows = _all_shown(table)
            self._rows, self._row_ids = rows.drop_columns("_rowid"), rows["_rowid"].to_numpy()
        return self._rows is not None

    def take(self, row_ids: NDArray[np.uint64]) -> pa.Table:
        """The columns of the rows of these ids, in this order."""
        assert self._rows is not None
        rows = self._rows.take(pa.array(np.searchsorted(self._row_ids, row_ids)))
        return rows.cast(pa.schema([schema(1).field(name) for name in rows.schema.names]))


def search_table(
    table: Table, version: Version, request: Request, shown: ShownColumns, dimensions: int
) -> Hits:
    """The nearest rows of each query."""
    empty = schema(dimensions).append(pa.field("_distance", pa.float32()))
    parts = [empty.empty_table().select([*request.columns, "_distance"])]
    counts: list[NDArray[np.int64]] = []
    step = 16 if request.probes else max(1, len(request.queries))
    for start in range(0, len(request.queries), step):
        some = replace(request, queries=request.queries[start : start + step])
        if request.probes or len(some.queries) == 1:
            found, whose = _by_engine(table, some, shown if shown.serves(table, version) else None)
        else:
            found, whose = _by_one_pass(table, some)
        parts.append(found)
        counts.append(np.bincount(whose, minlength=len(some.queries)))
    rows = pa.concat_tables(parts)
    return Hits(
        np.cumsum(np.concatenate([[0], *counts]), dtype=np.int64),
        to_sightings(rows, dimensions),
        rows["_distance"].to_numpy().astype(np.float64),
        exact=not request.probes,
    )


def _by_engine(
    table: Table, request: Request, shown: ShownColumns | None
) -> tuple[pa.Table, NDArray[np.int32]]:
    """The engine's own search; by the index when partitions to probe are given. Rows by query,
    then distance, and whose they are."""
    fetched = shown is None or "vector" in request.columns
    search = table.search(request.queries, vector_column_name="vector", query_type="vector")
    search = search.limit(request.k).select([*(request.columns if fetched else ()), "_distance"])
    if request.condition is not None:
        search = search.where(request.condition, prefilter=True)
    if request.probes:
        # The codes only propose: what they do is compared in full.
        search = search.distance_type("cosine").nprobes(request.probes)
        search = search.refine_factor(-(-PROPOSED // request.k))
    else:
        search = search.distance_type("dot").bypass_vector_index()
    rows = search.with_row_id(True).to_arrow()
    whose = np.zeros(rows.num_rows, np.int32)  # the column is only there with several queries
    if "query_index" in rows.schema.names:
        whose = rows["query_index"].to_numpy()
    if shown is not None and not fetched:
        found = shown.take(rows["_rowid"].to_numpy())
        rows = found.append_column("_distance", rows["_distance"])
    return rows.select([*request.columns, "_distance"]), whose


def _by_one_pass(table: Table, request: Request) -> tuple[pa.Table, NDArray[np.int32]]:
    """The same by reading all vectors once, which for many queries costs little more than for
    one."""
    queries, k = request.queries, request.k
    best: NDArray[np.float32] = np.empty((len(queries), 0), np.float32)  # similarities [Q, k]
    row_ids: NDArray[np.uint64] = np.empty((len(queries), 0), np.uint64)  # [Q, k]
    batch = int(np.clip(2**21 // max(queries.shape), 256, 10_000))
    for ids, vectors in scan_vectors(table, request.condition, batch, queries.shape[1]):
        rows = np.broadcast_to(ids, (len(queries), len(vectors)))
        best = np.concatenate([best, queries @ vectors.T], axis=1)
        row_ids = np.concatenate([row_ids, rows], axis=1)
        if best.shape[1] > k:
            chosen = np.argpartition(-best, k - 1, axis=1)[:, :k]
            best = np.take_along_axis(best, chosen, axis=1)
            row_ids = np.take_along_axis(row_ids, chosen, axis=1)
    order = np.argsort(-best, axis=1, kind="stable")
    best = np.take_along_axis(best, order, axis=1)
    taken = take(table, np.take_along_axis(row_ids, order, axis=1).ravel(), request.columns)
    whose = np.repeat(np.arange(len(queries), dtype=np.int32), best.shape[1])
    return taken.append_column("_distance", pa.array(1 - best.ravel())), whose


def _all_shown(table: Table) -> pa.Table:
    """The columns that searches show, of all rows by their ids; few names are many rows'."""
    rows = pa.Table.from_batches([*scan(table, [*SHOWN, "_rowid"], None, 100_000)])
    rows = rows.combine_chunks().sort_by("_rowid")
    for name in ("person", "camera", "source"):
        column = rows[name].combine_chunks().dictionary_encode()
        rows = rows.set_column(rows.schema.names.index(name), name, column)
    return rows
