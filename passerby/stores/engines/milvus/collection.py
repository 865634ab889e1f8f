"""The collection of a gallery on a server: its fields, description, index, and rows by pages.

It is asked patiently: again, as long as the address says, while the server is away or not ready.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from functools import cached_property, partial
from typing import Any, TypeVar

from passerby.process.reporting import Advance, say
from passerby.stores import StoreUnavailable
from passerby.stores.about import About
from passerby.stores.engines.milvus.address import Address, Client, pymilvus
from passerby.stores.engines.milvus.conditions import and_after, condition_of, parts_of
from passerby.stores.engines.milvus.errors import NO_INDEX, line_of, passes
from passerby.stores.engines.milvus.rows import schema
from passerby.stores.engines.patience import patiently
from passerby.tables.filters import EVERYTHING, Where

OLDEST_SERVER = (2, 3)

FLAT_ROWS = 50_000
"""Up to so many sightings the server compares them all, beyond it keeps an HNSW index."""

PAGE = 16_384
"""Rows of one answer, at most."""

_SEALED = 3  # of SegmentState: no rows are added to it any more

_INDEXED_FROM = 1024
"""Rows from which a server indexes a segment, as it comes; smaller ones it compares."""

_PROPERTY = "passerby.about"
_PROPERTY_BYTES = 1_000_000  # etcd takes a million and a half in one request
_HNSW = {"M": 32, "efConstruction": 256}

_Answer = TypeVar("_Answer")


class Collection:
    """One collection of a server, whether it exists or not."""

    def __init__(self, address: Address) -> None:
        self.address = address
        self.client: Client = self.with_retries(address.connect)
        said = self.with_retries(self.client.get_server_version)
        found = re.match(r"v?(\d+)\.(\d+)", said)
        if found and (int(found[1]), int(found[2])) < OLDEST_SERVER:
            raise ValueError(
                f"{address.shown}: the server is Milvus {said}; galleries need "
                f"{'.'.join(map(str, OLDEST_SERVER))} or newer"
            )

    # Calling

    def call(self, method: str, **options: object) -> Any:
        """What a method of the client answers about the collection. Every call that is made here
        can be made again without harm."""
        call = partial(
            getattr(self.client, method),
            collection_name=self.address.collection,
            timeout=self.address.patience,
            **options,
        )
        return self.with_retries(call)

    def with_retries(self, call: Callable[[], _Answer]) -> _Answer:
        """Call again while the server is away or not ready, for as long as the address says.

        Raises StoreUnavailable then, and ValueError for what another try does not change.
        """
        errors = pymilvus().MilvusException  # first: it may not be installed, and grpc with it
        import grpc

        return patiently(
            call,
            (grpc.RpcError, errors),
            lambda error: (line_of(error), passes(error)),
            shown=self.address.shown,
            patience=self.address.patience,
            check="host, port and tls",
        )

    def query(self, condition: str, fields: list[str], limit: int | None = None) -> list[Any]:
        """Rows that satisfy a condition, of everything that was written before."""
        limits = {} if limit is None else {"limit": limit}
        return self.call(
            "query",
            filter=condition,
            output_fields=fields,
            consistency_level="Strong",
            **limits,
        )

    def pages(self, where: Where, fields: list[str], page: int = PAGE) -> Iterator[list[Any]]:
        """Rows that satisfy a filter, in the order of their ids, a page at a time."""
        for part in parts_of(where):
            last = ""
            while True:
                condition = and_after(self.condition_of(part), last)
                rows = self.query(condition, ["id", *fields], page)
                if rows:
                    yield rows
                if len(rows) < page:
                    break
                last = max(row["id"] for row in rows)

    @cached_property
    def names(self) -> frozenset[str]:
        """The fields that it has: older ones lack some."""
        return frozenset(field["name"] for field in self.call("describe_collection")["fields"])

    def condition_of(self, where: Where) -> str:
        """A filter in the server's language, of the fields that there are."""
        return condition_of(where, "until" in self.names)

    def count(self, where: Where) -> int:
        """How many rows satisfy a filter."""
        found = [self.query(self.condition_of(part), ["count(*)"]) for part in parts_of(where)]
        return sum(rows[0]["count(*)"] for rows in found)

    def wait_for_writes(self) -> None:
        """Return when reads have reached what was written before."""
        self.query('id == ""', ["id"], 1)

    # Making and opening

    def create(self, about: About) -> None:
        """Make it, ready to use."""
        if self.call("has_collection"):
            raise ValueError(f"{self.address.shown}: a collection of that name exists already")
        self.call(
            "create_collection",
            schema=schema(self.client, about.dimensions),
            # In one shard a request is one message: all of it or nothing.
            num_shards=1,
            consistency_level="Strong",
            properties=self._properties(about),
        )
        self.load()

    def load(self) -> None:
        """Make what a gallery needs beyond its rows; also after a kill while it was created."""
        if not self.call("list_indexes"):
            self._make_index("FLAT")
        self.call("load_collection")

    def about(self) -> About:
        """The description of the gallery in it."""
        shown = self.address.shown
        if not self.call("has_collection"):
            raise ValueError(f"{shown}: there is no gallery of that name on the server")
        text = self.call("describe_collection").get("properties", {}).get(_PROPERTY)
        if text is None:
            raise ValueError(f"{shown}: that collection is no gallery of Passerby")
        return About.from_json(text)

    def set_about(self, about: About) -> None:
        """Replace the description."""
        self.call("alter_collection_properties", properties=self._properties(about))

    def _properties(self, about: About) -> dict[str, str]:
        text = about.to_json()
        if len(text.encode()) > _PROPERTY_BYTES:
            raise ValueError(
                f"{self.address.shown}: the description of a gallery takes at most "
                f"{_PROPERTY_BYTES:,} bytes on a Milvus server, got {len(text.encode()):,}"
            )
        return {_PROPERTY: text}

    # The index

    def index(self) -> dict[str, Any]:
        """The server's description; waits where the index is being exchanged."""

        def described() -> dict[str, Any]:
            found = self.call("describe_index", index_name="vector")
            if found is None:
                raise pymilvus().MilvusException(NO_INDEX, "there is no index")
            return dict(found)

        return self.with_retries(described)

    def fit_index(self, rows: int) -> None:
        """The index that the number of rows asks for; searches wait for the change. Never HNSW in
        Milvus Lite, which loses results there under a narrow filter; and never back."""
        large = rows > FLAT_ROWS and not self.address.lite
        if not large or self.index()["index_type"] != "FLAT":
            return
        try:
            self.call("release_collection")
            self.call("drop_index", index_name="vector")
            self._make_index("HNSW")
        except StoreUnavailable:
            raise
        except ValueError:
            # Another process exchanges it at the same time, and has loaded the collection again.
            if self.index()["index_type"] == "FLAT":
                raise
        self.call("load_collection")

    def compact(self) -> None:
        """Have the server write anew what holds removed rows, and wait for it."""
        self.call("flush")
        self.fit_index(self.count(EVERYTHING))
        job = self.call("compact")
        timeout = self.address.patience
        while (
            self.with_retries(lambda: self.client.get_compaction_state(job, timeout=timeout))
            == "Executing"
        ):
            time.sleep(0.2)

    def wait_for_index(self, advance: Advance) -> None:
        """Return when all rows are in the index, and those who search have it."""
        while True:
            index = self.index()
            indexed, rows = int(index["indexed_rows"]), int(index["total_rows"])
            advance(indexed, rows)
            if index["state"] in ("Finished", "Failed") or indexed >= rows:
                break
            time.sleep(0.2)
        if index["index_type"] != "FLAT":
            self._wait_until_loaded()

    def without_index(self) -> int:
        """Rows that searches find by the server's interim index, which misses some: of segments
        that were loaded before their part of the index was built."""
        loaded = self.call("list_loaded_segments")
        return sum(
            each.num_rows
            for each in loaded
            if each.state == _SEALED and each.num_rows >= _INDEXED_FROM and not each.index_name
        )

    def _wait_until_loaded(self) -> None:
        """Return when the built index is what is searched. Servers look for it every ten seconds
        (queryCoord.checkIndexInterval); when nothing changes for as long as the address says, they
        are not waited for."""
        left, since = self.without_index(), time.monotonic()
        while left and time.monotonic() - since < self.address.patience:
            time.sleep(0.2)
            now = self.without_index()
            if now != left:
                left, since = now, time.monotonic()
        if left:
            say(
                f"{self.address.shown}: the server has not loaded the index of {left:,} sightings "
                f"within {self.address.patience:g} s: until it has, searches may miss some of the "
                "nearest"
            )

    def _make_index(self, kind: str) -> None:
        wanted = self.client.prepare_index_params()
        parameters = _HNSW if kind == "HNSW" else {}
        wanted.add_index("vector", kind, "vector", metric_type="COSINE", params=parameters)
        self.call("create_index", index_params=wanted, sync=False)
