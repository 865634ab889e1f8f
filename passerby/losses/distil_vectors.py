"""Distillation of vectors through a linear layer (Romero et al. 2015, "FitNets", sec. 2.2)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from passerby.losses import Batch, Features, Loss
from passerby.losses.pairs import at_least_float32, unit_vectors
from passerby.losses.teachers import targets_of
from passerby.registry import LOSSES


@LOSSES.register
class DistilVectors(Loss):
    """1 − cosine of the student's embedding, through a linear layer, and the teachers' vector.

    Mean over the images. width: length T of the teachers' vector; where the embedding has it, too,
    there is no layer, and the student's vectors come to lie where the teacher's lie. FitNets takes
    squared differences, which are 2 − 2 cosines at length 1: what a search by cosine compares.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        if width < 1:
            raise ValueError(f"the width of the teachers' vectors must be 1 or more, got {width}")
        self._width = width
        self.layer: nn.Module = nn.Identity()

    def prepare(self, features: Features, persons: int) -> None:
        """Make the linear layer, from this embedding to the teachers' width."""
        own = features.embedding.shape[1]
        if own != self._width:
            self.layer = nn.Linear(own, self._width, bias=False)

    def forward(self, features: Features, batch: Batch) -> Tensor:
        targets = unit_vectors(targets_of(batch, "distil_vectors"))
        with torch.autocast(targets.device.type, enabled=False):
            found = unit_vectors(self.layer(at_least_float32(features.embedding)))
        return 1 - (found * targets).sum(dim=1).mean()
