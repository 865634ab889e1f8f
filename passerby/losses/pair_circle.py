"""Circle loss on pairs of embeddings (Sun et al. 2020, "Circle loss", eq. 5-9)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from passerby.losses import Batch, Features, Loss
from passerby.losses.pairs import Pairs, cosine_similarities, pairs_of
from passerby.registry import LOSSES


def log_sum_of_pairs(positive: Tensor, negative: Tensor, pairs: Pairs) -> Tensor:
    """Mean over anchors of ln(1 + Σ_n exp(negative) · Σ_p exp(positive)), all [B, B].

    Images without a positive or a negative are no anchors; 0 (with a gradient) if there are none.
    """
    if len(pairs.anchors) == 0:
        return (positive.sum() + negative.sum()) * 0.0
    towards = positive.masked_fill(~pairs.positives, -torch.inf)[pairs.anchors].logsumexp(dim=1)
    away = negative.masked_fill(~pairs.negatives, -torch.inf)[pairs.anchors].logsumexp(dim=1)
    return F.softplus(towards + away).mean()


@LOSSES.register
class PairCircle(Loss):
    """ln(1 + Σ exp(γ α_n (s_n − m)) · Σ exp(−γ α_p (s_p − (1 − m)))), mean over anchors.

    s are cosines of the vectors before the neck; α_p = [1 + m − s_p]₊ and α_n = [s_n + m]₊ carry
    no gradient. Scale γ and margin m are the authors' for person re-identification (128, 0.25).
    """

    def __init__(self, scale: float = 128.0, margin: float = 0.25) -> None:
        super().__init__()
        self.scale, self.margin = scale, margin

    def forward(self, features: Features, batch: Batch) -> Tensor:
        terms = [self._of_vectors(part.before_neck, batch.persons) for part in features.parts]
        return torch.stack(terms).mean()

    def _of_vectors(self, vectors: Tensor, persons: Tensor) -> Tensor:
        cosines = cosine_similarities(vectors)
        detached = cosines.detach()
        towards = (1 + self.margin - detached).clamp(min=0) * (1 - self.margin - cosines)
        away = (detached + self.margin).clamp(min=0) * (cosines - self.margin)
        return log_sum_of_pairs(self.scale * towards, self.scale * away, pairs_of(persons))
