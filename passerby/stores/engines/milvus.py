"""``milvus://[USER:PASSWORD@|TOKEN@]HOST:PORT/COLLECTION``: on a Milvus server, through pymilvus.

A gallery is one collection; its `About` is a property of the collection. What holds on the server:

- A sighting's id is the primary key, and rows are only ever upserted, never inserted: a server
  keeps two rows of one key that were inserted, and one of those that were upserted, whoever wrote
  at the same time.
- A write is acknowledged when a strongly consistent read has seen the server reach it. Searches
  then need not ask for strong consistency, which costs each of them a time tick (200 ms).
- Up to `FLAT_ROWS` sightings the server compares all of them; beyond, it is told to keep HNSW.
- Filters are rendered here and nowhere else. Templates would leave that to the server, but
  Milvus 2.3 does not know them.
"""

from __future__ import annotations

import base64
import json
import logging
import os
import re
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, TypeVar
from urllib.parse import parse_qsl, unquote, urlsplit

import numpy as np
from numpy.typing import NDArray

from passerby.process.reporting import Advance, progress
from passerby.stores import (
    Erased,
    Group,
    Hits,
    IndexState,
    Store,
    StoreUnavailable,
)
from passerby.stores.about import About
from passerby.tables.columns import IDS, SIGHTING_COLUMNS, Column
from passerby.tables.filters import EVERYTHING, Where, moment
from passerby.tables.sightings import Sightings, days, with_persons

TOKEN_VARIABLE = "PASSERBY_MILVUS_TOKEN"
"""Of the environment: USER:PASSWORD or a token, so that it need not stand in a command line."""

FLAT_ROWS = 50_000
"""Up to so many sightings the server compares them all, beyond it keeps an HNSW index."""

OLDEST_SERVER = (2, 3)

# What the server calls bytes of a VARCHAR; the largest that it takes is 65,535.
_TEXT_BYTES = {"person": 1024, "camera": 1024, "source": 1024, "image": 8192, "thumbnail": 65_535}
_NO_TIME = 2**63 - 1  # so that "until" leaves out what has no time without another condition
_NO_QUALITY = -1.0
_PROPERTY = "passerby.about"
_PROPERTY_BYTES = 1_000_000  # etcd takes a million and a half in one request
_HNSW = {"M": 32, "efConstruction": 256}

_REQUEST_BYTES = 32 * 2**20  # the server refuses messages of more than 64 MiB
_PAGE = 16_384  # rows of one answer, at most
_IDS = 5_000  # ids in one expression
_ANSWERS = 20_000  # hits in one answer

_KNOWN = tuple(column for column in SIGHTING_COLUMNS if column is not IDS)
_COLUMNS = tuple(column.row for column in _KNOWN)

# Codes of answers that pass: a server that starts, a segment on its way to another node, a
# collection that is released and has no index while that is exchanged, a rate limit.
_NO_INDEX = 700
_PASSING = {1, 2, 4, 5, 8, 9, 101, 103, 106, _NO_INDEX} | {*range(400, 407), *range(500, 505)}
_PASSING |= {*range(600, 605), *range(900, 905)}
_PASSING_WORDS = re.compile(
    r"not ready|not healthy|unavailable|no available|not loaded|not serviceable|empty grpc client"
)

_LASTING = {"UNAUTHENTICATED", "PERMISSION_DENIED", "UNIMPLEMENTED", "INVALID_ARGUMENT"}

_Answer = TypeVar("_Answer")
Client = Any
"""A pymilvus.MilvusClient, which has no types."""


