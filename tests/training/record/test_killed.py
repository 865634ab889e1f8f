"""A real process, killed at random moments and resumed, ends as the uninterrupted one."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from passerby.training.record.logbook import read_metrics

ROOT = Path(__file__).resolve().parents[3]
RECIPE = f"{Path(__file__).parents[1] / 'small_net.py'}:small"
TIMING = ("seconds", "images_per_second")
PATIENCE = 120  # seconds for a process, which takes a few

pytestmark = pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGKILL")


@dataclass(frozen=True)
class Whole:
    """An uninterrupted run: its folder, and how long it trained, in seconds."""

    out: Path
    seconds: float


def start(root: Path, out: Path, *more: str) -> subprocess.Popen[bytes]:
    """Start ``passerby train`` into a folder, saving after every step unless said otherwise."""
    (out / "run.lock").unlink(missing_ok=True)  # left by a kill; its lock ended with the process
    command = [sys.executable, "-m", "passerby", "train", RECIPE, "--data", str(root)]
    command += ["--out", str(out), *(more or ("--save-minutes", "0"))]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    # Into a file: loading processes outlive a kill by seconds, and would keep a pipe open.
    with out.with_suffix(".log").open("w", encoding="utf-8") as log:
        return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=log, env=environment)


def complaint_of(process: subprocess.Popen[bytes], out: Path) -> str:
    """What a process complained of until its end."""
    process.wait(timeout=PATIENCE)
    return out.with_suffix(".log").read_text(encoding="utf-8")


def wait_until_it_trains(process: subprocess.Popen[bytes], out: Path) -> float:
    """The moment at which a process has claimed its folder, or has ended."""
    while process.poll() is None and not (out / "run.lock").exists():
        time.sleep(0.005)
    return time.monotonic()


@pytest.fixture(scope="module")
def whole(tiny_root: Path, tmp_path_factory: pytest.TempPathFactory) -> Whole:
    """The run that nothing interrupts, saved as often as those that are killed."""
    out = tmp_path_factory.mktemp("whole") / "run"
    process = start(tiny_root, out)
    began = wait_until_it_trains(process, out)
    complaint = complaint_of(process, out)
    assert process.returncode == 0, complaint
    return Whole(out, time.monotonic() - began)


def assert_equal_runs(out: Path, whole: Path) -> None:
    """Weights, card, report and metrics, less what the clock decides."""
    for name in ("model.safetensors", "config.json", "report.json"):
        assert (out / name).read_bytes() == (whole / name).read_bytes(), name
    rows, expected = read_metrics(out / "metrics.jsonl"), read_metrics(whole / "metrics.jsonl")
    for row in rows + expected:
        for name in TIMING:
            assert row.pop(name) > 0
    assert rows == expected
    assert {path.name for path in out.iterdir()} == {path.name for path in whole.iterdir()}


def test_killed_at_random_moments_it_ends_with_the_same_weights(
    trial: int, whole: Whole, tiny_root: Path, tmp_path: Path
) -> None:
    chance, out = random.Random(trial), tmp_path / "run"
    more = ["--workers", str(chance.choice([0, 0, 2]))]
    more += ["--save-minutes", chance.choice(["0", "0", "0.002", "10"])]
    story = []
    for number in range(2):
        process = start(tiny_root, out, *more, *(["--resume"] if number else []))
        wait_until_it_trains(process, out)
        time.sleep(chance.uniform(0, whole.seconds))
        kind = chance.choice([signal.SIGTERM, signal.SIGKILL])
        process.send_signal(kind)
        complaint = complaint_of(process, out)
        story.append(f"{kind.name} -> {process.returncode}: {complaint[-300:]}")
        # 0: it was done before; -15: so early or late that nothing was to be saved.
        allowed = (0, -9) if kind is signal.SIGKILL else (0, 143, -15)
        assert process.returncode in allowed, story
        if process.returncode == 143:
            assert "and saved in" in complaint
            assert "--resume" in complaint
    process = start(tiny_root, out, *more, "--resume")
    complaint = complaint_of(process, out)
    assert process.returncode == 0, (story, complaint)
    assert_equal_runs(out, whole.out)


def test_ctrl_c_saves_the_state_and_says_how_to_go_on(
    whole: Whole, tiny_root: Path, tmp_path: Path
) -> None:
    """In the middle of an epoch, with none of the states that time brings."""
    out = tmp_path / "run"
    process = start(tiny_root, out, "--workers", "1", "--set", "epochs=1000")  # never done by then
    wait_until_it_trains(process, out)
    time.sleep(whole.seconds / 4)
    process.send_signal(signal.SIGINT)
    complaint = complaint_of(process, out)
    assert process.returncode == 130, complaint
    (line,) = complaint.splitlines()
    assert line.startswith("passerby: stopped after ")
    assert f"and saved in {out}: train goes on from there with --resume" in line
    assert (out / "state.pt").exists()
    assert not list(out.glob("*.part"))
    assert not (out / "run.lock").exists()
