"""How many of a person's later sightings does the opt-out list refuse, and how many of others'?

    python benchmarks/opt_out.py --data [KIND=]ROOT [--model MODEL] [--persons 60] [--seed 0]

Each of some persons is forgotten as one camera knew them: the entry is made of their images by that
camera, in a gallery of half the images of all others. Counted is what it refuses of the person's
images by other cameras, and of the other half of the others' images. One thread; a minute and a
half for 10,000 crops.
"""

from __future__ import annotations

import argparse

import numpy as np

from passerby.data.reading.reader import read_split
from passerby.embedding.embedder import load
from passerby.gallery.binding import describe
from passerby.gallery.forgetting.opting_out import opt_out
from passerby.process.reporting import progress
from passerby.stores.engines.memory import MemoryStore
from passerby.stores.opting_out import refusals
from passerby.tables.sightings import Sightings
from passerby.tables.unit_length import unit

RATES = (1e-3, 1e-2)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", required=True)
    parser.add_argument("--model", default="default")
    parser.add_argument("--persons", type=int, default=60)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    split = read_split(given.data)
    records = [
        record
        for part in (split.train, split.query, split.gallery)
        for record in part
        if record.person > 0 and record.camera is not None
    ]
    embedder = load(given.model)
    vectors = unit(embedder([record.image for record in records]))
    all_of_them = Sightings([f"{row:032x}" for row in range(len(records))], vectors)
    persons = np.array([record.person for record in records])
    cameras = np.array([record.camera for record in records])
    print(f"{len(records):,} images of {len(np.unique(persons)):,} persons, {embedder.name}\n")
    print("| share of others asked for | refused of others | refused of the person's, by other "
          "cameras | entries |")  # fmt: skip
    print("|---|---|---|---|")
    for rate in RATES:
        random = np.random.default_rng(given.seed)
        chosen = random.permutation(np.unique(persons))
        own, others = [], []
        with progress("opting out") as advance:
            for person in chosen.tolist():
                mine = np.flatnonzero(persons == person)
                if len(np.unique(cameras[mine])) < 2 or len(own) == given.persons:
                    continue
                at = random.choice(np.unique(cameras[mine]))
                known, later = mine[cameras[mine] == at], mine[cameras[mine] != at]
                first, second = np.array_split(random.permutation(np.flatnonzero(
                    persons != person)), 2)  # fmt: skip
                store = MemoryStore(describe(embedder))
                store.write(all_of_them[first])
                opt_out(store, all_of_them[known], [], rate)
                own.append(np.mean(refusals(all_of_them[later], store.about) >= 0))
                others.append(np.mean(refusals(all_of_them[second], store.about) >= 0))
                advance(len(own), given.persons)
        print(f"| {rate:g} | {np.mean(others):.5f} | {np.mean(own):.3f} | {len(own)} |", flush=True)


if __name__ == "__main__":
    main()
