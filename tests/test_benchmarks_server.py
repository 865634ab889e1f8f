"""The benchmark of the server: both servers answer, and a kill loses nothing."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc, sends signals")
def test_the_server_benchmark_runs():
    options = [
        "--sightings",
        "100",
        "--seconds",
        "0.5",
        "--clients",
        "2",
        "--only",
        "speed",
        "kill",
    ]
    done = subprocess.run(
        [sys.executable, "benchmarks/server.py", *options],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    rows = [line.strip("| ").split(" | ") for line in done.stdout.splitlines() if " | " in line]
    kinds = {"passerby": ("search", "embed", "add"), "naive": ("search", "embed")}
    assert [row[:2] for row in rows[1:]] == [
        [name, kind] for name, those in kinds.items() for kind in those
    ]
    assert all(float(row[3]) > 0 and row[-1] == "0" for row in rows[1:])
    assert "0 of them lost; the gallery is whole" in done.stdout
