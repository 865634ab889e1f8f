"""What the losses of distillation share: the teachers' vectors of a batch."""

from __future__ import annotations

from torch import Tensor

from passerby.losses import Batch
from passerby.losses.pairs import at_least_float32


def targets_of(batch: Batch, loss: str) -> Tensor:
    """The teachers' vectors [B, T] of a batch, which pass no gradient.

    Raises ValueError where nobody teaches.
    """
    if batch.targets is None:
        raise ValueError(
            f"{loss} imitates the vectors of teachers, and there are none: train with "
            "passerby distil TEACHER --student RECIPE, or leave the loss out"
        )
    return at_least_float32(batch.targets.detach())
