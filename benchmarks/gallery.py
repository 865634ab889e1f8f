"""A gallery in a folder beside exact numpy and faiss: enrolling, searching, memory and disk.

    python benchmarks/gallery.py [100k] [1m]

Sightings are drawn (seed 0): 512 dimensions, 50 of each person around its centre, 20 cameras, ten
days. Queries are new sightings of the same persons. Each row is a process of its own. Enrolling
writes batches of 10,000 with the check of what is there already, at 100k into a gallery that holds
100k. Searches are single queries, top 50: "plain"; "not this camera" (95 % stay); "one camera"
(5 %); "rare", one camera on one day (0.5 %). "Gallery.search" is the public call, with the
posterior of a calibration of the drawn vectors; "its store" the engine under it; "the command" a
process of its own, from its start to its end. Recall is at 10 against exact search. Extra peak
memory is resident, counted from the process with only its queries loaded. faiss is measured where
it is installed.
"""

from __future__ import annotations

import importlib.util
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from passerby.gallery.gallery import Gallery
from passerby.stores.about import About
from passerby.stores.engines.lancedb.store import LanceStore
from passerby.stores.opening import open_store
from passerby.tables.embeddings import Embeddings
from passerby.tables.filters import Where, moment
from passerby.tables.sightings import Sightings

SEED, WIDTH, LATENT, NOISE, PER_PERSON, CAMERAS, DAYS = 0, 512, 64, 0.75, 50, 20, 10
SIZES = {"100k": 100_000, "1m": 1_000_000}
QUERIES, BATCH, K, MEASURED = 100, 10_000, 50, 10
START = np.datetime64("2026-05-01", "us")
EFFORTS = (0.01, 0.03, 0.1, 0.2, 0.4, 1.0)  # shares of the partitions
ENGINES = ("Gallery.search", "its store", "numpy", "faiss Flat")
COMMANDS = 5

Search = Callable[[NDArray[np.float32]], list[str]]


def filters() -> dict[str, Where]:
    """What searches are measured under."""
    camera = ("camera 3",)
    day = {
        "since": datetime(2026, 5, 4, tzinfo=UTC),
        "until": datetime(2026, 5, 5, tzinfo=UTC),
    }
    return {
        "plain": Where(),
        "not this camera": Where(not_cameras=camera),
        "one camera": Where(cameras=camera),
        "rare": Where(cameras=camera, **day),
    }


def draw(folder: Path, count: int, seed: int) -> None:
    """Write vectors.npy, queries.npy and the columns of ``count`` sightings into a folder."""
    rng = np.random.default_rng(seed)
    persons = count // PER_PERSON
    centres = rng.standard_normal((persons, LATENT), np.float32)
    projection = rng.standard_normal((LATENT, WIDTH), np.float32) / np.sqrt(LATENT)

    def seen(who: NDArray[np.int64]) -> NDArray[np.float32]:
        latent = centres[who] + NOISE * rng.standard_normal((len(who), LATENT), np.float32)
        vectors = latent @ projection + 0.3 * rng.standard_normal((len(who), WIDTH), np.float32)
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)

    who = rng.integers(0, persons, count)
    vectors = np.lib.format.open_memmap(
        folder / "vectors.npy", "w+", np.float32, shape=(count, WIDTH)
    )
    for start in range(0, count, BATCH):
        vectors[start : start + BATCH] = seen(who[start : start + BATCH])
    vectors.flush()
    np.save(folder / "queries.npy", seen(rng.integers(0, persons, QUERIES)))
    np.savez(
        folder / "columns.npz",
        persons=who,
        cameras=rng.integers(0, CAMERAS, count),
        times=START + rng.integers(0, DAYS * 86400, count).astype("timedelta64[s]"),
        names=np.array([f"{rng.bytes(16).hex()}" for _ in range(count)]),
    )


def drawn(folder: Path) -> Iterator[Sightings]:
    """The drawn sightings, batch by batch."""
    vectors = np.load(folder / "vectors.npy", mmap_mode="r")
    columns = {name: values for name, values in np.load(folder / "columns.npz").items()}
    for start in range(0, len(vectors), BATCH):
        some = slice(start, start + BATCH)
        yield Sightings(
            columns["names"][some],
            vectors[some],
            persons=[f"person {number}" for number in columns["persons"][some]],
            cameras=[f"camera {number}" for number in columns["cameras"][some]],
            times=columns["times"][some],
            images=[f"crops/{start + number:08d}.jpg" for number in range(len(vectors[some]))],
        )


