"""The logbook of a run: progress on the screen, ``metrics.jsonl`` on disk, one row an epoch."""

from __future__ import annotations

import json
import time
from collections import defaultdict
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from pathlib import Path
from types import MappingProxyType
from typing import Any

from filelock import FileLock, Timeout

from passerby.data.batch import Batch
from passerby.process import distributed
from passerby.process.reporting import progress, say
from passerby.process.whole_files import explain_disk_full, remove_parts, write_whole
from passerby.training.record.curves import Curves


class Logbook:
    """Collects the loss terms of an epoch's steps.

    A context manager that owns the progress bar and the run's folder: a second process that would
    train into the same folder gets a ValueError, also when the first one is killed later.
    """

    def __init__(self, out: Path, epochs: int, first_epoch: int, curves: Curves) -> None:
        self._path = out / "metrics.jsonl"
        self._epochs = epochs
        self._set_aside: set[str] = set()
        self._keeps = distributed.rank() == 0  # one process writes
        self._first_epoch, self._curves = first_epoch, curves
        self._lock_file = out / "run.lock"
        self._claim = FileLock(self._lock_file)  # the system's: it ends with the process
        self._reset()

    def __enter__(self) -> Logbook:
        with ExitStack() as opened:
            if self._keeps:
                self._path.parent.mkdir(parents=True, exist_ok=True)
                self._lock()
                opened.callback(self._unlock)
                remove_parts(self._path.parent)
                self._forget_epochs_from(self._first_epoch)
            self._curves.open(self._first_epoch)
            opened.callback(self._curves.close)
            self._advance = opened.enter_context(progress("epoch"))
            self._advance(self._first_epoch, self._epochs)
            self._opened = opened.pop_all()
        return self

    def __exit__(self, *error: object) -> None:
        self._opened.close()

    def _lock(self) -> None:
        try:
            self._claim.acquire(timeout=0)
        except Timeout:
            raise ValueError(
                f"another process is training into {self._path.parent}: wait for it, or "
                "choose another --out"
            ) from None

    def _unlock(self) -> None:
        with suppress(OSError):  # Windows removes no file that is open
            self._lock_file.unlink(missing_ok=True)
        self._claim.release()

    @staticmethod
    def warn(text: str | None) -> None:
        """A warning, where there is one."""
        if text is not None:
            say(text)

    def step(self, epoch: float, terms: Mapping[str, float], batch: Batch) -> None:
        """One training step: epochs done with a fraction, loss terms, and its batch."""
        for line in batch.set_aside:
            if line not in self._set_aside:
                self._set_aside.add(line)
                say(f"set aside, another image of the person stands in: {line}")
        for name, value in terms.items():
            self._sums[name] += value
        self._steps += 1
        self._images += len(batch.images)
        self._curves.step(epoch, terms)
        state = "  ".join(f"{name} {total / self._steps:.3f}" for name, total in self._sums.items())
        state += f"  {self._images / max(time.perf_counter() - self._started, 1e-9):.0f} images/s"
        self._advance(round(epoch, 2), self._epochs, state)

    def epoch(
        self,
        epoch: int,
        rate: float,
        scores: Mapping[str, float],
        phase: str,
        elsewhere: Mapping[str, Mapping[str, float]] = MappingProxyType({}),
    ) -> None:
        """Close an epoch (from 1): print its line and append its row; phase: its name, or none.

        scores: of the held-out persons; elsewhere: of the data sets that are watched, by name.
        """
        seconds = time.perf_counter() - self._started
        row: dict[str, Any] = {
            "epoch": epoch,
            "losses": {name: total / self._steps for name, total in self._sums.items()},
            "rate": rate,
            "images_per_second": round(self._images / seconds, 1),
            "seconds": round(seconds, 2),
        }
        if phase:
            row["phase"] = phase
        if scores:
            row["validation"] = dict(scores)
        if elsewhere:
            row["evaluated_on"] = {name: dict(figures) for name, figures in elsewhere.items()}
        if self._keeps:
            self._append(json.dumps(row) + "\n")
        self._curves.epoch(row)
        losses = "  ".join(f"{name} {value:.4f}" for name, value in row["losses"].items())
        where = f"epoch {epoch}/{self._epochs}" + f" ({phase})" * bool(phase)
        line = f"{where}  {losses}  {row['images_per_second']:.0f} images/s"
        for name, found in {"held-out persons": scores, **elsewhere}.items():
            if found:
                line += f"  {name}: rank-1 {found['rank1']:.1f}"
                line += f"  mAP {found['mean_average_precision']:.1f}"
        say(line)
        self._advance(epoch, self._epochs)
        self._reset()

    def state(self) -> dict[str, Any]:
        """The begun epoch's sums, all that a later `restore` needs."""
        return {
            "sums": dict(self._sums),
            "steps": self._steps,
            "images": self._images,
            "seconds": time.perf_counter() - self._started,
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on within the epoch in which `state` was called; {} begins one."""
        if state:
            self._sums.update(state["sums"])
            self._steps, self._images = state["steps"], state["images"]
            self._started = time.perf_counter() - state["seconds"]

    def _reset(self) -> None:
        self._sums: defaultdict[str, float] = defaultdict(float)
        self._steps = self._images = 0
        self._started = time.perf_counter()

    def _forget_epochs_from(self, first_epoch: int) -> None:
        """A run that is resumed writes the epochs after its checkpoint again."""
        rows = read_metrics(self._path) if first_epoch else []
        kept = [json.dumps(row) + "\n" for row in rows if row["epoch"] <= first_epoch]
        write_whole(self._path, "".join(kept).encode())

    def _append(self, line: str) -> None:
        """Add a line; a resumed run forgets one that a full disk has cut short."""
        content = line.encode()
        with explain_disk_full(self._path, len(content)), self._path.open("ab") as file:
            file.write(content)


def read_metrics(path: Path) -> list[dict[str, Any]]:
    """The rows of a ``metrics.jsonl``; a last line cut short by a kill is left out."""
    rows = []
    for line in path.read_text(encoding="utf-8").splitlines() if path.exists() else []:
        try:
            rows.append(json.loads(line))
        except json.JSONDecodeError:
            break
    return rows
