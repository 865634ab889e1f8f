"""The contract of stores, kept by one collection of a Milvus server."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from passerby.process.reporting import progress
from passerby.stores import Erased, Group, Hits, IndexState, Store
from passerby.stores.about import About
from passerby.stores.comparing import nearest_of_pages
from passerby.stores.engines.milvus.address import Address
from passerby.stores.engines.milvus.collection import PAGE, Collection
from passerby.stores.engines.milvus.conditions import MOST_IDS
from passerby.stores.engines.milvus.rows import (
    fields_of,
    requests,
    require_fitting,
    to_sightings,
    to_times,
)
from passerby.tables.filters import EVERYTHING, Where
from passerby.tables.sightings import Sightings, days, with_persons

_TAIL = 0.1
"""Share of the sightings that may lie outside the index at the end of an addition: the server
leaves what was added open for ten minutes of rest, and as long searches it less well."""

_ANSWERS = 20_000  # hits in one answer

_COMPACTED = (
    "what was removed is unreachable from now on. The server takes it off its disks by its own "
    "settings: a compaction (asked for now) rewrites the segments that held it, and the garbage "
    "collector deletes the old ones, by default hourly (dataCoord.gc.interval, 3600 s) and after "
    "three hours (dataCoord.gc.dropTolerance, 10800 s); its message log keeps writes for days "
    "(rocksmq.retentionTimeInMinutes, 4320, or the retention of Pulsar or Kafka)"
)


class MilvusStore(Store):
    """Sightings in one collection of a Milvus server."""

    def __init__(self, collection: Collection, about: About) -> None:
        self.about = about
        self._collection = collection

    @classmethod
    def create(cls, place: str, about: About) -> MilvusStore:
        """Make a collection. Raises ValueError when there is one of that name."""
        collection = Collection(Address.from_text(place))
        try:
            collection.create(about)
        except BaseException:
            collection.client.close()
            raise
        return cls(collection, about)

    @classmethod
    def open(cls, place: str) -> MilvusStore:
        """Open a collection. Raises ValueError when there is none, or it is no gallery."""
        collection = Collection(Address.from_text(place))
        try:
            about = collection.about()
            collection.load()
        except BaseException:
            collection.client.close()
            raise
        return cls(collection, about)

    def change_about(self, change: Callable[[About], About]) -> About:
        """As `Store.change_about`, as far as a server without locks can: a change that another
        process made until just before the writing is kept."""
        made = change(before := self.refresh_about())
        while (now := self.refresh_about()) != before:
            made = change(before := now)
        if made != before:
            self._collection.set_about(made)
            self.about = made
        return self.about

    def refresh_about(self) -> About:
        about = self._collection.about()
        if about != self.about:  # who holds on to the old one finds it the same
            self.about = about
        return self.about

    def _write(self, sightings: Sightings, *, replace: bool) -> NDArray[np.bool_]:
        """As `Store.write`; what is larger than 32 MiB goes in several requests, of each of which
        a kill leaves all or nothing."""
        collection = self._collection
        require_fitting(sightings, collection.names, collection.address.shown)
        wanted = Where(ids=tuple(sightings.ids.tolist()))
        found = [] if wanted.everything else [*self._collection.pages(wanted, [])]
        there = np.isin(sightings.ids, [row["id"] for rows in found for row in rows])
        self._upsert(sightings if replace else sightings[~there])
        return there

    def _upsert(self, sightings: Sightings) -> None:
        for rows in requests(sightings, self._collection.names):
            self._collection.call("upsert", data=rows)
        if len(sightings):
            self._collection.wait_for_writes()

    def _search(
        self,
        vectors: NDArray[np.float32],
        k: int,
        where: Where,
        *,
        exact: bool,
        with_vectors: bool,
    ) -> Hits:
        """As `Store.search`. Where the server has an HNSW index, an exact search reads all vectors
        that satisfy ``where`` and compares them here."""
        flat = self._collection.index()["index_type"] == "FLAT"
        if k > PAGE or len(where.ids) > MOST_IDS or (exact and not flat):
            pages = self._vectors(where)
            return nearest_of_pages(self, pages, vectors, k, with_vectors=with_vectors)
        fields = self._fields(vectors=with_vectors)
        step = max(1, _ANSWERS // k)
        found = [
            hits
            for start in range(0, len(vectors), step)
            for hits in self._collection.call(
                "search",
                data=[*vectors[start : start + step]],
                limit=k,
                filter=self._collection.condition_of(where),
                output_fields=fields,
                anns_field="vector",
                search_params={
                    "metric_type": "COSINE",
                    "params": {} if flat else _effort(k, where),
                },
                consistency_level=self._collection.address.consistency.title(),
            )
        ]
        rows = [{"id": hit["id"], **hit["entity"]} for hits in found for hit in hits]
        return Hits(
            np.cumsum([0, *map(len, found)]),
            to_sightings(rows, fields, self.about.dimensions),
            np.array([1 - hit["distance"] for hits in found for hit in hits], np.float64),
            exact=flat,
        )

    def read(
        self,
        where: Where = EVERYTHING,
        *,
        with_vectors: bool = True,
        with_thumbnails: bool = False,
        batch: int = 10_000,
    ) -> Iterator[Sightings]:
        fields = self._fields(vectors=with_vectors, thumbnails=with_thumbnails)
        for rows in self._collection.pages(where, fields, min(batch, PAGE)):
            yield to_sightings(rows, fields, self.about.dimensions)

    def _fields(self, *, vectors: bool, thumbnails: bool = False) -> list[str]:
        return fields_of(self._collection.names, vectors=vectors, thumbnails=thumbnails)

    def count(self, where: Where = EVERYTHING) -> int:
        return self._collection.count(where)

    def groups(self, by: Group, where: Where = EVERYTHING) -> dict[str, int]:
        # The server ignores group_by in queries of this version, so the column is read.
        column = "time" if by == "day" else by
        counted: Counter[Any] = Counter()
        for rows in self._collection.pages(where, [column], PAGE):
            values = [row[column] for row in rows]
            counted.update(days(to_times(values)).tolist() if by == "day" else values)
        return dict(counted)

    def _name_persons(self, named: Mapping[str, str]) -> int:
        """As `Store.name_persons`: rows are read and written again, since this server cannot change
        one column."""
        found, ids = 0, [*named]
        for start in range(0, len(ids), MOST_IDS):
            part = Where(ids=tuple(ids[start : start + MOST_IDS]))
            for there in self.read(part, with_thumbnails=True):
                self._upsert(with_persons(there, [named[str(name)] for name in there.ids]))
                found += len(there)
        return found

    def _delete(self, where: Where) -> int:
        gone = 0
        for rows in self._collection.pages(where, ["id"], MOST_IDS):
            ids = [row["id"] for row in rows]
            self._collection.call("delete", ids=ids)
            gone += len(ids)
        self._collection.wait_for_writes()
        return gone

    def compact(self) -> Erased:
        self._collection.compact()
        with progress("building the index") as advance:
            self._collection.wait_for_index(advance)
        return Erased(None, None, _COMPACTED)

    def update_index(self) -> IndexState:
        """As `Store.update_index`: the index is exchanged, or a large tail closed for it, and the
        server then builds it by itself."""
        rows = self.count()
        self._collection.fit_index(rows)
        index = self._collection.index()
        if index["index_type"] != "FLAT" and rows - int(index["indexed_rows"]) > _TAIL * rows:
            self._collection.call("flush")
        return self.index_state()

    def index_state(self) -> IndexState:
        index, rows = self._collection.index(), self.count()
        if index["index_type"] == "FLAT":
            return IndexState("", 0, rows, "every sighting is compared on the server")
        # What was removed or replaced counts as indexed until the server has compacted.
        indexed = min(int(index["indexed_rows"]), max(0, rows - self._collection.without_index()))
        plain, filtered = _effort(10, EVERYTHING)["ef"], _effort(10, Where(known=True))["ef"]
        effort = f"ef {plain}, {filtered} under a filter"
        if indexed < rows:
            effort += f"; the other {rows - indexed:,} by an interim index that may miss some"
        return IndexState(index["index_type"], indexed, rows, effort)

    def disk_bytes(self) -> int | None:
        return None

    def close(self) -> None:
        self._collection.client.close()

    def _vectors(self, where: Where) -> Iterator[tuple[NDArray[np.str_], NDArray[np.float32]]]:
        """Ids and vectors that satisfy a filter, in pages."""
        for rows in self._collection.pages(where, ["vector"], 4096):
            yield (
                np.array([row["id"] for row in rows]),
                np.array([row["vector"] for row in rows], np.float32),
            )


def _effort(k: int, where: Where) -> dict[str, int]:
    """Of a search in HNSW: the list of candidates holds those that a filter leaves out, too."""
    wanted = max(512, 4 * k) if where.everything else max(1024, 8 * k)
    return {"ef": min(wanted, 32_768)}  # what the server takes at most
