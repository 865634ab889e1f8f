"""Which ids a table holds: one column in memory, read again when another process has written."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from passerby.stores.engines.lancedb.rows import Table, scan


class KnownIds:
    """The ids of one version of a table."""

    def __init__(self) -> None:
        self._of: tuple[str, int] | None = None
        self._ids: pa.ChunkedArray = pa.chunked_array([], pa.string())

    def present(self, table: Table, ids: NDArray[np.str_]) -> NDArray[np.bool_]:
        """Which of the ids the table holds."""
        if self._of != (table.name, table.version):
            parts = [part.column("id") for part in scan(table, ["id"], batch=100_000)]
            self._cache(table, parts)
        wanted = pa.array(ids)
        # Only the batch is hashed, so that a gallery of millions costs one pass and no structure.
        met = self._ids.filter(pc.is_in(self._ids, value_set=wanted))
        return np.asarray(pc.is_in(wanted, value_set=met.combine_chunks()))

    def add(self, table: Table, ids: pa.ChunkedArray) -> None:
        """What was just added to it, which is all that has changed."""
        parts = [*self._ids.chunks, *ids.chunks]
        self._cache(
            table, [pa.chunked_array(parts).combine_chunks()] if len(parts) > 256 else parts
        )

    def _cache(self, table: Table, parts: list[pa.Array]) -> None:
        self._of, self._ids = (table.name, table.version), pa.chunked_array(parts, pa.string())
