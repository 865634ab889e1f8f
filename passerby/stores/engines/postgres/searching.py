"""The nearest sightings of queries, on the server: in its index, or of all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from passerby.stores.engines.postgres import index
from passerby.stores.engines.postgres.conditions import condition_of
from passerby.stores.engines.postgres.database import set_here
from passerby.stores.engines.postgres.layout import one
from passerby.tables.filters import Where

if TYPE_CHECKING:
    from psycopg import Cursor

DISTANCE = "1 + (vector <#> %(query)s)"
"""The cosine distance of unit vectors: the operator gives the negative product, for a third of the
work of pgvector's cosine, which takes their lengths each time."""

COMPARED = 20_000
"""Sightings that a filter keeps, up to which they are all compared where there is an index, too."""

Rows = list[tuple[Any, ...]]


@dataclass(frozen=True)
class Request:
    """Unit vectors [Q, D], how many are wanted of each, under which filter, and the columns."""

    vectors: NDArray[np.float32]
    k: int
    where: Where
    columns: Sequence[str]


def nearest(cursor: Cursor[Any], request: Request) -> list[Rows]:
    """For each query its rows, the nearest first, with their distances last; all are compared."""
    condition, values = condition_of(request.where)
    statement = (
        f"SELECT {', '.join(request.columns)}, {DISTANCE} AS distance FROM sightings "
        f"WHERE {condition} ORDER BY distance LIMIT {int(request.k)}"
    )
    # HNSW answers by index scans only; filters have bitmaps, too.
    set_here(cursor, {"enable_indexscan": "off"})
    return _asked(cursor, statement, values, request.vectors)


def few(cursor: Cursor[Any], where: Where) -> bool:
    """Whether the server expects a filter to keep so few that comparing these is quicker than the
    index, which would visit all that are near and throw most away."""
    # Of names it keeps no samples, so that it would take nobody's for few.
    condition, values = condition_of(replace(where, known=None))
    if condition == "true":
        return False
    cursor.execute(f"EXPLAIN (FORMAT JSON) SELECT 1 FROM sightings WHERE {condition}", values)
    return bool(one(cursor)[0][0]["Plan"]["Plan Rows"] <= COMPARED)


def nearest_in_index(cursor: Cursor[Any], request: Request) -> list[Rows]:
    """The same from the index of float16 vectors, ordered by the vectors themselves; where it gives
    up before there are enough, by comparing all."""
    condition, values = condition_of(request.where)
    columns, k = request.columns, int(request.k)
    half = f"halfvec({request.vectors.shape[1]})"
    statement = (
        f"SELECT {', '.join(columns)}, {DISTANCE} AS distance FROM ("
        f"SELECT {', '.join(dict.fromkeys((*columns, 'vector')))} FROM sightings "
        f"WHERE {condition} ORDER BY vector::{half} <#> %(query)s::vector::{half} LIMIT {2 * k}"
        f") AS near ORDER BY distance LIMIT {k}"
    )
    set_here(cursor, index.search_settings(2 * k))
    found = _asked(cursor, statement, values, request.vectors)
    short = [number for number, rows in enumerate(found) if len(rows) < k]
    if short and any(len(found[number]) < _count(cursor, request.where) for number in short):
        some = Request(request.vectors[short], k, request.where, columns)
        for number, rows in zip(short, nearest(cursor, some), strict=True):
            found[number] = rows
    return found


def _asked(
    cursor: Cursor[Any], statement: str, values: dict[str, Any], vectors: NDArray[np.float32]
) -> list[Rows]:
    return [cursor.execute(statement, {**values, "query": query}).fetchall() for query in vectors]


def _count(cursor: Cursor[Any], where: Where) -> int:
    condition, values = condition_of(where)
    cursor.execute(f"SELECT count(*) FROM sightings WHERE {condition}", values)
    return int(one(cursor)[0])
