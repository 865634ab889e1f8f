"""Folders of parts at the sizes that people have: adding them to a gallery, evaluating them.

    python benchmarks/parts.py [10k] [100k] [1m] [--width 512] [--folder FOLDER]

Vectors are drawn (seed 0): 512 dimensions, 50 of each person around its centre, 20 cameras, in
parts of 4,096; 1,000 queries. Each measurement is a process of its own. Its memory is what it holds
itself (RssAnon of Linux: neither files that are mapped nor what the system keeps of them), sampled
every 20 ms and counted from the process with everything imported; that of the processes that it
starts, which make the index, stands beside it, imports included. CPU of threads is included.
"without index" adds as if no gallery were large enough to have one. A million of 512 dimensions
takes 2 GB of parts, and adding them 4 GB beside these.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa

from passerby.assessment.score import score_files
from passerby.gallery.gallery import Gallery
from passerby.stores.about import About
from passerby.stores.engines.lancedb import index
from passerby.tables.parts.folder import Manifest, part_file, read_manifest, write_manifest
from passerby.tables.parts.part_files import write_part
from passerby.tables.parts.schema import vector_schema, vectors_to_arrow

SIZES = {"1k": 1_000, "10k": 10_000, "100k": 100_000, "1m": 1_000_000}
SEED, WIDTH, PER_PERSON, CAMERAS, PART, QUERIES = 0, 512, 50, 20, 4096, 1000
MODEL = "drawn"


def write(folder: Path, count: int, persons: int, seed: int, width: int) -> None:
    """A folder of so many drawn vectors of so many persons."""
    schema, parts = vector_schema(width), []
    centres = np.random.default_rng(SEED + 7).standard_normal((persons, width), np.float32)
    for number, start in enumerate(range(0, count, PART)):
        rows = np.arange(start, min(start + PART, count))
        random = np.random.default_rng((seed, number))
        who = random.integers(0, persons, len(rows))
        vectors = centres[who] + 2 * random.standard_normal((len(rows), width), np.float32)
        cameras = random.integers(0, CAMERAS, len(rows))
        made = {
            "row": pa.array(rows),
            "id": pa.array([f"{seed:02x}{row:030x}" for row in rows]),
            "image": pa.array([f"crops/{row:08d}.jpg" for row in rows]),
            "person": pa.array([f"person {one}" for one in who]),
            "person_number": pa.array(who),
            "camera": pa.array([f"camera {one}" for one in cameras]),
            "camera_number": pa.array(cameras),
            "vector": vectors_to_arrow(vectors, np.ones(len(rows), bool)),
            "fingerprint": pa.array([MODEL] * len(rows)),
        }
        columns = [
            made[field.name] if field.name in made else pa.nulls(len(rows), field.type)
            for field in schema
        ]
        table = pa.table(columns, schema=schema)
        parts.append(write_part(part_file(folder, number), table, MODEL, "plain"))
    write_manifest(folder, Manifest(MODEL, "plain", width, tuple(parts)))


def _about(folder: Path) -> About:
    return About(MODEL, "plain", read_manifest(folder).dimensions)


def add(folder: Path) -> str:
    """All of them, to a new gallery."""
    with (
        tempfile.TemporaryDirectory(dir=folder.parent) as place,
        Gallery.create(Path(place) / "gallery", _about(folder)) as gallery,
    ):
        return f"{gallery.add(folder).added:,} sightings added"


def add_only(folder: Path) -> str:
    """The same, with nothing indexed afterwards."""
    index.INDEX_FROM = sys.maxsize
    return add(folder)


def evaluate(folder: Path) -> str:
    """The queries against all of them."""
    report = score_files(str(folder.with_name(f"{folder.name}-queries")), str(folder))
    return f"rank-1 {report.rank1:.2f}, mAP {report.mean_average_precision:.2f}"


MEASURED: dict[str, Callable[[Path], str]] = {
    "gallery add, without index": add_only,
    "gallery add": add,
    "evaluate": evaluate,
}


def memory_of(process: int | str) -> int:
    """Bytes that a process holds itself; 0 where it has ended."""
    try:
        lines = Path(f"/proc/{process}/status").read_text().splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("RssAnon:"))


def memory_of_started() -> int:
    """Bytes that the processes hold that this one has started."""
    me = os.getpid()
    listed = Path(f"/proc/{me}/task").glob("*/children")
    return sum(memory_of(child) for one in listed for child in one.read_text().split())


def measure(name: str, folder: Path) -> None:
    """Run one measurement in this process and print it as JSON."""
    before, most, done = memory_of("self"), [0, 0], threading.Event()

    def watch() -> None:
        while not done.wait(0.02):
            most[:] = max(most[0], memory_of("self")), max(most[1], memory_of_started())

    watching = threading.Thread(target=watch, daemon=True)
    watching.start()
    wall, cpu = time.perf_counter(), time.process_time()
    said = MEASURED[name](folder)
    found = {
        "said": said,
        "wall": time.perf_counter() - wall,
        "cpu": time.process_time() - cpu,
        "memory": (most[0] - before) / 1e6,
        "started": most[1] / 1e6,
    }
    done.set()
    watching.join()
    print(json.dumps(found))


def main() -> None:
    """Print a table; ``--only`` is how it starts itself for one measurement."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("sizes", nargs="*", metavar="1k|10k|100k|1m", default=["10k", "100k"])
    options.add_argument("--folder", type=Path, help="keep what was drawn here")
    options.add_argument("--width", type=int, default=WIDTH, help="dimensions")
    options.add_argument("--only", choices=MEASURED)
    given = options.parse_args()
    if {*given.sizes} - {*SIZES}:
        options.error(f"sizes are {', '.join(SIZES)}")
    if given.only:
        measure(given.only, given.folder)
        return
    with tempfile.TemporaryDirectory() as temporary:
        heads = ["vectors", "what", "s", "CPU s", "own memory, MB", "of started, MB", "result"]
        print(f"| {' | '.join(heads)} |\n{'|---' * len(heads)}|")
        for size in given.sizes:
            folder = (given.folder or Path(temporary)) / size
            if not folder.exists():
                persons = max(SIZES[size] // PER_PERSON, 1)
                write(folder, SIZES[size], persons, SEED, given.width)
                queries = folder.with_name(f"{size}-queries")
                write(queries, QUERIES, persons, SEED + 1, given.width)
            for name in MEASURED:
                command = [sys.executable, __file__, "--only", name, "--folder", str(folder)]
                done = subprocess.run(command, capture_output=True, text=True, check=False)
                if done.returncode:
                    sys.exit(done.stderr)
                row = json.loads(done.stdout.splitlines()[-1])
                times = f"{row['wall']:.1f} | {row['cpu']:.1f}"
                memory = f"{row['memory']:.0f} | {row['started']:.0f}"
                print(f"| {size} | {name} | {times} | {memory} | {row['said']} |", flush=True)


if __name__ == "__main__":
    main()