@dataclass(frozen=True)
class Address:
    """What the text of an address says. shown: without its credentials, for messages.

    tls: speak TLS; ca: file of the certificate that is trusted, "" for those of the system; cert
    and key: files of this client, where the server asks for them; name: host name in the server's
    certificate when it is another one than HOST; database: of the server, "" for its default one;
    consistency: of searches; patience: seconds for which a server that does not answer is asked
    again.
    """

    uri: str
    shown: str
    collection: str
    token: str = ""
    tls: bool = False
    ca: str = ""
    cert: str = ""
    key: str = ""
    name: str = ""
    database: str = ""
    consistency: str = "bounded"
    patience: float = 30.0

    @classmethod
    def from_text(cls, text: str) -> Address:
        """Read ``milvus://[USER:PASSWORD@|TOKEN@]HOST[:PORT]/COLLECTION[?OPTION=VALUE&...]``.

        Without a host, ``milvus:///FOLDER/FILE.db/COLLECTION`` is a file of Milvus Lite. Raises
        ValueError, which never repeats the credentials.
        """
        parts = urlsplit(text)
        shown = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
        path, _, collection = parts.path.rpartition("/")
        if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]{0,254}", collection):
            raise ValueError(
                f"{shown}: expected milvus://HOST:PORT/COLLECTION, and a collection is named by "
                f"letters, digits and _, got {collection!r}"
            )
        options = _options(shown, parts.query)
        if not parts.netloc and path.endswith(".db"):
            return cls(path, shown, collection, **options)
        try:
            host, port = parts.hostname, parts.port or 19530
        except ValueError:
            host, port = None, 0
        if not host or path:
            raise ValueError(f"{shown}: expected milvus://HOST:PORT/COLLECTION")
        token = ":".join(unquote(each) for each in (parts.username, parts.password) if each)
        uri = f"{'https' if options.get('tls') else 'http'}://{host}:{port}"
        return cls(uri, shown, collection, token or os.environ.get(TOKEN_VARIABLE, ""), **options)

    @property
    def lite(self) -> bool:
        """Whether it is a file of Milvus Lite."""
        return self.uri.endswith(".db")

    def connect(self) -> Client:
        """A client of its own: a shared one would not tell TLS from none."""
        files = {"ca_pem_path": self.ca, "client_pem_path": self.cert, "client_key_path": self.key}
        if not self.cert:
            files = {"server_pem_path": self.ca}
        return _pymilvus().MilvusClient(
            uri=self.uri,
            token=self.token,
            db_name=self.database,
            timeout=self.patience,
            dedicated=True,
            server_name=self.name,
            **files,
        )


def _options(shown: str, query: str) -> dict[str, Any]:
    """The options of an address, each with its type."""
    known: dict[str, Callable[[str], object]] = {
        "tls": lambda text: {"0": False, "1": True}[text],
        "ca": str,
        "cert": str,
        "key": str,
        "name": str,
        "database": str,
        "consistency": lambda text: {"bounded": text, "strong": text}[text],
        "patience": float,
    }
    options = {}
    for name, text in parse_qsl(query, keep_blank_values=True):
        if name not in known:
            raise ValueError(f"{shown}: no option is named {name!r}, only {', '.join(known)}")
        try:
            options[name] = known[name](text)
        except (KeyError, ValueError):
            raise ValueError(f"{shown}: {name} cannot be {text!r}") from None
    if not options.get("tls") and any(name in options for name in ("ca", "cert", "key", "name")):
        raise ValueError(f"{shown}: ca, cert, key and name go with tls=1")
    if ("cert" in options) != ("key" in options) or ("cert" in options and "ca" not in options):
        raise ValueError(f"{shown}: cert needs key and ca beside it")
    return options


def expression(where: Where) -> str:
    r"""A filter in the server's language, "" for everything.

    >>> expression(Where(persons=('a "b" \\c',), known=True))
    'person in ["a \\"b\\" \\\\c"] and person != ""'
    """
    terms = [
        f"{column} in {_strings(values)}"
        for column, values in (
            ("id", where.ids),
            ("person", where.persons),
            ("camera", where.cameras),
            ("source", where.sources),
        )
        if values
    ]
    if where.not_cameras:
        terms.append(f"camera not in {_strings(where.not_cameras)}")
    if where.since is not None:
        terms.append(f"time >= {_microseconds(moment(where.since))}")
    if where.timed:
        until = _NO_TIME if where.until is None else _microseconds(moment(where.until))
        terms.append(f"time < {until}")
    if where.known is not None:
        terms.append(f'person {"!=" if where.known else "=="} ""')
    if where.min_quality is not None:
        terms.append(f"quality >= {float(np.float32(where.min_quality))!r}")
    return " and ".join(terms)


