"""Mutual learning by class probabilities (Zhang et al. 2018, "Deep Mutual Learning", eq. 4–7)."""

from __future__ import annotations

from itertools import permutations

import torch
import torch.nn.functional as F
from torch import Tensor

from passerby.losses import Batch, Features, Loss
from passerby.registry import LOSSES


@LOSSES.register
class MutualProbabilities(Loss):
    """KL(p₂ ‖ p₁) of the probabilities p₁ of each part from those p₂ of each other one.

    Mean over the images and over all ordered pairs of parts; p₂ passes no gradient, so that a part
    learns from the others and does not teach. Raises ValueError for fewer than two parts.
    """

    def forward(self, features: Features, batch: Batch) -> Tensor:
        logits = [part.logits(batch.persons).float() for part in features.parts]
        require_several_parts(len(logits), "mutual_probabilities")
        logs = [F.log_softmax(own, dim=1) for own in logits]
        terms = [
            F.kl_div(own, other.detach(), reduction="batchmean", log_target=True)
            for own, other in permutations(logs, 2)
        ]
        return torch.stack(terms).mean()


def require_several_parts(parts: int, loss: str) -> None:
    """ValueError where nobody is there to learn from."""
    if parts < 2:
        raise ValueError(
            f"{loss} compares several networks, but there is one part only: choose "
            "network.system=mutual, or leave the loss out"
        )
