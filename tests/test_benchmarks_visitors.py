"""The benchmark of counts of visitors, at its smallest."""

from __future__ import annotations

import csv
import io

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
