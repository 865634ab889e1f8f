"""Passages as one sighting beside five of a tracklet: disk, search, and what ratios are worth.

    python benchmarks/passages.py cost [--sightings 100000]
    python benchmarks/passages.py worth --data ROOT [--model default] [--seed 0]

cost: drawn vectors of 512 numbers (seed 0). A gallery without passages is made in the form of
before (no columns for them) and opened, which adds them: its size and the median milliseconds of
single searches (k = 10) before and after, plain and under ``since``, each after twenty searches.
Then 200 passages of five crops (noise of 320 × 128 pixels, the worst case for JPEG) as one sighting
and as five, with thumbnails alone.

worth: train persons of a Market-1501 folder who were seen by two cameras, halved; on either half
single images are calibrated, on the other passages of up to five images of one person by one camera
are judged by single images of other cameras: Cllr in bits a pair (0 is perfect, 1 says nothing) and
the mean likelihood ratio of strangers (1 where ratios are true) by the mean distance to the images,
the distance to their pooled vector, the least distance, and that to a single one of them.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import lancedb
import numpy as np
from numpy.typing import NDArray

from passerby.data.reading.reader import read_split
from passerby.embedding.embedder import load
from passerby.evaluation.decisions.calibration_fitting import calibrate
from passerby.gallery.enrol.thumbnails import picture, thumbnail
from passerby.stores.about import About
from passerby.stores.engines.lancedb.conditions import condition_of
from passerby.stores.engines.lancedb.rows import LATER, to_arrow
from passerby.stores.engines.lancedb.store import LanceStore
from passerby.stores.engines.lancedb.table_state import TableState
from passerby.stores.opening import create_store
from passerby.tables.embeddings import Embeddings
from passerby.tables.filters import Where
from passerby.tables.looks import Looks, evenly, pool
from passerby.tables.records import Record
from passerby.tables.sightings import Sightings
from passerby.tables.unit_length import unit

WIDTH, PASSAGES, CROPS = 512, 200, 5
START = np.datetime64("2026-05-01", "us")
ABOUT = About("drawn", "plain", WIDTH)


def main() -> None:
    """Measure one of the two."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("what", choices=("cost", "worth"))
    options.add_argument("--sightings", type=int, default=100_000)
    options.add_argument("--data", default="")
    options.add_argument("--model", default="default")
    options.add_argument("--seed", type=int, default=0)
    given = options.parse_args()
    if given.what == "cost":
        print_cost(given.sightings)
    elif not given.data:
        raise SystemExit("worth needs --data ROOT, a folder like Market-1501's")
    else:
        print_worth(given.data, given.model, given.seed)


def print_cost(count: int) -> None:
    """A row for each form of the gallery, then bytes a passage."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "plain"
        make_older(place, drawn(count))
        queries = drawn(40, seed=1).vectors
        print(f"| {count:,} sightings | MB | plain, ms | since, ms |\n|---|---|---|---|")
        print(row("columns of before", place, timed(place, queries)))
        began = time.perf_counter()
        LanceStore.open(str(place)).close()
        opened = 1e3 * (time.perf_counter() - began)
        print(
            row(
                "with those of passages",
                place,
                timed(place, queries),
            )
        )
        print(f"\nopened for the first time, and given the columns, in {opened:.0f} ms")
        for name, given in passages().items():
            made = create_store(str(Path(folder) / name), ABOUT)
            made.write(given)
            size = made.disk_bytes() or 0
            print(
                f"{name}: {len(given) // PASSAGES} rows, {size / PASSAGES / 1e3:.1f} kB a passage"
            )
            made.close()


def drawn(count: int, seed: int = 0) -> Sightings:
    """Sightings without a passage among them, over a day."""
    random = np.random.default_rng(seed)
    vectors = unit(random.standard_normal((count, WIDTH), np.float32))
    seconds = random.integers(0, 86_400, count).astype("timedelta64[s]")
    ids = [f"{seed:08x}{number:024x}" for number in range(count)]
    return Sightings(
        ids, vectors, cameras=[f"cam {n % 20}" for n in range(count)], times=START + seconds
    )


def make_older(place: Path, given: Sightings) -> None:
    """A gallery in the form of before passages."""
    place.mkdir()
    rows = to_arrow(given[:0])
    names = [name for name in rows.schema.names if name not in LATER]
    table = lancedb.connect(place).create_table("sightings-1", rows.select(names))
    for start in range(0, len(given), 10_000):
        table.add(to_arrow(given[start : start + 10_000]).select(names))
    TableState("sightings-1").write(place)
    (place / "about.json").write_text(ABOUT.to_json(), "utf-8")


def timed(place: Path, queries: NDArray[np.float32]) -> list[float]:
    """The engine's search of a table, which brings what a search shows, plain and under a time."""
    table: Any = lancedb.connect(place).open_table("sightings-1")
    hidden = ("vector", "thumbnail", "looks", "pictures")
    names = [name for name in table.schema.names if name not in hidden]
    since = "time >= timestamp '2026-05-01 12:00:00'"
    if "until" in names:
        since = condition_of(Where(since=datetime(2026, 5, 1, 12, tzinfo=UTC))) or ""
    found = []
    for condition in ("", since):

        def search(query: NDArray[np.float32], condition: str = condition) -> object:
            asked = table.search(query).distance_type("dot").limit(10).select([*names, "_distance"])
            return (asked.where(condition, prefilter=True) if condition else asked).to_arrow()

        found.append(median(search, queries))
    return found


