"""Sightings as rows of a server: its fields, their limits, and both ways."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from passerby.stores import MOST_BYTES
from passerby.stores.engines.milvus.address import Client, pymilvus
from passerby.stores.engines.milvus.conditions import NO_TIME
from passerby.tables.columns import SIGHTING_COLUMNS, Column
from passerby.tables.sightings import Sightings

COLUMNS = [column.row for column in SIGHTING_COLUMNS]

REQUEST_BYTES = 32 * 2**20
"""Of one request, at most; the server refuses messages of more than 64 MiB."""

_THUMBNAIL_BYTES = 65_535  # in base64; the largest VARCHAR that the server takes
_NO_QUALITY = -1.0


def schema(client: Client, dimensions: int) -> Any:
    """The fields of a gallery's collection."""
    types = pymilvus().DataType
    made = client.create_schema(auto_id=False, enable_dynamic_field=False)
    for column in SIGHTING_COLUMNS:
        if column.kind in MOST_BYTES:
            made.add_field(
                column.row,
                types.VARCHAR,
                is_primary=column.row == "id",
                max_length=MOST_BYTES[column.kind],
            )
        else:
            made.add_field(column.row, types.FLOAT if column.kind == "share" else types.INT64)
    made.add_field("vector", types.FLOAT_VECTOR, dim=dimensions)
    made.add_field("thumbnail", types.VARCHAR, max_length=_THUMBNAIL_BYTES)
    return made


def require_small_thumbnails(sightings: Sightings) -> None:
    """Raises ValueError for those that the server does not take."""
    most = _THUMBNAIL_BYTES // 4 * 3
    largest = max(map(len, sightings.thumbnails), default=0)
    if largest > most:
        raise ValueError(
            f"a Milvus server takes thumbnails of at most {most:,} bytes, got one of "
            f"{largest:,}: make them smaller"
        )


def requests(sightings: Sightings) -> Iterator[list[dict[str, object]]]:
    """Sightings as rows to write, as many at a time as one request takes."""
    rows: list[dict[str, object]] = []
    size = 0
    for row in _to_rows(sightings):
        weight = 4 * sightings.vectors.shape[1] + sum(
            len(value) for value in row.values() if isinstance(value, str)
        )
        if rows and size + weight > REQUEST_BYTES:
            yield rows
            rows, size = [], 0
        rows.append(row)
        size += weight + 100
    if rows:
        yield rows


def _to_rows(sightings: Sightings) -> Iterator[dict[str, object]]:
    columns = {
        column.row: _stored(column, getattr(sightings, column.name)).tolist()
        for column in SIGHTING_COLUMNS
    }
    columns["vector"] = sightings.vectors
    columns["thumbnail"] = [base64.b64encode(jpeg).decode() for jpeg in sightings.thumbnails]
    for values in zip(*columns.values(), strict=True):
        yield dict(zip(columns, values, strict=True))


def to_sightings(rows: Sequence[Any], fields: Sequence[str], dimensions: int) -> Sightings:
    """Rows that were read as sightings; fields: those that were asked for."""
    vectors = np.empty((len(rows), 0), np.float32)
    if "vector" in fields:
        vectors = np.array([row["vector"] for row in rows], np.float32)
        vectors = vectors.reshape(len(rows), dimensions)
    thumbnails = None
    if "thumbnail" in fields:
        thumbnails = [base64.b64decode(row["thumbnail"]) for row in rows]
    columns = {
        column.name: _read(column, [row[column.row] for row in rows]) for column in SIGHTING_COLUMNS
    }
    return Sightings(vectors=vectors, thumbnails=thumbnails, **columns)


def to_times(values: Sequence[int]) -> NDArray[np.datetime64]:
    """A field of times, NaT where there is none."""
    numbers = np.array(values, np.int64)
    times = numbers.astype("datetime64[us]")
    times[numbers == NO_TIME] = np.datetime64("NaT")
    return times


def _stored(column: Column, values: NDArray[Any]) -> NDArray[Any]:
    """A column as the server keeps it, which knows no missing values."""
    if column.kind == "time":
        return np.where(np.isnat(values), NO_TIME, values.astype(np.int64))
    if column.kind == "share":
        return np.where(np.isnan(values), _NO_QUALITY, values)
    return values


def _read(column: Column, values: Sequence[Any]) -> NDArray[Any]:
    """A column that `_stored` made."""
    if column.kind == "time":
        return to_times(values)
    found = np.array(values, column.dtype)
    return np.where(found < 0, np.nan, found) if column.kind == "share" else found
