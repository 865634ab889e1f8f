"""Curves of a run for TensorBoard, beside its ``metrics.jsonl``; needs the extra of that name."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from passerby.process import distributed

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter

_EVERY = 10  # steps between two points within an epoch

# TensorBoard counts in whole steps, and epochs may differ in length: its step is a thousandth of
# an epoch, so that points of steps and of epochs stand on one axis.
_TICKS = 1000


class Curves:
    """Writes scalars into ``out/tensorboard``; does nothing unless it is wanted, on rank 0.

    Raises ValueError when TensorBoard is wanted and not installed.
    """

    def __init__(self, out: Path, wanted: bool) -> None:
        self._folder = out / "tensorboard"
        self._wanted = wanted and distributed.rank() == 0
        self._writer: SummaryWriter | None = None
        self._steps = 0
        if self._wanted:
            _summary_writer()

    def open(self, done: float) -> None:
        """Begin after so many epochs: what an interrupted run wrote beyond them is taken back."""
        if self._wanted:
            purge = round(done * _TICKS) + 1 if done else None
            self._writer = _summary_writer()(str(self._folder), purge_step=purge)

    def step(self, done: float, terms: Mapping[str, float]) -> None:
        """The loss terms of every tenth step of an epoch; done: epochs with a fraction."""
        self._steps += 1
        if self._writer is not None and self._steps % _EVERY == 0:
            for name, value in terms.items():
                self._writer.add_scalar(f"step/{name}", value, round(done * _TICKS))

    def epoch(self, row: Mapping[str, Any]) -> None:
        """An epoch's row of ``metrics.jsonl``: losses, rate, images per second, scores."""
        self._steps = 0
        if self._writer is None:
            return
        scalars = {"rate": row["rate"], "images_per_second": row["images_per_second"]}
        scalars |= {f"loss/{name}": value for name, value in row["losses"].items()}
        scalars |= {f"validation/{name}": v for name, v in row.get("validation", {}).items()}
        for name, value in scalars.items():
            self._writer.add_scalar(name, value, row["epoch"] * _TICKS)
        self._writer.flush()

    def close(self) -> None:
        """Write what is left."""
        if self._writer is not None:
            self._writer.close()


def _summary_writer() -> type[SummaryWriter]:
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        raise ValueError(
            'curves for TensorBoard need it: pip install "passerby[tensorboard]", or leave out '
            "--tensorboard (metrics.jsonl has the same figures)"
        ) from None
    return SummaryWriter
