"""MLflow: a run in an experiment of the tracking server that MLFLOW_TRACKING_URI names."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from passerby.registry import TRACKERS
from passerby.training.trackers import Tracker, not_installed, stored_id

_TICKS = 1000  # MLflow counts in whole steps: a thousandth of an epoch, as for TensorBoard
_LONGEST = 500  # letters of a parameter that every server takes


@TRACKERS.register
class Mlflow(Tracker):
    """A run in an experiment of MLflow, with the recipe's fields as its parameters.

    A resumed run goes on in the same one. Names keep their "/", and groups of curves with them.
    """

    def __init__(self, experiment: str = "passerby") -> None:
        try:
            import mlflow
        except ImportError:
            raise not_installed("MLflow", "passerby[mlflow]") from None
        self._mlflow: Any = mlflow
        self._experiment = experiment
        self._open = False

    def open(self, out: Path, recipe: str, done: float) -> None:
        file = stored_id(out, "mlflow")
        self._mlflow.set_experiment(self._experiment)
        if done and file.exists():
            self._mlflow.start_run(run_id=file.read_text("utf-8").strip())
        else:
            run = self._mlflow.start_run(run_name=out.name)
            file.write_text(run.info.run_id, "utf-8")
            self._mlflow.log_params(dict(_flat(json.loads(recipe))))
        self._open = True

    def scalars(self, values: Mapping[str, float], done: float) -> None:
        self._mlflow.log_metrics(dict(values), step=round(done * _TICKS))

    def close(self) -> None:
        if self._open:
            self._mlflow.end_run()


def _flat(value: object, path: str = "") -> Iterator[tuple[str, str]]:
    """The leaves of nested JSON by their paths: ("optimizer.rate", "0.00035")."""
    if isinstance(value, (dict, list)):
        items = value.items() if isinstance(value, dict) else enumerate(value)
        for name, item in items:
            yield from _flat(item, f"{path}.{name}" if path else str(name))
    else:
        yield path, str(value)[:_LONGEST]
