"""Weights & Biases: a run of the same name in a project, online or offline as it is set up."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from passerby.registry import TRACKERS
from passerby.training.trackers import Tracker, not_installed, stored_id


@TRACKERS.register
class Wandb(Tracker):
    """A run in a project of Weights & Biases, with the recipe as its configuration.

    Where it goes is W&B's own matter (``wandb login``, WANDB_MODE=offline). A resumed run goes on
    in the same one; its axis is the epoch, so that points that come twice lie on each other.
    """

    def __init__(self, project: str = "passerby") -> None:
        try:
            import wandb
        except ImportError:
            raise not_installed("Weights & Biases", "passerby[wandb]") from None
        self._wandb: Any = wandb
        self._project = project
        self._run: Any = None

    def open(self, out: Path, recipe: str, done: float) -> None:
        del done
        file = stored_id(out, "wandb")
        known = file.read_text("utf-8").strip() if file.exists() else None
        self._run = self._wandb.init(
            project=self._project,
            name=out.name,
            dir=str(out),
            id=known,
            resume="allow",
            config=json.loads(recipe),
        )
        file.write_text(self._run.id, "utf-8")
        self._run.define_metric("epoch")
        self._run.define_metric("*", step_metric="epoch")

    def scalars(self, values: Mapping[str, float], done: float) -> None:
        self._run.log({"epoch": done, **values})

    def close(self) -> None:
        if self._run is not None:
            self._run.finish()
