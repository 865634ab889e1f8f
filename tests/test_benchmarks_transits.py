"""The benchmark of transit times, on vectors made for it."""

from __future__ import annotations

import numpy as np

from passerby.embedding.embedder import load
from passerby.tables.embeddings import Embeddings
from tests.test_benchmarks import run


def test_times_are_judged_beside_looks(tmp_path):
    random = np.random.default_rng(0)
    persons = np.repeat(np.arange(130), 10)
    vectors = random.normal(size=(130, 16))[persons] + 0.5 * random.normal(size=(1300, 16))
    pool = Embeddings(
        (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32),
        persons,
        np.tile(np.repeat(np.arange(1, 6), 2), 130),
        model="made",
    )
    pool.save(tmp_path / f"vectors7-{load('default').fingerprint}.npz")
    options = ("--pools", "7", "--sites", "1", "--minutes", "60", "--noise", "0")
    printed = run("benchmarks/transits.py", str(tmp_path), *options)
    rows = [line.strip("| ").split(" | ") for line in printed.splitlines()]
    linked = {row[0]: row for row in rows if row[0].startswith("60 minutes") and len(row) == 7}
    assert list(linked) == ["60 minutes, in their order", "60 minutes, shuffled"]
    assert linked["60 minutes, shuffled"][2] == "0.0 of 6"
    assert linked["60 minutes, shuffled"][5] == linked["60 minutes, shuffled"][6]
    searched = {row[0]: row for row in rows if row[0].startswith("60 minutes") and len(row) == 6}
    assert [row[1] for row in searched.values()] == ["60", "60"]
    assert searched["60 minutes, shuffled"][4] == searched["60 minutes, shuffled"][5].split()[0]
