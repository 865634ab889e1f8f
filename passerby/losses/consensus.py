"""Consensus of several scales as the teacher of each (Chen et al. 2017, "DPFL")."""

from __future__ import annotations

import torch
from torch import Tensor

from passerby.losses import Batch, Features, Loss
from passerby.registry import LOSSES


@LOSSES.register
class Consensus(Loss):
    """Cross-entropy of each part's probabilities with those of the last part, softened.

    −Σ q log p, with q the softmax of the last part's logits divided by ``temperature``, which
    passes no gradient, and p the softmax of a part's logits; mean over the images and the other
    parts. The paper's temperature and weight could not be read: 1 is ours, and leaves q as it is.
    Raises ValueError for a temperature that is not above 0 and for fewer than two parts.
    """

    def __init__(self, temperature: float = 1.0) -> None:
        super().__init__()
        if temperature <= 0:
            raise ValueError(f"temperature must be above 0, got {temperature}")
        self.temperature = temperature

    def forward(self, features: Features, batch: Batch) -> Tensor:
        *learners, teacher = [part.logits(batch.persons).float() for part in features.parts]
        if not learners:
            raise ValueError(
                "consensus needs parts that the last one teaches, but there is one part only: "
                "choose network.system=dpfl, or leave the loss out"
            )
        target = (teacher.detach() / self.temperature).softmax(dim=1)
        terms = [-(target * own.log_softmax(dim=1)).sum(dim=1).mean() for own in learners]
        return torch.stack(terms).mean()