def median(search: Callable[[NDArray[np.float32]], object], queries: NDArray[np.float32]) -> float:
    """Milliseconds of the second half of the queries."""
    taken = []
    for query in queries:
        began = time.perf_counter()
        search(query)
        taken.append(time.perf_counter() - began)
    return 1e3 * float(np.median(taken[len(taken) // 2 :]))


def row(name: str, place: Path, milliseconds: list[float]) -> str:
    """Of the table."""
    size = sum(path.stat().st_size for path in place.rglob("*") if path.is_file()) / 1e6
    return f"| {name} | {size:.1f} | " + " | ".join(f"{each:.1f}" for each in milliseconds) + " |"


def passages() -> dict[str, Sightings]:
    """The same passages in two forms."""
    random = np.random.default_rng(2)
    whole, apart = [], []
    for number in range(PASSAGES):
        vectors = unit(random.standard_normal((CROPS, WIDTH), np.float32))
        crops = random.integers(0, 256, (CROPS, 320, 128, 3), np.uint8)
        times = START + np.arange(CROPS) * np.timedelta64(1, "s")
        looks = Looks(
            (0.0, 5.0), np.arange(CROPS, dtype=np.float64), times, np.arange(CROPS) * 25,
            np.zeros((CROPS, 4), np.float32), vectors,
        )  # fmt: skip
        vector, coherence = looks.pooled()
        whole.append(
            Sightings(
                [f"{number:032x}"], vector[None], times=times[:1], untils=times[-1:],
                coherences=[coherence], looks=[looks], thumbnails=[thumbnail(crops[2])],
                pictures=[[picture(crop) for crop in crops]],
            )
        )  # fmt: skip
        apart.append(
            Sightings(
                [f"{number:016x}{k:016x}" for k in range(CROPS)], vectors, times=times,
                thumbnails=[thumbnail(crop) for crop in crops],
            )
        )  # fmt: skip
    return {"one sighting with pictures": Sightings.joined(whole), "five": Sightings.joined(apart)}


def print_worth(data: str, model: str, seed: int) -> None:
    """Cllr of three distances to passages."""
    records = [one for one in read_split(data).train if one.person >= 0]
    cameras = {one.person: {r.camera for r in records if r.person == one.person} for one in records}
    records = spread([one for one in records if len(cameras[one.person]) > 1])
    made = Embeddings.of_records(unit(load(model)([one.image for one in records])), records)
    persons = np.unique(made.persons)
    half = np.random.default_rng(seed).permutation(persons)[: len(persons) // 2]
    inside = np.isin(made.persons, half)
    costs = [judged(made[one], made[~one]) for one in (inside, ~inside)]
    print(f"{len(persons)} persons, {len(made)} images, seed {seed}\n")
    print("| distance | Cllr | of one person | of two | mean LR of two |\n|---|---|---|---|---|")
    for name in costs[0]:
        figures = np.mean([each[name] for each in costs], axis=0)
        print(f"| {name} | " + " | ".join(f"{each:.3f}" for each in figures) + " |")


def spread(records: list[Record]) -> list[Record]:
    """Up to five images of each person by each camera, evenly among their names."""
    groups: dict[tuple[int, int | None], list[Record]] = {}
    for one in sorted(records, key=lambda one: one.image):
        groups.setdefault((one.person, one.camera), []).append(one)
    return [each[row] for each in groups.values() for row in evenly(len(each), CROPS).tolist()]


def judged(learnt: Embeddings, other: Embeddings) -> dict[str, NDArray[np.float64]]:
    """Cllr by the calibration of one half, of the passages of the other."""
    calibration = calibrate(learnt, replicates=2)
    assert other.cameras is not None
    found: dict[str, list[tuple[float, bool]]] = {
        name: [] for name in ("mean", "pooled", "least", "single")
    }
    for person, camera in {*zip(other.persons.tolist(), other.cameras.tolist(), strict=True)}:
        rows = np.flatnonzero((other.persons == person) & (other.cameras == camera))
        if len(rows) < 3:
            continue
        asked = np.flatnonzero(other.cameras != camera)
        distances = 1 - other.vectors[asked] @ other.vectors[rows].T
        pooled = 1 - other.vectors[asked] @ pool(other.vectors[rows])[0]
        of = {
            "mean": distances.mean(1),
            "pooled": pooled,
            "least": distances.min(1),
            "single": distances[:, len(rows) // 2],
        }
        same = other.persons[asked] == person
        for name, each in of.items():
            found[name] += [*zip(each.tolist(), same.tolist(), strict=True)]
    return {name: costs_of(calibration.llr, pairs) for name, pairs in found.items()}


def costs_of(
    llr: Callable[[NDArray[np.float64]], NDArray[np.float64]], pairs: list[tuple[float, bool]]
) -> NDArray[np.float64]:
    """Cllr in bits (Brümmer and du Preez 2006, equation 22), its halves of one person and of two,
    and the mean likelihood ratio of two persons, above 1 where strangers are flattered."""
    distances, same = (np.array(each) for each in zip(*pairs, strict=True))
    ratios = llr(distances)
    of_one = np.logaddexp(0, -ratios[same]).mean() / np.log(2)
    of_two = np.logaddexp(0, ratios[~same]).mean() / np.log(2)
    return np.array([(of_one + of_two) / 2, of_one, of_two, np.exp(ratios[~same]).mean()])


if __name__ == "__main__":
    main()
