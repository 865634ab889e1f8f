"""CPU time and memory of re-ranking and query expansion, beside the bare all-pairs product.

    python benchmarks/reranking.py [--rounds=3] [small] [market] [msmt17] [msmt17-512]

All rows are measured once a round; times and ratios are the medians over the rounds. Vectors are
drawn (seed 0) around a centre for each person, in 64 dimensions, and projected to 2048 or 512. Each
measurement runs in a process of its own. CPU time is that of all threads, user
and system; extra peak memory is counted from the process with its embeddings loaded. The bare
product is that of all N = queries + gallery vectors with all, 1,024 rows at a time, its results
dropped.
At the small size re-ranking of torchreid and fastreid is measured too, where they can be imported:
they are given the plain Euclidean distances. Times of re-ranking include reading all [Q, G]
distances block by block.
"""

import importlib.util
import json
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from processor import processor

import passerby
from passerby.evaluation.ranking.distances import VectorDistances
from passerby.evaluation.ranking.query_expansion import augment_database, expand_queries
from passerby.evaluation.ranking.rerank import memory_needed
from passerby.tables.embeddings import Embeddings

LATENT, NOISE, SEED = 64, 1.25, 0
SIZES = {  # queries, gallery, persons, dimensions
    "small": (400, 2900, 200, 2048),
    "market": (3368, 15913, 751, 2048),
    "msmt17": (11659, 82161, 3060, 2048),
    "msmt17-512": (11659, 82161, 3060, 512),
}
PEERS = {  # file of a peer's function within its package, which is not imported whole
    "torchreid": "reid/utils/rerank.py",
    "fastreid": "evaluation/rerank.py",
}


def draw(queries: int, gallery: int, persons: int, width: int) -> tuple[Embeddings, Embeddings]:
    """Query and gallery around the persons' centres, from six cameras."""
    rng = np.random.default_rng(SEED)
    centres = rng.standard_normal((persons, LATENT), np.float32)
    projection = rng.standard_normal((LATENT, width), np.float32)

    def part(count: int) -> Embeddings:
        numbers = np.sort(rng.integers(0, persons, count))
        latent = centres[numbers] + NOISE * rng.standard_normal((count, LATENT), np.float32)
        return Embeddings(latent @ projection, numbers, rng.integers(1, 7, count))

    return part(queries), part(gallery)


def bare_product(query: Embeddings, gallery: Embeddings) -> None:
    """The product of all pairs, nothing else."""
    vectors = torch.from_numpy(np.concatenate([query.vectors, gallery.vectors]))
    for start in range(0, len(vectors), 1024):
        vectors[start : start + 1024] @ vectors.T


def reranking(query: Embeddings, gallery: Embeddings) -> None:
    """passerby.rerank and all of its blocks."""
    distances = passerby.rerank(query, gallery)
    step = distances.block_rows
    for start in range(0, len(query), step):
        distances.block(slice(start, start + step))