def _strings(values: Sequence[str]) -> str:
    # The server reads its literals as JSON, but not surrogate pairs: hence no escapes for
    # characters beyond ASCII.
    return json.dumps([str(value) for value in values], ensure_ascii=False)


def _microseconds(time: np.datetime64) -> int:
    return int(time.astype(np.int64))


class MilvusStore(Store):
    """Sightings in one collection of a Milvus server."""

    def __init__(self, address: Address) -> None:
        self._address = address
        self._client: Client = self._patiently(address.connect)
        self._check_version()

    @classmethod
    def create(cls, place: str, about: About) -> MilvusStore:
        """Make a collection. Raises ValueError when there is one of that name."""
        store = cls(Address.from_text(place))
        try:
            store._create(about)
        except BaseException:
            store.close()
            raise
        return store

    @classmethod
    def open(cls, place: str) -> MilvusStore:
        """Open a collection. Raises ValueError when there is none, or it is no gallery."""
        store = cls(Address.from_text(place))
        try:
            store.about = store._described()
            store._load()
        except BaseException:
            store.close()
            raise
        return store

    def set_about(self, about: About) -> None:
        properties = _properties(self._address, about)
        self._ask("alter_collection_properties", properties=properties)
        self.about = about

    def _write(self, sightings: Sightings, *, replace: bool) -> int:
        """As `Store.write`; what is larger than 32 MiB goes in several requests, of each of which
        a kill leaves all or nothing."""
        self._check(sightings)
        there = np.isin(sightings.ids, [*self._present(sightings.ids.tolist())])
        self._upsert(sightings if replace else sightings[~there])
        return int(there.sum())

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
        flat = self._index()["index_type"] == "FLAT"
        if k > _PAGE or len(where.ids) > _IDS or (exact and not flat):
            return self._compared_here(vectors, k, where, with_vectors=with_vectors)
        fields = [*_COLUMNS, "vector"] if with_vectors else [*_COLUMNS]
        step = max(1, _ANSWERS // k)
        found = [
            hits
            for start in range(0, len(vectors), step)
            for hits in self._ask(
                "search",
                data=[*vectors[start : start + step]],
                limit=k,
                filter=expression(where),
                output_fields=fields,
                anns_field="vector",
                search_params={
                    "metric_type": "COSINE",
                    "params": {} if flat else _effort(k, where),
                },
                consistency_level=self._address.consistency.title(),
            )
        ]
        rows = [{"id": hit["id"], **hit["entity"]} for hits in found for hit in hits]
        return Hits(
            np.cumsum([0, *map(len, found)]),
            self._sightings(rows, fields),
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
        fields = [*_COLUMNS]
        fields += ["vector"] if with_vectors else []
        fields += ["thumbnail"] if with_thumbnails else []
        for rows in self._pages(where, fields, min(batch, _PAGE)):
            yield self._sightings(rows, fields)

    def count(self, where: Where = EVERYTHING) -> int:
        return sum(
            self._query(expression(part), ["count(*)"])[0]["count(*)"] for part in _parts(where)
        )

    def groups(self, by: Group, where: Where = EVERYTHING) -> dict[str, int]:
        # The server ignores group_by in queries of this version, so the column is read.
        column = "time" if by == "day" else by
        counted: Counter[Any] = Counter()
        for rows in self._pages(where, [column], _PAGE):
            values = [row[column] for row in rows]
            counted.update(days(_times(values)).tolist() if by == "day" else values)
        return dict(counted)

    def name_persons(self, ids: Sequence[str], persons: Sequence[str]) -> int:
        """As `Store.name_persons`: rows are read and written again, since this server cannot change
        one column."""
        named = dict(zip(ids, persons, strict=True))
        found = 0
        for start in range(0, len(named), _IDS):
            part = Where(ids=tuple([*named][start : start + _IDS]))
            for there in self.read(part, with_thumbnails=True):
                changed = with_persons(there, [named[str(name)] for name in there.ids])
                self._check(changed)
                self._upsert(changed)
                found += len(there)
        return found

    def _delete(self, where: Where) -> int:
        gone = 0
        for rows in self._pages(where, ["id"], _IDS):
            ids = [row["id"] for row in rows]
            self._ask("delete", ids=ids)
            gone += len(ids)
        self._settle()
        return gone

    def compact(self) -> Erased:
        self._ask("flush")
        self._fit_index()
        job = self._ask("compact")
        self._wait_for(lambda: self._compacted(job))
        with progress("building the index") as advance:
            self._wait_for(lambda: self._built(advance))
        return Erased(None, None, _MEANING)

    def update_index(self) -> IndexState:
        """As `Store.update_index`: the index is exchanged; the server then builds it by itself."""
        self._fit_index()
        return self.index_state()

    def index_state(self) -> IndexState:
        index, rows = self._index(), self.count()
        if index["index_type"] == "FLAT":
            return IndexState("", 0, rows, "every sighting is compared on the server")
        # What was removed or replaced counts as indexed until the server has compacted.
        indexed = min(int(index["indexed_rows"]), rows)
        plain, filtered = _effort(10, Where())["ef"], _effort(10, Where(known=True))["ef"]
        effort = f"ef {plain}, {filtered} under a filter"
        return IndexState(index["index_type"], indexed, rows, effort)

    def disk_bytes(self) -> int | None:
        return None

    def close(self) -> None:
        self._client.close()

    # -- asking ---------------------------------------------------------------------------------

    def _ask(self, method: str, **options: object) -> Any:
        """What a method of the client answers about the collection. Every call that is made here
        can be made again without harm."""
        call = partial(
            getattr(self._client, method),
            collection_name=self._address.collection,
            timeout=self._address.patience,
            **options,
        )
        return self._patiently(call)

    def _patiently(self, call: Callable[[], _Answer]) -> _Answer:
        """Calls again while the server is away or not ready, for as long as the address says.

        Raises StoreUnavailable then, and ValueError for what another try does not change.
        """
        import grpc

        patience = self._address.patience
        deadline = time.monotonic() + patience
        pause = 0.05
        while True:
            try:
                return call()
            except (grpc.RpcError, _pymilvus().MilvusException) as error:
                said, passes = _trouble(error)
            if not passes:
                raise ValueError(f"{self._address.shown}: {said}")
            left = deadline - time.monotonic()
            if left <= 0:
                raise StoreUnavailable(
                    f"{self._address.shown} does not answer, asked for {patience:g} s: {said}. "
                    "What it acknowledged is kept. Start the server, check host, port and tls, "
                    "and do it again"
                )
            time.sleep(min(pause, left))
            pause = min(2 * pause, 2.0)

    def _query(self, filter_: str, fields: list[str], limit: int | None = None) -> list[Any]:
        limits = {} if limit is None else {"limit": limit}
        return self._ask(
            "query",
            filter=filter_,
            output_fields=fields,
            consistency_level="Strong",
            **limits,
        )

    def _pages(self, where: Where, fields: list[str], page: int) -> Iterator[list[Any]]:
        """Rows that satisfy a filter, in the order of their ids, a page at a time."""
        for part in _parts(where):
            after = ""
            while True:
                terms = [expression(part), f"id > {json.dumps(after)}"]
                rows = self._query(" and ".join(filter(None, terms)), ["id", *fields], page)
                if rows:
                    yield rows
                if len(rows) < page:
                    break
                after = max(row["id"] for row in rows)

    def _present(self, ids: list[str]) -> set[str]:
        parts = _parts(Where(ids=tuple(ids))) if ids else []
        return {row["id"] for part in parts for row in self._query(expression(part), ["id"])}

    def _settle(self) -> None:
        """Returns when reads have reached what was written before."""
        self._query('id == ""', ["id"], 1)

    def _wait_for(self, done: Callable[[], bool]) -> None:
        while not done():
            time.sleep(0.2)

    # -- the collection -------------------------------------------------------------------------

    def _check_version(self) -> None:
        said = self._patiently(self._client.get_server_version)
        found = re.match(r"v?(\d+)\.(\d+)", said)
        if found and (int(found[1]), int(found[2])) < OLDEST_SERVER:
            raise ValueError(
                f"{self._address.shown}: the server is Milvus {said}; galleries need "
                f"{'.'.join(map(str, OLDEST_SERVER))} or newer"
            )

    def _create(self, about: About) -> None:
        types = _pymilvus().DataType
        if self._ask("has_collection"):
            raise ValueError(f"{self._address.shown}: a collection of that name exists already")
        schema = self._client.create_schema(auto_id=False, enable_dynamic_field=False)
        schema.add_field("id", types.VARCHAR, is_primary=True, max_length=64)
        schema.add_field("vector", types.FLOAT_VECTOR, dim=about.dimensions)
        for name, size in _TEXT_BYTES.items():
            schema.add_field(name, types.VARCHAR, max_length=size)
        for column in _KNOWN:
            if column.row not in _TEXT_BYTES:
                schema.add_field(column.row, types.FLOAT if column.kind == "share" else types.INT64)
        properties = _properties(self._address, about)
        self._ask(
            "create_collection",
            schema=schema,
            # In one shard a request is one message: all of it or nothing.
            num_shards=1,
            consistency_level="Strong",
            properties=properties,
        )
        self.about = about
        self._load()

    def _described(self) -> About:
        shown = self._address.shown
        if not self._ask("has_collection"):
            raise ValueError(f"{shown}: there is no gallery of that name on the server")
        description = self._ask("describe_collection")
        text = description.get("properties", {}).get(_PROPERTY)
        if text is None:
            raise ValueError(f"{shown}: that collection is no gallery of Passerby")
        return About.from_json(text)

    def _load(self) -> None:
        """Make what a gallery needs beyond its rows; also after a kill while it was created."""
        if not self._ask("list_indexes"):
            self._make_index("FLAT")
        self._ask("load_collection")

    def _index(self) -> dict[str, Any]:
        """The server's description; waits where the index is being exchanged."""

        def described() -> dict[str, Any]:
            found = self._ask("describe_index", index_name="vector")
            if found is None:
                raise _pymilvus().MilvusException(_NO_INDEX, "there is no index")
            return dict(found)

        return self._patiently(described)

    def _make_index(self, kind: str) -> None:
        wanted = self._client.prepare_index_params()
        parameters = _HNSW if kind == "HNSW" else {}
        wanted.add_index("vector", kind, "vector", metric_type="COSINE", params=parameters)
        self._ask("create_index", index_params=wanted, sync=False)

    def _fit_index(self) -> None:
        """The index that the number of sightings asks for; searches wait for the change. Never
        HNSW in Milvus Lite, which loses results there under a narrow filter; and never back."""
        large = self.count() > FLAT_ROWS and not self._address.lite
        if not large or self._index()["index_type"] != "FLAT":
            return
        try:
            self._ask("release_collection")
            self._ask("drop_index", index_name="vector")
            self._make_index("HNSW")
        except StoreUnavailable:
            raise
        except ValueError:
            # Another process exchanges it at the same time, and has loaded the collection again.
            if self._index()["index_type"] == "FLAT":
                raise
        self._ask("load_collection")

    def _compacted(self, job: int) -> bool:
        timeout = self._address.patience
        state = self._patiently(lambda: self._client.get_compaction_state(job, timeout=timeout))
        return state != "Executing"

    def _built(self, advance: Advance) -> bool:
        index = self._index()
        indexed, rows = int(index["indexed_rows"]), int(index["total_rows"])
        advance(indexed, rows)
        return index["state"] in ("Finished", "Failed") or indexed >= rows

    # -- rows -----------------------------------------------------------------------------------

    def _check(self, sightings: Sightings) -> None:
        for column in _KNOWN:
            if column.row in _TEXT_BYTES:
                for text in {*getattr(sightings, column.name).tolist()}:
                    _check_text(column.row, text)
        most = _TEXT_BYTES["thumbnail"] // 4 * 3
        largest = max(map(len, sightings.thumbnails), default=0)
        if largest > most:
            raise ValueError(
                f"a Milvus server takes thumbnails of at most {most:,} bytes, got one of "
                f"{largest:,}: make them smaller"
            )

    def _upsert(self, sightings: Sightings) -> None:
        rows: list[dict[str, object]] = []
        size = 0
        for row in _rows(sightings):
            weight = 4 * self.about.dimensions + sum(
                len(value) for value in row.values() if isinstance(value, str)
            )
            if rows and size + weight > _REQUEST_BYTES:
                self._send(rows)
                rows, size = [], 0
            rows.append(row)
            size += weight + 100
        if rows:
            self._send(rows)
            self._settle()

    def _send(self, rows: list[dict[str, object]]) -> None:
        self._ask("upsert", data=rows)

    def _sightings(self, rows: Sequence[Any], fields: list[str]) -> Sightings:
        vectors = np.empty((len(rows), 0), np.float32)
        if "vector" in fields:
            vectors = np.array([row["vector"] for row in rows], np.float32)
            vectors = vectors.reshape(len(rows), self.about.dimensions)
        thumbnails = None
        if "thumbnail" in fields:
            thumbnails = [base64.b64decode(row["thumbnail"]) for row in rows]
        return Sightings(
            vectors=vectors,
            thumbnails=thumbnails,
            **{
                column.name: _from_server(column, [row[column.row] for row in rows])
                for column in SIGHTING_COLUMNS
            },
        )

    def _compared_here(
        self, vectors: NDArray[np.float32], k: int, where: Where, *, with_vectors: bool
    ) -> Hits:
        """The k nearest of all that satisfy a filter, their vectors read in pages."""
        count = len(vectors)
        nearest = np.empty((count, 0), np.float64)
        names = np.empty((count, 0), "<U64")
        for rows in self._pages(where, ["vector"], 4096):
            page = np.array([row["vector"] for row in rows], np.float32)
            distances = 1 - vectors.astype(np.float64) @ page.T.astype(np.float64)  # [Q, rows]
            ids = np.broadcast_to(np.array([row["id"] for row in rows]), distances.shape)
            nearest, names = np.hstack([nearest, distances]), np.hstack([names, ids])
            order = np.argsort(nearest, axis=1, kind="stable")[:, :k]
            nearest, names = (np.take_along_axis(each, order, 1) for each in (nearest, names))
        wanted = tuple(np.unique(names).tolist())
        parts = [*self.read(Where(ids=wanted), with_vectors=with_vectors)] if wanted else []
        width = self.about.dimensions if with_vectors else 0
        known = Sightings.joined([Sightings([], np.empty((0, width))), *parts])
        place = {name: row for row, name in enumerate(known.ids.tolist())}
        kept = np.isin(names, known.ids)  # one may have been removed since
        chosen = np.array([place[name] for name in names[kept].tolist()], np.int64)
        starts = np.concatenate([[0], np.cumsum(kept.sum(1))])
        return Hits(starts, known[chosen], nearest[kept], exact=True)


def _rows(sightings: Sightings) -> Iterator[dict[str, object]]:
    columns: dict[str, Iterable[object]] = {
        column.row: _to_server(column, getattr(sightings, column.name))
        for column in SIGHTING_COLUMNS
    }
    columns["vector"] = sightings.vectors
    columns["thumbnail"] = [base64.b64encode(jpeg).decode() for jpeg in sightings.thumbnails]
    for values in zip(*columns.values(), strict=True):
        yield dict(zip(columns, values, strict=True))


def _to_server(column: Column, values: NDArray[Any]) -> list[object]:
    """A column as the server takes it, which knows neither times nor missing values."""
    if column.kind == "time":
        values = np.where(np.isnat(values), _NO_TIME, values.astype(np.int64))
    elif column.kind == "share":
        values = np.where(np.isnan(values), _NO_QUALITY, values)
    found: list[object] = values.tolist()
    return found


def _from_server(column: Column, values: Sequence[Any]) -> NDArray[Any]:
    if column.kind == "time":
        return _times(values)
    made: NDArray[Any] = np.array(values, column.dtype)
    return np.where(made < 0, np.nan, made) if column.kind == "share" else made


def _times(values: Sequence[int]) -> NDArray[np.datetime64]:
    numbers = np.array(values, np.int64)
    times = numbers.astype("datetime64[us]")
    times[numbers == _NO_TIME] = np.datetime64("NaT")
    return times


def _check_text(name: str, text: str) -> None:
    size = len(text.encode())
    if size > _TEXT_BYTES[name]:
        raise ValueError(
            f"on a Milvus server a {name} takes at most {_TEXT_BYTES[name]:,} bytes, got {size:,}: "
            f"{text[:40]!r}..."
        )


def _parts(where: Where) -> list[Where]:
    """The filter as several that have few enough ids each and none in common."""
    ids = tuple(dict.fromkeys(where.ids))
    if len(ids) <= _IDS:
        return [where]
    return [replace(where, ids=ids[start : start + _IDS]) for start in range(0, len(ids), _IDS)]


def _properties(address: Address, about: About) -> dict[str, str]:
    text = about.to_json()
    if len(text.encode()) > _PROPERTY_BYTES:
        raise ValueError(
            f"{address.shown}: the description of a gallery takes at most {_PROPERTY_BYTES:,} "
            f"bytes on a Milvus server, got {len(text.encode()):,}"
        )
    return {_PROPERTY: text}


def _effort(k: int, where: Where) -> dict[str, int]:
    """Of a search in HNSW: the list of candidates holds those that a filter leaves out, too."""
    wanted = max(512, 4 * k) if where.everything else max(1024, 8 * k)
    return {"ef": min(wanted, 32_768)}  # what the server takes at most


def _pymilvus() -> Any:
    try:
        import pymilvus
    except ImportError:
        raise ValueError(
            "a gallery on a Milvus server needs pymilvus: pip install 'passerby[milvus]'"
        ) from None
    # Every error is raised as well; its log lines hold filters, and so names.
    logging.getLogger("pymilvus").setLevel(logging.CRITICAL)
    return pymilvus


def _trouble(error: BaseException) -> tuple[str, bool]:
    """What the server or the way to it said, in one line; whether another try may go well."""
    import grpc

    said, passes = str(getattr(error, "message", error)), _passing_answer(error)
    cause: BaseException | None = error
    seen: set[int] = set()  # pymilvus raises errors from themselves
    while cause is not None and id(cause) not in seen:
        seen.add(id(cause))
        if isinstance(cause, grpc.RpcError):
            said, passes = cause.details(), cause.code().name not in _LASTING
        cause = cause.__cause__
    return " ".join(said.split())[:300], passes


def _passing_answer(error: BaseException) -> bool:
    return getattr(error, "code", None) in _PASSING or bool(_PASSING_WORDS.search(str(error)))


_MEANING = (
    "what was removed is unreachable from now on. The server takes it off its disks by its own "
    "settings: a compaction (asked for now) rewrites the segments that held it, and the garbage "
    "collector deletes the old ones, by default hourly (dataCoord.gc.interval, 3600 s) and after "
    "three hours (dataCoord.gc.dropTolerance, 10800 s); its message log keeps writes for days "
    "(rocksmq.retentionTimeInMinutes, 4320, or the retention of Pulsar or Kafka)"
)

ENGINE = MilvusStore
