"""TensorBoard: event files in ``OUT/tensorboard``, shown by ``tensorboard --logdir``."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from passerby.registry import TRACKERS
from passerby.training.trackers import Tracker, not_installed

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter

# TensorBoard counts in whole steps, and epochs may differ in length: its step is a thousandth of
# an epoch, so that points of steps and of epochs stand on one axis.
_TICKS = 1000


@TRACKERS.register
class Tensorboard(Tracker):
    """Event files beside the run, on this machine; points beyond a resumed state are taken back."""

    def __init__(self) -> None:
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError:
            raise not_installed("TensorBoard", "passerby[tensorboard]") from None
        self._make = SummaryWriter
        self._writer: SummaryWriter | None = None

    def open(self, out: Path, recipe: str, done: float) -> None:
        del recipe  # it stands beside, in config.json
        purge = round(done * _TICKS) + 1 if done else None
        self._writer = self._make(str(out / "tensorboard"), purge_step=purge)

    def scalars(self, values: Mapping[str, float], done: float) -> None:
        assert self._writer is not None
        for name, value in values.items():
            self._writer.add_scalar(name, value, round(done * _TICKS))
        if done == int(done):
            self._writer.flush()

    def close(self) -> None:
        if self._writer is not None:
            self._writer.close()
