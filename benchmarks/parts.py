"""Folders of parts at the sizes that people have: adding them to a gallery, evaluating them.

    python benchmarks/parts.py [10k] [100k] [1m] [--folder FOLDER]

Vectors are drawn (seed 0): 512 dimensions, 50 of each person around its centre, 20 cameras, in
parts of 4,096; 1,000 queries. Each measurement is a process of its own. Its memory is what it holds
itself (RssAnon of Linux: neither files that are mapped nor what the system keeps of them), sampled
every 20 ms and counted from the process with everything imported. CPU of threads is included.
"""

from __future__ import annotations

import argparse
import json
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
from passerby.tables.parts.folder import Manifest, part_file, write_manifest
from passerby.tables.parts.part_files import write_part
from passerby.tables.parts.schema import vector_schema, vectors_to_arrow

SIZES = {"1k": 1_000, "10k": 10_000, "100k": 100_000, "1m": 1_000_000}
SEED, WIDTH, PER_PERSON, CAMERAS, PART, QUERIES = 0, 512, 50, 20, 4096, 1000
MODEL = "drawn"


def write(folder: Path, count: int, persons: int, seed: int) -> None:
    """A folder of so many drawn vectors of so many persons."""
    schema, parts = vector_schema(WIDTH), []
    centres = np.random.default_rng(SEED + 7).standard_normal((persons, WIDTH), np.float32)
    for number, start in enumerate(range(0, count, PART)):
        rows = np.arange(start, min(start + PART, count))
        random = np.random.default_rng((seed, number))
        who = random.integers(0, persons, len(rows))
        vectors = centres[who] + 2 * random.standard_normal((len(rows), WIDTH), np.float32)
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
    write_manifest(folder, Manifest(MODEL, "plain", WIDTH, tuple(parts)))


def add(folder: Path) -> str:
    """All of them, to a new gallery."""
    with (
        tempfile.TemporaryDirectory(dir=folder.parent) as place,
        Gallery.create(Path(place) / "gallery", About(MODEL, "plain", WIDTH)) as gallery,
    ):
        return f"{gallery.add(folder).added:,} sightings added"


def evaluate(folder: Path) -> str:
    """The queries against all of them."""
    report = score_files(str(folder.with_name(f"{folder.name}-queries")), str(folder))
    return f"rank-1 {report.rank1:.2f}, mAP {report.mean_average_precision:.2f}"


MEASURED: dict[str, Callable[[Path], str]] = {"gallery add": add, "evaluate": evaluate}


def own_memory() -> int:
    """Bytes that this process holds itself."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("RssAnon:"))


def measure(name: str, folder: Path) -> None:
    """Run one measurement in this process and print it as JSON."""
    before, most, done = own_memory(), [0], threading.Event()

    def watch() -> None:
        while not done.wait(0.02):
            most[0] = max(most[0], own_memory())

    watching = threading.Thread(target=watch)
    watching.start()
    wall, cpu = time.perf_counter(), time.process_time()
    said = MEASURED[name](folder)
    found = {
        "said": said,
        "wall": time.perf_counter() - wall,
        "cpu": time.process_time() - cpu,
        "memory": (most[0] - before) / 1e6,
    }
    done.set()
    watching.join()
    print(json.dumps(found))


def main() -> None:
    """Print a table; ``--only`` is how it starts itself for one measurement."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("sizes", nargs="*", metavar="1k|10k|100k|1m", default=["10k", "100k"])
    options.add_argument("--folder", type=Path, help="keep what was drawn here")
    options.add_argument("--only", choices=MEASURED)
    given = options.parse_args()
    if {*given.sizes} - {*SIZES}:
        options.error(f"sizes are {', '.join(SIZES)}")
    if given.only:
        measure(given.only, given.folder)
        return
    with tempfile.TemporaryDirectory() as temporary:
        print("| vectors | what | s | CPU s | own memory, MB | result |\n|---|---|---|---|---|---|")
        for size in given.sizes:
            folder = (given.folder or Path(temporary)) / size
            if not folder.exists():
                persons = max(SIZES[size] // PER_PERSON, 1)
                write(folder, SIZES[size], persons, SEED)
                write(folder.with_name(f"{size}-queries"), QUERIES, persons, SEED + 1)
            for name in MEASURED:
                command = [sys.executable, __file__, "--only", name, "--folder", str(folder)]
                done = subprocess.run(command, capture_output=True, text=True, check=False)
                if done.returncode:
                    sys.exit(done.stderr)
                row = json.loads(done.stdout.splitlines()[-1])
                figures = f"{row['wall']:.1f} | {row['cpu']:.1f} | {row['memory']:.0f}"
                print(f"| {size} | {name} | {figures} | {row['said']} |", flush=True)


if __name__ == "__main__":
    main()
