"""Sightings as rows of a server: its fields, their limits, and both ways."""

from __future__ import annotations

import base64
from collections.abc import Collection, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from passerby.stores import MOST_BYTES
from passerby.stores.engines.milvus.address import Client, pymilvus
from passerby.stores.engines.milvus.conditions import NO_TIME
from passerby.tables.columns import SIGHTING_COLUMNS, Column
from passerby.tables.looks import MOST_PICTURES, Looks
from passerby.tables.sightings import Sightings

COLUMNS = [column.row for column in SIGHTING_COLUMNS]

PICTURES = [f"picture_{number}" for number in range(1, MOST_PICTURES + 1)]
"""Fields of the pictures of a passage: one would be too small for all."""

LATER = {"until", "coherence", "looks", *PICTURES}
"""Fields that collections of before passages lack."""

REQUEST_BYTES = 32 * 2**20
"""Of one request, at most; the server refuses messages of more than 64 MiB."""

_BYTES = 65_535  # in base64; the largest VARCHAR that the server takes
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
    for name in ("thumbnail", "looks", *PICTURES):
        made.add_field(name, types.VARCHAR, max_length=_BYTES)
    return made


def fields_of(names: Collection[str], *, vectors: bool, thumbnails: bool) -> list[str]:
    """The fields to read, of those that a collection has."""
    wanted = [
        *COLUMNS,
        *(["vector"] if vectors else []),
        *(["looks"] if vectors or thumbnails else []),
        *(["thumbnail", *PICTURES] if thumbnails else []),
    ]
    return [name for name in wanted if name in names]


def require_fitting(sightings: Sightings, names: Collection[str], shown: str) -> None:
    """Raises ValueError for pictures that the server does not take, and for passages where the
    collection of fields ``names`` is of before them; shown: its address."""
    most = _BYTES // 4 * 3
    pictures = [jpeg for each in sightings.pictures for jpeg in each]
    looks = [each.to_bytes() for each in sightings.looks if each is not None]
    largest = max(map(len, (*sightings.thumbnails, *pictures, *looks)), default=0)
    if largest > most:
        raise ValueError(
            f"a Milvus server takes thumbnails, pictures and the looks of a passage of at most "
            f"{most:,} bytes each, got {largest:,}: make them smaller"
        )
    passages = any(sightings.looks) or not np.isnat(sightings.untils).all()
    if passages and not {*names} >= LATER:
        raise ValueError(
            f"{shown}: this collection was made before galleries could keep passages, and a "
            "server cannot give it their fields. Move it: passerby gallery dump "
            f"{shown} FILE, then passerby gallery restore FILE PLACE, another collection"
        )


def requests(sightings: Sightings, names: Collection[str]) -> Iterator[list[dict[str, object]]]:
    """Sightings as rows of the fields ``names`` to write, as many at a time as one request
    takes."""
    rows: list[dict[str, object]] = []
    size = 0
    for row in _to_rows(sightings, names):
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


def _to_rows(sightings: Sightings, names: Collection[str]) -> Iterator[dict[str, object]]:
    columns = {
        column.row: _stored(column, getattr(sightings, column.name)).tolist()
        for column in SIGHTING_COLUMNS
    }
    columns["vector"] = sightings.vectors
    columns["thumbnail"] = [_text(jpeg) for jpeg in sightings.thumbnails]
    columns["looks"] = [_text(b"" if each is None else each.to_bytes()) for each in sightings.looks]
    for number, name in enumerate(PICTURES):
        columns[name] = [_text(b"".join(each[number : number + 1])) for each in sightings.pictures]
    kept = {name: values for name, values in columns.items() if name in names}
    for values in zip(*kept.values(), strict=True):
        yield dict(zip(kept, values, strict=True))


def to_sightings(rows: Sequence[Any], fields: Sequence[str], dimensions: int) -> Sightings:
    """Rows that were read as sightings; fields: those that were asked for."""
    vectors = np.empty((len(rows), 0), np.float32)
    if "vector" in fields:
        vectors = np.array([row["vector"] for row in rows], np.float32)
        vectors = vectors.reshape(len(rows), dimensions)
    thumbnails = looks = pictures = None
    if "thumbnail" in fields:
        thumbnails = [base64.b64decode(row["thumbnail"]) for row in rows]
    if "looks" in fields:
        texts = [base64.b64decode(row["looks"]) for row in rows]
        looks = [Looks.from_bytes(text) if text else None for text in texts]
    if PICTURES[0] in fields:
        given = [[base64.b64decode(row[name]) for name in PICTURES] for row in rows]
        pictures = [[jpeg for jpeg in each if jpeg] for each in given]
    columns = {
        column.name: _read(column, [row[column.row] for row in rows])
        for column in SIGHTING_COLUMNS
        if column.row in fields
    }
    return Sightings(
        vectors=vectors, thumbnails=thumbnails, looks=looks, pictures=pictures, **columns
    )


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()


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