def masks(folder: Path) -> dict[str, NDArray[np.bool_]]:
    """The same filters on arrays."""
    columns = np.load(folder / "columns.npz")
    cameras, times = columns["cameras"], columns["times"]
    rare = filters()["rare"]
    assert rare.since is not None
    assert rare.until is not None
    day = (times >= moment(rare.since)) & (times < moment(rare.until))
    return {
        "plain": np.ones(len(cameras), bool),
        "not this camera": cameras != 3,
        "one camera": cameras == 3,
        "rare": (cameras == 3) & day,
    }


def enrol(folder: Path, place: Path) -> dict[str, Any]:
    """Seconds to add all that was drawn, as saved embeddings, to a gallery; and the same again."""
    about = About("drawn", "plain", WIDTH, calibrations=calibrations(folder))
    found: dict[str, Any] = {}
    with Gallery.open(place) if place.exists() else Gallery.create(place, about) as gallery:
        before = len(gallery)
        for step in ("enrol", "again"):
            seconds, added = 0.0, 0
            for part in drawn(folder):
                began = time.perf_counter()
                added += gallery.store.write(part).added
                seconds += time.perf_counter() - began
            found[step] = (len(gallery) - before) / seconds
            assert added == (len(gallery) - before if step == "enrol" else 0)
    return found | {"before": before}


def calibrations(folder: Path) -> dict[str, Mapping[str, object]]:
    """Of the distances of the drawn vectors, for the posterior of a search."""
    from passerby.evaluation.decisions.calibration_fitting import calibrate

    some = 5_000
    vectors = np.load(folder / "vectors.npy", mmap_mode="r")[:some]
    columns = np.load(folder / "columns.npz")
    drawn_pairs = Embeddings(
        vectors, columns["persons"][:some], columns["cameras"][:some], model="drawn"
    )
    return {"single": asdict(calibrate(drawn_pairs, replicates=2))}


def compact(place: Path) -> dict[str, Any]:
    """Seconds, and what the gallery is then."""
    with Gallery.open(place) as gallery:
        cpu, began = time.process_time(), time.perf_counter()
        gallery.store.compact()
        wall = time.perf_counter() - began
        state = gallery.store.index_state()
        return {
            "wall": wall,
            "cpu": time.process_time() - cpu,
            "state": f"{state.kind}, {state.effort}; recall stated {state.recall:.4f}",
            "bytes": gallery.store.disk_bytes(),
        }


def peak() -> float:
    """Largest resident memory of this process so far, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6


def timed(search: Search, queries: NDArray[np.float32], truth: list[set[str]]) -> dict[str, float]:
    """Latency of single queries in ms, after five that are not counted, and their recall."""
    for query in queries[:5]:
        search(query)
    seconds, met, cpu = [], 0, time.process_time()
    for query, nearest in zip(queries, truth, strict=True):
        began = time.perf_counter()
        names = search(query)
        seconds.append(time.perf_counter() - began)
        met += len(nearest & {*names[:MEASURED]})
    p50, p95 = np.percentile(np.array(seconds) * 1e3, [50, 95])
    cpu = (time.process_time() - cpu) / len(queries) * 1e3
    return {"p50": p50, "p95": p95, "cpu": cpu, "recall": met / sum(map(len, truth))}


def gallery_search(folder: Path) -> Callable[[str], Search]:
    """The gallery, as any user opens it and asks it."""
    gallery = Gallery.open(folder / "gallery")

    def under(name: str) -> Search:
        where = filters()[name]
        return lambda query: [match.sighting for match in gallery.search(query, K, where)]

    return under


def store_search(folder: Path) -> Callable[[str], Search]:
    """The engine alone."""
    store = open_store(folder / "gallery")

    def under(name: str) -> Search:
        where = filters()[name]
        return lambda query: store.search(query[None], K, where).sightings.ids.tolist()

    return under


def numpy_search(folder: Path) -> Callable[[str], Search]:
    """One product with all vectors, in memory."""
    vectors, names = np.load(folder / "vectors.npy"), np.load(folder / "columns.npz")["names"]
    allowed = masks(folder)

    def under(name: str) -> Search:
        rows = np.flatnonzero(allowed[name])
        few = vectors[rows] if len(rows) < len(vectors) // 10 else None

        def search(query: NDArray[np.float32]) -> list[str]:
            nearness = few @ query if few is not None else (vectors @ query)[rows]
            best = np.argpartition(-nearness, K)[:K]
            return names[rows[best[np.argsort(-nearness[best])]]].tolist()

        return search

    return under


def faiss_search(folder: Path) -> Callable[[str], Search]:
    """faiss's exact index of inner products, filters as a bitmap."""
    import faiss

    vectors, names = np.load(folder / "vectors.npy"), np.load(folder / "columns.npz")["names"]
    index = faiss.IndexFlatIP(WIDTH)
    index.add(vectors)
    del vectors
    allowed = masks(folder)

    def under(name: str) -> Search:
        bitmap = np.packbits(allowed[name], bitorder="little")
        chosen = None
        if name != "plain":
            chosen = faiss.SearchParameters(sel=faiss.IDSelectorBitmap(bitmap))
        return lambda query: names[index.search(query[None], K, params=chosen)[1][0]].tolist()

    return under


