"""The checkpoint of an unfinished run, from which ``--resume`` goes on."""

from __future__ import annotations

import io
import pickle
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from passerby.process.whole_files import write_whole

_FILE = "state.pt"


@dataclass(frozen=True)
class State:
    """After ``epoch`` epochs and ``batch`` batches of the next one.

    recipe (JSON), seed and data (the split's fingerprint) must be those of the run that resumes.
    learner: its state; best_score: of the epochs so far; rate: of the last step; logbook: the sums
    of the begun epoch; started: where the first weights came from, as `models.starting.Start` has
    it. All else that a run needs (batches, augmentation, learning rate) follows from the recipe,
    the seed, the epoch and the batch.
    """

    epoch: int
    recipe: str
    seed: int
    data: str
    learner: dict[str, dict[str, Any]]
    best_score: float
    batch: int = 0
    rate: float = 0.0
    logbook: dict[str, Any] = field(default_factory=dict)
    started: dict[str, Any] = field(default_factory=dict)


def save_state(out: Path, state: State) -> None:
    """Replace the state file at once: a kill leaves the old one or the new one, never half.

    Raises DiskFull, with the old one whole.
    """
    # In memory first: a full disk is then met by our own write, which says what it lacks.
    content = io.BytesIO()
    torch.save(vars(state), content)
    write_whole(out / _FILE, content.getbuffer())


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
        reason = str(error).partition("\n")[0] or type(error).__name__
        raise ValueError(
            f"{path} cannot be resumed from: it is damaged, or not of this version ({reason}). "
            "There is no newer one: put an intact copy in its place, or remove it and the run "
            "begins again with --resume"
        ) from None


def remove_state(out: Path) -> None:
    """Forget the state of a finished run; its model stays."""
    (out / _FILE).unlink(missing_ok=True)
