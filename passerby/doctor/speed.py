"""How fast the packaged model embeds here, and how fast a small gallery is searched."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from functools import partial

import numpy as np

from passerby.doctor.findings import Finding
from passerby.embedding.embedder import load
from passerby.embedding.runtimes import thread_count

SECONDS = 2.0
"""Of each measurement, as far as a batch does not take longer."""

_BATCH = 32
_SIGHTINGS, _WIDTH = 100_000, 1280


def speed(seconds: float = SECONDS) -> Iterator[Finding]:
    """Images a second by each runtime that is installed, and ms a comparison with 100,000
    vectors. Takes some ten seconds."""
    random = np.random.default_rng(0)
    images = [*random.integers(0, 256, (_BATCH, 128, 64, 3), np.uint8)]
    threads = thread_count(None)
    for runtime in ("torch", "onnx", "openvino"):
        try:
            embedder = load("default", runtime=runtime)
        except ValueError:  # not installed, as is said elsewhere
            continue
        rate = _BATCH * _a_second(partial(embedder, images), seconds)
        said = f"{rate:.0f} images a second, in batches of {_BATCH}, {threads} threads"
        yield Finding(f"embedding by {runtime}", said)
    vectors = random.normal(size=(_SIGHTINGS, _WIDTH)).astype(np.float32)
    query = vectors[:1].T.copy()
    rate = _a_second(lambda: vectors @ query, seconds / 4)
    yield Finding("comparing", f"{1000 / rate:.0f} ms with {_SIGHTINGS:,} vectors of {_WIDTH}")


def _a_second(work: Callable[[], object], seconds: float) -> float:
    work()
    count, began = 0, time.perf_counter()
    while count == 0 or time.perf_counter() - began < seconds:
        work()
        count += 1
    return count / (time.perf_counter() - began)