def searched(folder: Path, engine: str) -> dict[str, Any]:
    """Latency and recall of one engine under every filter, and what it needs in memory."""
    queries = np.load(folder / "queries.npy")
    truth = json.loads((folder / "truth.json").read_text())
    before = peak()
    makers = {
        "Gallery.search": gallery_search,
        "its store": store_search,
        "numpy": numpy_search,
        "faiss Flat": faiss_search,
    }
    under = makers[engine](folder)
    rows = {
        name: timed(under(name), queries, [{*names} for names in truth[name]]) for name in filters()
    }
    return {"rows": rows, "memory": peak() - before, "whole": peak()}


def curve(folder: Path) -> dict[str, Any]:
    """The same for the gallery at other efforts than the one it chose."""
    queries = np.load(folder / "queries.npy")
    truth = json.loads((folder / "truth.json").read_text())
    store = LanceStore.open(str(folder / "gallery"))
    found: dict[str, Any] = {}
    for share in EFFORTS:
        probes = max(1, round(share * store.partitions))
        search = store.at_effort(probes)
        found[str(probes)] = {
            name: timed(
                lambda query, where=where, search=search: search(
                    query[None], K, where
                ).sightings.ids.tolist(),
                queries,
                [{*names} for names in truth[name]],
            )
            for name, where in filters().items()
        }
    return found


def commanded(folder: Path) -> dict[str, Any]:
    """Seconds and CPU seconds of ``passerby gallery search`` with one saved vector."""
    query = np.load(folder / "queries.npy")[:1]
    Embeddings(query, [0], model="drawn").save(folder / "query.npz")
    command = [sys.executable, "-m", "passerby", "gallery", "search", str(folder / "gallery")]
    command += ["--npz", str(folder / "query.npz"), "--not-camera", "camera 3"]
    wall, cpu = [], []
    for _ in range(COMMANDS):
        before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        wall.append(time.perf_counter() - began)
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        cpu.append(used.ru_utime + used.ru_stime - before.ru_utime - before.ru_stime)
    return {"wall": float(np.median(wall)), "cpu": float(np.median(cpu))}


def write_truth(folder: Path) -> None:
    """The names of the nearest 10 by filter and query, from float64 products."""
    queries = np.load(folder / "queries.npy").astype(np.float64)
    vectors = np.load(folder / "vectors.npy", mmap_mode="r")
    names = np.load(folder / "columns.npz")["names"]
    allowed = masks(folder)
    kept: dict[str, list[tuple[Any, Any]]] = {name: [] for name in allowed}
    for start in range(0, len(vectors), BATCH):
        nearness = vectors[start : start + BATCH].astype(np.float64) @ queries.T
        for name, mask in allowed.items():
            rows = np.flatnonzero(mask[start : start + BATCH])
            some = nearness[rows]
            best = np.argsort(-some, axis=0)[:MEASURED]
            kept[name].append((rows[best] + start, np.take_along_axis(some, best, 0)))
    truth = {}
    for name, parts in kept.items():
        rows, nearness = (np.concatenate(values) for values in zip(*parts, strict=True))
        best = np.argsort(-nearness, axis=0)[:MEASURED]
        truth[name] = names[np.take_along_axis(rows, best, 0)].T.tolist()
    (folder / "truth.json").write_text(json.dumps(truth))


