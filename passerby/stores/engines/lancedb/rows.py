"""Sightings as rows of the engine: its columns, and reading, taking and copying rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from passerby.process.reporting import progress
from passerby.tables.columns import IDS, SIGHTING_COLUMNS
from passerby.tables.looks import Looks
from passerby.tables.sightings import Sightings

PIECE = 128_000_000
"""Bytes that copying a table holds in memory."""

SHOWN = [column.row for column in SIGHTING_COLUMNS]
"""Columns of what a search shows."""

LATER = ("until", "coherence", "looks", "pictures")
"""Columns that galleries of before passages lack."""

Table = Any
"""A table of lancedb, which has no types."""

Version = tuple[str, int]
"""Of the sightings: name and version of the table that holds them."""


def schema(dimensions: int) -> pa.Schema:
    """The columns of a gallery."""
    known = {column.row: column.arrow for column in SIGHTING_COLUMNS}
    vector = pa.list_(pa.float32(), dimensions)
    newer = {name: known.pop(name) for name in LATER if name in known}
    first = {IDS.row: known.pop(IDS.row), "vector": vector, **known, "thumbnail": pa.binary()}
    return pa.schema({**first, **newer, "looks": pa.binary(), "pictures": pa.list_(pa.binary())})


def columns(*, vectors: bool = False, thumbnails: bool = False) -> list[str]:
    """Names of the columns to read."""
    return [
        *SHOWN,
        *(["vector"] if vectors else []),
        *(["looks"] if vectors or thumbnails else []),
        *(["thumbnail", "pictures"] if thumbnails else []),
    ]


def to_arrow(sightings: Sightings) -> pa.Table:
    """Sightings as rows to write."""
    dimensions = sightings.vectors.shape[1]
    flat = pa.array(sightings.vectors.reshape(-1))
    arrays = {
        # NULL where not known (NaT, NaN), so that no comparison is true of it.
        column.row: pa.array(getattr(sightings, column.name), column.arrow, from_pandas=True)
        for column in SIGHTING_COLUMNS
    }
    arrays["vector"] = pa.FixedSizeListArray.from_arrays(flat, dimensions)
    arrays["thumbnail"] = pa.array(sightings.thumbnails, pa.binary())
    looks = [None if each is None else each.to_bytes() for each in sightings.looks]
    arrays["looks"] = pa.array(looks, pa.binary())
    pictures = [list(each) or None for each in sightings.pictures]
    arrays["pictures"] = pa.array(pictures, pa.list_(pa.binary()))
    return pa.table(arrays, schema=schema(dimensions))


def to_sightings(rows: pa.Table | pa.RecordBatch, dimensions: int) -> Sightings:
    """Rows that were read as sightings."""
    names = rows.schema.names
    vectors = np.empty((rows.num_rows, 0), np.float32)
    if "vector" in names:
        vectors = matrix(rows.column("vector"), dimensions)
    return Sightings(
        vectors=vectors,
        thumbnails=rows.column("thumbnail").to_pylist() if "thumbnail" in names else None,
        looks=_looks(rows.column("looks")) if "looks" in names else None,
        pictures=_pictures(rows.column("pictures")) if "pictures" in names else None,
        **{column.name: to_numpy(rows.column(column.row)) for column in SIGHTING_COLUMNS},
    )


def _looks(column: pa.Array | pa.ChunkedArray) -> list[Looks | None] | None:
    if column.null_count == len(column):
        return None
    return [None if each is None else Looks.from_bytes(each) for each in column.to_pylist()]


def _pictures(column: pa.Array | pa.ChunkedArray) -> list[list[bytes]] | None:
    if column.null_count == len(column):
        return None
    return [each or [] for each in column.to_pylist()]


def to_numpy(column: pa.Array | pa.ChunkedArray) -> NDArray[Any]:
    """A column in NumPy: text as such, NaT and NaN where it is NULL."""
    if pa.types.is_string(column.type):
        return np.array(column.to_pylist(), np.str_)
    return np.asarray(
        column.to_numpy(zero_copy_only=False) if isinstance(column, pa.Array) else column.to_numpy()
    )


def matrix(column: pa.Array | pa.ChunkedArray, dimensions: int) -> NDArray[np.float32]:
    """Vectors [N, D]; one chunk at a time is enough memory."""
    if isinstance(column, pa.ChunkedArray):
        parts = [matrix(chunk, dimensions) for chunk in column.chunks]
        return np.concatenate(parts) if parts else np.empty((0, dimensions), np.float32)
    return column.flatten().to_numpy().reshape(-1, dimensions)


def scan(
    table: Table, names: Sequence[str], condition: str | None = None, batch: int = 10_000
) -> Iterator[pa.RecordBatch]:
    """All rows that satisfy the condition, in batches; ``_rowid`` may be among the columns."""
    query = table.search().select([name for name in names if name != "_rowid"])
    if condition is not None:
        query = query.where(condition)
    if "_rowid" in names:
        query = query.with_row_id(True)
    yield from query.to_batches(batch)


def row_ids(table: Table, condition: str | None = None) -> NDArray[np.uint64]:
    """Those of all rows that satisfy the condition."""
    parts = [
        part.column("_rowid").to_numpy()
        for part in scan(table, ["id", "_rowid"], condition, 100_000)
    ]
    return np.concatenate(parts) if parts else np.empty(0, np.uint64)


def scan_vectors(
    table: Table, condition: str | None, rows: int, dimensions: int
) -> Iterator[tuple[NDArray[np.uint64], NDArray[np.float32]]]:
    """The vectors [N, D] of all rows that satisfy the condition, and their row ids [N], so many at
    once: where it scans, the engine reads ahead, up to the whole table."""
    ids = np.sort(row_ids(table, condition))
    for start in range(0, len(ids), rows):
        some = table.take_row_ids(ids[start : start + rows].tolist()).select(["vector"])
        part = some.with_row_id().to_arrow()
        yield part["_rowid"].to_numpy(), matrix(part["vector"], dimensions)


def take(table: Table, ids: NDArray[np.uint64], names: Sequence[str]) -> pa.Table:
    """The rows of these row ids, in this order."""
    unique, places = np.unique(ids, return_inverse=True)
    rows = table.take_row_ids(unique.tolist()).select([*names]).with_row_id().to_arrow()
    order = np.argsort(rows["_rowid"].to_numpy())
    return rows.drop_columns("_rowid").take(pa.array(order[places]))


def copy(table: Table, other: Table) -> None:
    """All rows of one table into another, those of one camera together, a piece at a time.

    Searches among the sightings of a camera, or of all others, look up each row of a partition in
    the set of rows that the filter keeps: where these lie together, in half the time.
    """
    ids = _by_camera(table)
    done, size = 0, 1000
    with progress("copying") as advance:
        while done < len(ids):
            piece = take(table, ids[done : done + size], other.schema.names)
            other.add(piece)
            done += piece.num_rows
            advance(done, len(ids))
            size = min(16 * size, max(1, PIECE * piece.num_rows // piece.nbytes))


def _by_camera(table: Table) -> NDArray[np.uint64]:
    """The ids of all rows, ordered by camera and within it as they are."""
    parts = [
        pa.Table.from_batches([part]) for part in scan(table, ["camera", "_rowid"], None, 100_000)
    ]
    if not parts:
        return np.empty(0, np.uint64)
    rows = pa.concat_tables(parts)
    cameras = rows["camera"].combine_chunks().dictionary_encode().indices.to_numpy()
    ids: NDArray[np.uint64] = rows["_rowid"].to_numpy()
    return ids[np.lexsort([ids, cameras])]
