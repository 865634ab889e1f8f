"""Checkpoints of a run, saved as time passes; the run stops when a signal asks for it."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

from passerby.process import distributed
from passerby.process.interruption import Stopped, StopRequest
from passerby.training.record.logbook import Logbook
from passerby.training.record.state import State, save_state

MINUTES = 10.0
"""Time between two states within an epoch: what a kill may cost at most, beside one step."""


class Learning(Protocol):
    """What is trained: a `Learner`, or a search."""

    def state(self) -> dict[str, dict[str, Any]]:
        """All that it needs to go on."""
        ...


_SAVE = 1  # what a process asks of the others; a signal's number, which is larger, also stops


class StateSaver:
    """Knows what a checkpoint holds beside how far the run has come.

    start: the state that the run begins with; minutes: between two states within an epoch. A
    context manager: within it a signal ends the run only in `step` and `epoch`, with a state saved.
    best_score: of the epochs so far.
    """

    def __init__(
        self, out: Path, start: State, learner: Learning, logbook: Logbook, minutes: float
    ) -> None:
        self.out, self.best_score = out, start.best_score
        self._start, self._learner, self._logbook = start, learner, logbook
        self._seconds = 60 * minutes
        self._saved = time.monotonic()
        self._request = StopRequest(patient=distributed.world_size() > 1)

    def __enter__(self) -> StateSaver:
        self._request.__enter__()
        self._logbook.restore(self._start.logbook)
        return self

    def __exit__(self, *error: object) -> None:
        self._request.__exit__(*error)

    def step(self, epoch: int, batch: int, rate: float) -> None:
        """After a batch: save when it is time. Raises Stopped, having saved, when asked to."""
        due = time.monotonic() - self._saved >= self._seconds
        request = distributed.highest(self._request.number or (_SAVE if due else 0))
        if request:
            self._save(epoch, batch, rate)
        if request > _SAVE:
            self._stop(f"after batch {batch} of epoch {epoch + 1}", request)

    def epoch(self, epoch: int) -> None:
        """After ``epoch`` epochs: save. Raises Stopped, having saved, when asked to."""
        self._save(epoch, 0, 0.0)
        signal = distributed.highest(self._request.number)
        if signal:
            self._stop(f"after epoch {epoch}", signal)

    def _save(self, epoch: int, batch: int, rate: float) -> None:
        def save() -> None:
            state = replace(
                self._start,
                epoch=epoch,
                batch=batch,
                rate=rate,
                best_score=self.best_score,
                learner=self._learner.state(),
                logbook=self._logbook.state(),
            )
            save_state(self.out, state)

        distributed.on_first_rank(save)
        self._saved = time.monotonic()

    def _stop(self, where: str, number: int) -> None:
        raise Stopped(
            f"stopped {where}, and saved in {self.out}: train goes on from there with --resume "
            "(so does search-architecture), ablate and demo when they are called again",
            number,
        )
