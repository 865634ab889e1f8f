"""The columns of the table of sightings, and rows of it from and to `Sightings`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from passerby.tables.columns import SIGHTING_COLUMNS, Column, Kind
from passerby.tables.looks import Looks
from passerby.tables.sightings import Sightings

_TEXT = 'text COLLATE "C" NOT NULL'
_TYPES: dict[Kind, str] = {
    "name": _TEXT,
    "path": _TEXT,
    "hash": _TEXT,
    "time": "timestamp",  # in UTC, without a zone: no setting of a session changes what it says
    "integer": "bigint NOT NULL",
    "share": "real",
}

INLINE_DIMENSIONS = 1_800
"""Up to so many the vectors lie in the pages of the table itself, of 8 kB; beyond, beside it, where
each has to be looked up."""

_PLAIN = tuple(column.row for column in SIGHTING_COLUMNS)
ALL_COLUMNS = (*_PLAIN, "vector", "looks", "thumbnail", "pictures")

NOT_IN_STATISTICS = ("id", "person", "image", "vector", "looks", "thumbnail", "pictures")
"""Columns of which the server keeps no samples, which would outlive what was removed."""


def definitions(dimensions: int) -> str:
    """The columns with their types, as text of a statement; nothing in it comes from outside."""
    columns = [f"{column.row} {_TYPES[column.kind]}" for column in SIGHTING_COLUMNS]
    columns[0] += " PRIMARY KEY"
    columns += [
        f"vector vector({int(dimensions)}) NOT NULL",
        "looks bytea",
        "thumbnail bytea NOT NULL",
        "pictures bytea[] NOT NULL",
    ]
    return ", ".join(columns)


def columns_of(*, vectors: bool, thumbnails: bool = False) -> tuple[str, ...]:
    """What to ask for; looks come with either, as everywhere."""
    names = _PLAIN
    names += ("vector",) if vectors else ()
    names += ("looks",) if vectors or thumbnails else ()
    return names + (("thumbnail", "pictures") if thumbnails else ())


def to_rows(sightings: Sightings) -> Iterator[dict[str, Any]]:
    """Rows to write, in the order of their ids, so that writers of the same do not wait for one
    another in a circle."""
    order = np.argsort(sightings.ids)
    columns = {
        column.row: _stored(column, getattr(sightings, column.name)) for column in SIGHTING_COLUMNS
    }
    for row in order.tolist():
        looks = sightings.looks[row]
        yield {name: values[row] for name, values in columns.items()} | {
            "vector": sightings.vectors[row],
            "looks": None if looks is None else looks.to_bytes(),
            "thumbnail": sightings.thumbnails[row],
            "pictures": [*sightings.pictures[row]],
        }


def to_sightings(rows: Sequence[Sequence[Any]], names: Sequence[str], dimensions: int) -> Sightings:
    """Rows that were read as sightings; names: of the columns that were asked for."""
    listed = zip(*rows, strict=True) if rows else iter([()] * len(names))
    columns = dict(zip(names, listed, strict=False))
    vectors = np.empty((len(rows), 0), np.float32)
    if "vector" in columns:
        vectors = np.empty((len(rows), dimensions), np.float32)
        for row, vector in enumerate(columns["vector"]):
            vectors[row] = vector.to_numpy()
    looks = columns.get("looks")
    return Sightings(
        vectors=vectors,
        thumbnails=columns.get("thumbnail"),
        looks=looks and [None if each is None else Looks.from_bytes(each) for each in looks],
        pictures=columns.get("pictures"),
        **{column.name: _read(column, columns[column.row]) for column in SIGHTING_COLUMNS},
    )


def _stored(column: Column, values: NDArray[Any]) -> list[Any]:
    """A column as the server keeps it: NULL for times and shares that are not known."""
    if column.kind == "share":
        return [None if np.isnan(value) else float(value) for value in values]
    return values.tolist()


def _read(column: Column, values: Sequence[Any]) -> NDArray[Any]:
    """A column that `_stored` made."""
    return np.array(values, column.dtype)
