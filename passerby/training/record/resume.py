"""What a run finds in its folder: nothing, itself unfinished, itself finished, or another run."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

from passerby.config import Recipe
from passerby.models.checkpoint import is_whole, read_card
from passerby.training.record.logbook import read_metrics
from passerby.training.record.state import State, load_state


def stored_state(out: Path, begin: State, resume: bool) -> State | None:
    """The state to resume from, None when the run begins; writes nothing.

    begin: the state that the run would begin with. Raises ValueError rather than mix two runs in
    one folder.
    """
    if out.exists() and not out.is_dir():
        raise ValueError(f"{out} is a file: --out takes a folder, which may not exist yet")
    if not resume:
        # A run that failed in its first epoch has left nothing that could be lost but its texts.
        begun = any((out / name).exists() for name in ("config.json", "state.pt", "texts.pt"))
        if begun or read_metrics(out / "metrics.jsonl"):
            raise ValueError(f"{out} already holds a run: add --resume, or choose another --out")
        return None
    state = load_state(out)
    if state is None:
        return None
    if (state.recipe, state.seed) != (begin.recipe, begin.seed):
        raise ValueError(
            f"the run in {out} has another recipe or seed ({state.seed}): resume it with the same, "
            "or choose another --out"
        )
    _require_same_data(out, state.data, begin.data)
    if not is_whole(out):  # no model, or killed between weights and card: save the next anew
        state = replace(state, best_score=-math.inf)
    return state


def is_finished(out: Path, begin: State) -> bool:
    """Whether the folder holds this very run, finished; ValueError when it holds another one."""
    if not (out / "config.json").exists():
        return False
    card, recipe = read_card(out), Recipe.from_json(begin.recipe)
    if (card.recipe, card.seed) != (recipe, begin.seed):
        raise ValueError(f"{out} holds a finished run of another recipe or seed: choose another")
    _require_same_data(out, card.data.get("fingerprint"), begin.data)
    rows = read_metrics(out / "metrics.jsonl")
    return bool(rows) and rows[-1]["epoch"] == recipe.epochs


def _require_same_data(out: Path, found: object, wanted: str) -> None:
    if found != wanted:
        raise ValueError(
            f"the run in {out} was trained on other data: name the same, or choose another --out"
        )
