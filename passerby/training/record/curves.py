"""Curves of a run for the trackers that it is asked to tell, beside its ``metrics.jsonl``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from passerby.process import distributed
from passerby.registry import TRACKERS
from passerby.training.trackers import Tracker

_EVERY = 10  # steps between two points within an epoch


class Curves:
    """Tells trackers, calls such as "wandb(project=reid)", what a run has come to; on rank 0.

    out: the run's folder; recipe: as JSON. Raises ValueError for a tracker that does not exist or
    whose package lacks, on every rank, before anything is written.
    """

    def __init__(self, out: Path, recipe: str, trackers: Sequence[str]) -> None:
        self._out, self._recipe = out, recipe
        built: list[Tracker] = [TRACKERS.build(call) for call in trackers]
        self._trackers = built if distributed.rank() == 0 else []
        self._steps = 0

    def open(self, done: float) -> None:
        """Begin after so many epochs: what an interrupted run wrote beyond them is taken back."""
        for tracker in self._trackers:
            tracker.open(self._out, self._recipe, done)

    def step(self, done: float, terms: Mapping[str, float]) -> None:
        """The loss terms of every tenth step of an epoch; done: epochs with a fraction."""
        self._steps += 1
        if self._steps % _EVERY == 0:
            self._scalars({f"step/{name}": value for name, value in terms.items()}, done)

    def epoch(self, row: Mapping[str, Any]) -> None:
        """An epoch's row of ``metrics.jsonl``: losses, rate, images per second, scores."""
        self._steps = 0
        scalars = {"rate": row["rate"], "images_per_second": row["images_per_second"]}
        scalars |= {f"loss/{name}": value for name, value in row["losses"].items()}
        scalars |= {f"validation/{name}": v for name, v in row.get("validation", {}).items()}
        self._scalars(scalars, row["epoch"])

    def close(self) -> None:
        """Write what is left."""
        for tracker in self._trackers:
            tracker.close()

    def _scalars(self, values: Mapping[str, float], done: float) -> None:
        for tracker in self._trackers:
            tracker.scalars(values, done)