def reranking_by(peer: str, query: Embeddings, gallery: Embeddings) -> NDArray[np.float32] | None:
    """A peer's re-ranked distances from the Euclidean distances of normalised vectors."""
    package = importlib.util.find_spec(peer)
    if package is None or not package.submodule_search_locations:
        return None
    path = Path(package.submodule_search_locations[0]) / PEERS[peer]
    spec = importlib.util.spec_from_file_location("peer", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    one, other = (
        part.vectors / np.linalg.norm(part.vectors, axis=1, keepdims=True)
        for part in (query, gallery)
    )
    tables = [
        VectorDistances(a, b, "euclidean").block(slice(0, len(a)))
        for a, b in ((one, other), (one, one), (other, other))
    ]
    return module.re_ranking(*tables)


MEASUREMENTS = {
    "bare product": bare_product,
    "rerank": reranking,
    "expand_queries": expand_queries,
    "augment_database": lambda _, gallery: augment_database(gallery),
    "torchreid": partial(reranking_by, "torchreid"),
    "fastreid": partial(reranking_by, "fastreid"),
}


def memory_in_use(field: str) -> float:
    """Resident memory now (VmRSS) or at its peak (VmHWM), in MB."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(field)) * 1024 / 1e6


def measure(name: str, folder: Path) -> None:
    """Run one measurement in this process and print it as JSON."""
    query, gallery = (Embeddings.load(folder / f"{part}.npz") for part in ("query", "gallery"))
    torch.ones(64, 64) @ torch.ones(64, 64)  # load what the first product loads
    before = memory_in_use("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")  # the peak begins again from here
    cpu, wall = time.process_time(), time.perf_counter()
    result = MEASUREMENTS[name](query, gallery)
    found: dict[str, object] = {
        "cpu": time.process_time() - cpu,
        "wall": time.perf_counter() - wall,
        "memory": memory_in_use("VmHWM") - before,
    }
    # What follows is not timed.
    if name in PEERS:
        found["note"] = "not installed"
        if result is not None:
            ours = passerby.rerank(query, gallery).dense()
            found["note"] = f"differs from ours by {np.abs(result - ours).max():.1e} at most"
    if name == "rerank":
        needed = memory_needed(len(query), len(gallery), query.vectors.shape[1])
        found["note"] = f"stated before: {needed / 1e6:.0f} MB at most"
    print(json.dumps(found))


def scores(folder: Path) -> str:
    """mAP before and after."""
    query, gallery = (Embeddings.load(folder / f"{part}.npz") for part in ("query", "gallery"))
    plain = passerby.evaluate(query, gallery)
    report = passerby.evaluate(query, gallery, distances=passerby.rerank(query, gallery))
    expanded = passerby.evaluate(expand_queries(query, gallery), gallery)
    return (
        f"mAP {plain.mean_average_precision:.2f}, with expanded queries "
        f"{expanded.mean_average_precision:.2f}, re-ranked {report.mean_average_precision:.2f}"
    )


def run(name: str, folder: Path) -> dict[str, Any]:
    """One measurement in a process of its own."""
    command = [sys.executable, __file__, "--measure", name, str(folder)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return json.loads(done.stdout.splitlines()[-1])


def compare(size: str, folder: Path, rounds: int) -> None:
    """Measure everything at one size and print the table."""
    queries, images, _, width = SIZES[size]
    for part, embeddings in zip(("query", "gallery"), draw(*SIZES[size]), strict=True):
        embeddings.save(folder / f"{part}.npz")
    threads = f"{torch.get_num_threads()} threads, torch {torch.__version__}"
    print(f"\n### {size}: {queries} × {images}, N = {queries + images}, {width}-d; {threads}\n")
    print(
        "| step | CPU s | wall s | CPU / bare product | extra peak MB | |\n"
        "|---|---|---|---|---|---|"
    )
    names = ["bare product", "rerank"]
    if not size.startswith("msmt17"):
        names += ["expand_queries", "augment_database"]
    if size == "small":
        names += list(PEERS)
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in names}
    for number in range(rounds):
        for name in names:
            if number == 0 or name not in PEERS:  # these are too slow to be repeated
                found[name].append(run(name, folder))
    for name in names:
        cpu, wall = (median(one[key] for one in found[name]) for key in ("cpu", "wall"))
        bare = [one["cpu"] for one in found["bare product"]]
        ratios = [one["cpu"] / by for one, by in zip(found[name], bare, strict=False)]
        print(
            f"| {name} | {cpu:.1f} | {wall:.1f} | {median(ratios):.2f} ({min(ratios):.2f} to "
            f"{max(ratios):.2f}) | {max(one['memory'] for one in found[name]):.0f} "
            f"| {found[name][0].get('note', '')} |"
        )
    if not size.startswith("msmt17"):
        print(f"\n{scores(folder)}", flush=True)


def main(arguments: list[str]) -> None:
    """Measure at the sizes named, small and market by default."""
    if arguments[:1] == ["--measure"]:
        return measure(arguments[1], Path(arguments[2]))
    rounds = int(arguments.pop(0).partition("=")[2]) if arguments[:1] and "=" in arguments[0] else 3
    print(processor())
    for size in arguments or ["small", "market"]:
        with tempfile.TemporaryDirectory() as folder:
            compare(size, Path(folder), rounds)
    return None


if __name__ == "__main__":
    main(sys.argv[1:])