def run(*arguments: object) -> dict[str, Any]:
    """One measurement in a process of its own."""
    command = [sys.executable, __file__, "--measure", *map(str, arguments)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return json.loads(done.stdout.splitlines()[-1])


def measure(name: str, folder: Path, *more: str) -> None:
    """Do one of the steps in this process and print what it found as JSON."""
    found: dict[str, Any] = {}
    if name == "draw":
        draw(folder, int(more[0]), int(more[1]))
        write_truth(folder)
    elif name == "enrol":
        found = enrol(folder, Path(more[0]))
    elif name == "compact":
        found = compact(folder)
    elif name == "search":
        found = searched(folder, more[0])
    elif name == "command":
        found = commanded(folder)
    else:
        found = curve(folder)
    print(json.dumps(found))


def say_enrolled(found: dict[str, Any]) -> None:
    """One line on an enrolment."""
    print(
        f"- into a gallery of {found['before']:,}: {found['enrol']:,.0f} sightings/s; the same "
        f"again, of which none is added: {found['again']:,.0f} sightings/s"
    )


def compare(size: str, folder: Path) -> None:
    """Measure everything at one size and print the tables."""
    count, place = SIZES[size], folder / "gallery"
    run("draw", folder, count, SEED)
    print(f"\n### {size}: {count:,} × {WIDTH}\n")
    say_enrolled(run("enrol", folder, place))
    found = run("compact", place)
    print(f"- compact, with building the index: {found['wall']:.1f} s, {found['cpu']:.1f} CPU s")
    print(f"- index: {found['state']}")
    times_raw = found["bytes"] / (count * WIDTH * 4)
    print(f"- disk {found['bytes'] / 1e6:,.0f} MB = {times_raw:.2f} × the raw vectors\n")
    print(
        "| engine | filter | p50 ms | p95 ms | CPU ms | p50 / numpy's | recall@10 "
        "| extra peak MB |\n|---|---|---|---|---|---|---|---|"
    )
    results = {}
    for engine in ENGINES:
        if engine == "faiss Flat" and importlib.util.find_spec("faiss") is None:
            continue
        results[engine] = run("search", folder, engine)
    for engine, result in results.items():
        for name, row in result["rows"].items():
            ratio = row["p50"] / results["numpy"]["rows"][name]["p50"]
            print(
                f"| {engine} | {name} | {row['p50']:.1f} | {row['p95']:.1f} | {row['cpu']:.1f} "
                f"| {ratio:.2f} | {row['recall']:.4f} | {result['memory']:,.0f} |",
            )
    whole, command = results["Gallery.search"]["whole"], run("command", folder)
    print(
        f"\nThe whole search process: {whole:,.0f} MB at its peak. The command takes "
        f"{command['wall']:.1f} s, {command['cpu']:.1f} CPU s.\n"
    )
    print(
        "| partitions searched | filter | p50 ms | p95 ms | CPU ms | recall@10 |\n"
        "|---|---|---|---|---|---|"
    )
    for probes, rows in run("curve", folder).items():
        for name, row in rows.items():
            print(
                f"| {probes} | {name} | {row['p50']:.1f} | {row['p95']:.1f} | {row['cpu']:.1f} "
                f"| {row['recall']:.4f} |",
            )
    if size == "100k":
        (folder / "more").mkdir()
        run("draw", folder / "more", count, SEED + 1)
        print()
        say_enrolled(run("enrol", folder / "more", place))
    sys.stdout.flush()


def main(arguments: list[str]) -> None:
    """Measure at the sizes named, 100k by default."""
    if arguments[:1] == ["--measure"]:
        return measure(arguments[1], Path(arguments[2]), *arguments[3:])
    for size in arguments or ["100k"]:
        with tempfile.TemporaryDirectory() as folder:
            compare(size, Path(folder))
    return None


if __name__ == "__main__":
    main(sys.argv[1:])
