"""What the tests of a gallery in a folder run as processes of their own; knows no pytest.

python lance_processes.py add FOLDER FIRST LAST: adds sightings in batches of ten, printing
the number of the last one of each batch once it is acknowledged.
python lance_processes.py search FOLDER UNTIL: searches until there are so many.
python lance_processes.py answer FOLDER FIRST LAST: keeps an answer about each sighting.
"""

from __future__ import annotations

import sys
import time
from dataclasses import replace

import numpy as np

from passerby.stores.about import Answer
from passerby.stores.opening import open_store
from passerby.tables.sightings import Sightings

DIMENSIONS, BATCH = 8, 10


def numbered(first: int, last: int) -> Sightings:
    """Sightings whose every column follows from their number."""
    numbers = np.arange(first, last)
    vectors = np.random.default_rng(0).normal(size=(last, DIMENSIONS))[first:]
    return Sightings(
        [f"{number:032x}" for number in numbers],
        vectors / np.linalg.norm(vectors, axis=1, keepdims=True),
        persons=[f"person {number % 7}" for number in numbers],
        frames=numbers,
        thumbnails=[b"\xff\xd8" + str(number).encode() for number in numbers],
    )


def add(folder: str, first: int, last: int) -> None:
    """Add, in batches; say what is acknowledged."""
    store = open_store(folder)
    for start in range(first, last, BATCH):
        store.write(numbered(start, min(last, start + BATCH)))
        print(start + BATCH, flush=True)


def search(folder: str, until: int) -> None:
    """Search while others write: what is found only grows, and is whole."""
    store, seen, deadline = open_store(folder), 0, time.monotonic() + 100
    query = numbered(0, 1).vectors
    while seen < until:
        assert time.monotonic() < deadline, seen
        hits = store.search(query, until)
        assert len(hits.sightings) >= seen, (len(hits.sightings), seen)
        assert len({*hits.sightings.ids.tolist()}) == len(hits.sightings)
        assert (hits.sightings.ids == [f"{n:032x}" for n in hits.sightings.frames]).all()
        seen = len(hits.sightings)
    print("whole", flush=True)


def answer(folder: str, first: int, last: int) -> None:
    """Say of each sighting, one after the other, that it is not of the person of another."""
    store = open_store(folder)
    for number in range(first, last):
        given = Answer(f"{number:032x}", "f" * 32, same=False)
        store.change_about(lambda about, g=given: replace(about, answers=(*about.answers, g)))


if __name__ == "__main__":
    numbers = [int(text) for text in sys.argv[3:]]
    {"add": add, "search": search, "answer": answer}[sys.argv[1]](sys.argv[2], *numbers)
