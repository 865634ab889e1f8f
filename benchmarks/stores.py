"""The engines of galleries beside each other: a folder, a Milvus server, PostgreSQL.

    python benchmarks/stores.py [--count 100000] [--memory 64MB] [lancedb] [milvus] [postgres]

The sightings and queries of benchmarks/gallery.py (seed 0, 512 dimensions), written in batches of
10,000 through `Store.write`. The servers are those of the tests, of PyPI's wheels, with their own
defaults, on this machine and its cores. "exact" compares every sighting, before there is an
index; "index" is what the engine chooses itself after `compact`. Searches are single queries, top
50; recall is at 10 against exact search in float64. "adding beside it": 2,000 more while the index
is kept up to date. "half as many more": announced as `passerby gallery add` announces embeddings,
with what is done to the index at the end; Milvus builds it afterwards. --memory: PostgreSQL's
shared_buffers.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from gallery import WIDTH, K, draw, drawn, filters, timed, write_truth

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from passerby.stores import Store
from passerby.stores.about import About
from passerby.stores.opening import create_store

ENGINES = ("lancedb", "milvus", "postgres")
MORE = 2_000


@contextmanager
def place_of(engine: str, folder: Path, memory: str) -> Iterator[str]:
    """Where to make a gallery, on a server that is started for it and ended."""
    if engine == "lancedb":
        yield str(folder / "gallery")
    elif engine == "milvus":
        from tests.stores.milvus_server import PASSWORD, MilvusServer

        milvus = MilvusServer(folder / "milvus")
        milvus.start()
        try:
            yield f"milvus://root:{PASSWORD}@{milvus.address}/gallery?patience=300"
        finally:
            milvus.stop()
    else:
        from tests.stores.postgres_server import PostgresServer

        postgres = PostgresServer()
        try:
            postgres.stop()
            postgres.start(shared_buffers=memory)
            yield f"{postgres.address}/gallery"
        finally:
            postgres.remove()


def searched(engine: str, way: str, store: Store, folder: Path) -> None:
    """A line for each filter."""
    queries = np.load(folder / "queries.npy")
    truth = json.loads((folder / "truth.json").read_text())
    for name, where in filters().items():

        def search(query, where=where) -> list[str]:  # type: ignore[no-untyped-def]
            hits = store.search(query[None], K, where, exact=way == "exact")
            return hits.sightings.ids.tolist()

        row = timed(search, queries, [{*names} for names in truth[name]])
        print(
            f"| {engine} | {way} | {name} | {row['p50']:.1f} | {row['p95']:.1f} "
            f"| {row['recall']:.4f} |",
            flush=True,
        )


def written(store: Store, folder: Path, announced: int = 0) -> float:
    """Sightings a second."""
    seconds, count = 0.0, 0
    for part in drawn(folder):
        began = time.perf_counter()
        if announced:
            store.expect(announced - count)
        store.write(part)
        seconds, count = seconds + time.perf_counter() - began, count + len(part)
    began = time.perf_counter()
    if announced:
        store.update_index()
    return count / (seconds + time.perf_counter() - began)


def measure(engine: str, folder: Path, options: argparse.Namespace) -> None:
    """Fill a gallery, search it, index it, search it again, add to it."""
    with place_of(engine, folder, options.memory) as place:
        store = create_store(place, About("drawn", "plain", WIDTH))
        adding = written(store, folder)
        searched(engine, "exact", store, folder)
        began = time.perf_counter()
        store.compact()
        compact = time.perf_counter() - began
        searched(engine, "index", store, folder)
        beside = written(store, folder / "more")
        many = written(store, folder / "many", options.count // 2)
        state, size = store.index_state(), store.disk_bytes()
        print(
            f"\n{engine}: adding {adding:,.0f} sightings/s, compact with its index "
            f"{compact:.1f} s, adding beside it {beside:,.0f} sightings/s, half as many more "
            f"{many:,.0f} sightings/s; {state.kind}, {state.effort}; "
            + ("disk not told" if size is None else f"disk {size / 1e6:,.0f} MB")
            + "\n",
            flush=True,
        )
        store.close()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("engines", nargs="*", default=ENGINES, metavar="ENGINE")
    parser.add_argument("--count", type=int, default=100_000)
    parser.add_argument("--memory", default="64MB")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        draw(folder, options.count, 0)
        write_truth(folder)
        for seed, (name, count) in enumerate((("more", MORE), ("many", options.count // 2)), 1):
            (folder / name).mkdir()
            draw(folder / name, count, seed)
        print(
            "| engine | search | filter | p50 ms | p95 ms | recall@10 |\n|---|---|---|---|---|---|"
        )
        for engine in options.engines:
            measure(engine, folder, options)


if __name__ == "__main__":
    main()
