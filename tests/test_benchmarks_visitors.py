"""The benchmark of counts of visitors, at its smallest."""

from __future__ import annotations

import csv
import io

import numpy as np

from passerby.embedding.embedder import load
from passerby.tables.embeddings import Embeddings
from tests.test_benchmarks import run


def test_intervals_are_counted(tmp_path):
    printed = run("benchmarks/visitors.py", str(tmp_path), "--sites", "0", "--made", "2")
    rows = [line.strip("| ").split(" | ") for line in printed.splitlines()]
    counted = {row[0]: row for row in rows if row[0].startswith("made: ")}
    assert list(counted) == [
        f"made: {way}" for way in ("visitors", "sum over pairs", "mean of pairs", "threshold")
    ]
    assert counted["made: visitors"][1] == "2"
    kept = [*csv.DictReader(io.StringIO((tmp_path / "visitors.csv").read_text("utf-8")))]
    ours = [row for row in kept if row["counted"] == "made: visitors"]
    assert all(int(row["low"]) <= int(row["middle"]) <= int(row["high"]) for row in ours)
    holds = [int(row["low"]) <= int(row["persons"]) <= int(row["high"]) for row in ours]
    assert counted["made: visitors"][3] == f"{100 * sum(holds) / 2:.1f} %"


def test_drawn_sites_are_counted(tmp_path, small_model):
    embedder = load(small_model)
    random = np.random.default_rng(0)
    persons = np.repeat(np.arange(130), 10)
    width = embedder.dimensions
    vectors = random.normal(size=(130, width))[persons] + random.normal(size=(1300, width))
    known = Embeddings(
        vectors / np.linalg.norm(vectors, axis=1, keepdims=True),
        persons=persons,
        cameras=np.tile(np.repeat(np.arange(5), 2), 130),
        sources=["synthetic"] * 1300,
        model=embedder.fingerprint,
        pooling=embedder.pooling,
    )
    known.save(tmp_path / f"vectors9-{embedder.fingerprint}.npz")
    printed = run(
        "benchmarks/visitors.py", str(tmp_path), "--model", str(small_model), "--made", "0",
        "--sites", "1", "--pools", "9",
    )  # fmt: skip
    rows = [line.strip("| ").split(" | ") for line in printed.splitlines()]
    ways = {row[0]: row[1] for row in rows if row[0].startswith("drawn: ")}
    assert ways == {
        f"drawn: {way}": "1" for way in ("visitors", "sum over pairs", "mean of pairs", "threshold")
    }
