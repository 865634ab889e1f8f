"""The state of an unfinished run, from which ``--resume`` goes on."""

from __future__ import annotations

import os
import pickle
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

_FILE = "state.pt"


@dataclass(frozen=True)
class State:
    """After ``epoch`` epochs: what to compare, the learner's state, the best epoch's score.

    recipe (JSON), seed and data (the split's fingerprint) must be those of the run that resumes.
    All else that a run needs (batches, augmentation, learning rate) follows from the recipe, the
    seed and the epoch.
    """

    epoch: int
    recipe: str
    seed: int
    data: str
    learner: dict[str, dict[str, Any]]
    best_score: float


def save_state(out: Path, state: State) -> None:
    """Replace the state file at once: a kill leaves the old one or the new one, never half."""
    temporary = out / (_FILE + ".part")
    with temporary.open("wb") as file:
        torch.save(vars(state), file)
        file.flush()
        os.fsync(file.fileno())
    os.replace(temporary, out / _FILE)


def load_state(out: Path) -> State | None:
    """The stored state, or None when the run has none yet.

    Raises ValueError for a damaged file. Tensors and plain values only: nothing is executed.
    """
    path = out / _FILE
    if not path.exists():
        return None
    try:
        return State(**torch.load(path, map_location="cpu", weights_only=True))
    except (
        RuntimeError,
        pickle.UnpicklingError,
        EOFError,
        LookupError,
        TypeError,
        ValueError,
        OSError,
    ) as error:
        raise ValueError(f"{path} cannot be resumed from: {error}") from None


def remove_state(out: Path) -> None:
    """Forget the state of a finished run; its model stays."""
    (out / _FILE).unlink(missing_ok=True)
