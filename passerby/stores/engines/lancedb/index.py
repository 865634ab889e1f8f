"""The index of a table: when it is built, and how much of it searches have to look at."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from lancedb.index import Bitmap, BTree, IvfSq

from passerby.stores import IndexState
from passerby.stores.engines.lancedb.conditions import condition_of
from passerby.stores.engines.lancedb.rows import (
    Table,
    Version,
    columns,
    row_ids,
    take,
    to_sightings,
)
from passerby.stores.engines.lancedb.table_state import TableState
from passerby.stores.recall import SearchWhere, Truth
from passerby.tables.sightings import Sightings

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

SAMPLE = 64
"""Sightings that recall is measured with."""

INDEX = "vector_idx"

_SCALARS = {
    "id": BTree, "person": BTree, "camera": Bitmap, "source": Bitmap, "time": BTree, "until": BTree,
}  # fmt: skip


@dataclass(frozen=True)
class Measured:
    """Of an index, as `TableState` keeps it: probes by the share that a filter keeps, and recall by
    the name of the filter."""

    probes: Mapping[str, int]
    recall: Mapping[str, float]


class Counts:
    """How many sightings conditions keep, counted once for each version of a table."""

    def __init__(self) -> None:
        self._of: Version = ("", 0)
        self._counts: dict[str | None, int] = {}

    def of(self, table: Table, version: Version, condition: str | None) -> int:
        """How many rows satisfy it."""
        if version != self._of or len(self._counts) > 1000:
            self._of, self._counts = version, {}
        if condition not in self._counts:
            self._counts[condition] = int(table.count_rows(condition))
        return self._counts[condition]


def probes_of(state: TableState, kept: int, rows: int) -> int:
    """Partitions to search where a filter keeps so many of all rows; 0 to compare all of these."""
    return 0 if kept <= EXACT_BELOW < rows else _probes_for(state, kept / rows)


def _probes_for(state: TableState, share: float) -> int:
    """Partitions to search when a filter keeps that share of the sightings."""
    measured = sorted((float(kept), probes) for kept, probes in state.probes.items())
    below = [probes for kept, probes in measured if kept <= share]
    if below:
        return below[-1]
    rarest, probes = measured[0]
    return min(state.partitions, int(np.ceil(probes * rarest / share)))


def state_of(table: Table, state: TableState) -> IndexState:
    """What searches use now."""
    rows = table.count_rows()
    if not state.probes:
        return IndexState("", 0, rows)
    shares = sorted(state.probes.items(), key=lambda item: -float(item[0]))
    effort = ", ".join(
        f"{probes} where a filter keeps {float(share):.1%}" for share, probes in shares
    )
    return IndexState(
        "IVF_SQ",
        int(table.index_stats(INDEX).num_indexed_rows),
        rows,
        f"of {state.partitions} partitions {effort}",
        recall_of(state),
    )


def recall_of(state: TableState) -> float | None:
    """The least that was measured under any filter; None where searches compare all."""
    return min(state.recall.values()) if state.probes else None


def partitions_for(rows: int) -> int:
    """Groups of the index for so many sightings."""
    return min(rows // 1000, int(np.sqrt(rows)))


def create_indexes(table: Table, partitions: int) -> None:
    """Index the columns that filters name, and the vectors in so many partitions."""
    for column, kind in _SCALARS.items():
        table.create_index(column, config=kind())
    config = IvfSq(distance_type="cosine", num_partitions=partitions)
    table.create_index("vector", config=config, name=INDEX)


def tuned(
    partitions: int, table: Table, truth: Truth, at_effort: Callable[[int], SearchWhere]
) -> Measured:
    """Raise the effort under each typical filter until recall on a sample is what it should."""
    rows, probes = table.count_rows(), FEWEST
    efforts, recalls = {}, {}
    for name, where in truth.filters.items():  # the rarest last, which never needs less
        while True:
            recalls[name] = truth.recall(name, at_effort(probes))
            if recalls[name] >= TARGET or probes >= partitions:
                break
            probes = min(partitions, int(np.ceil(1.25 * probes)))
        efforts[f"{table.count_rows(condition_of(where)) / rows:.6g}"] = probes
    return Measured(efforts, recalls)


def sample(table: Table, dimensions: int) -> Sightings:
    """Some sightings with their vectors, drawn evenly; the same ones of the same table."""
    chosen = np.random.default_rng(0).choice(row_ids(table), SAMPLE, replace=False)
    return to_sightings(take(table, chosen, columns(vectors=True)), dimensions)
