"""Circle loss on pairs of embeddings (Sun et al. 2020, "Circle loss", eq. 5-9)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from passerby.losses import Batch, Features, Loss
from passerby.registry import LOSSES


def pair_similarities(vectors: Tensor, persons: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Cosines [B, B] in float32, masks [B, B] of positive pairs (never itself) and of negatives."""
    with torch.autocast(vectors.device.type, enabled=False):
        vectors = vectors if vectors.dtype == torch.float64 else vectors.float()
        unit = F.normalize(vectors)
        cosines = unit @ unit.T
    same = persons[:, None] == persons[None, :]
    others = ~torch.eye(len(persons), dtype=torch.bool, device=persons.device)
    return cosines, same & others, ~same


def log_sum_of_pairs(positive: Tensor, negative: Tensor, mask_p: Tensor, mask_n: Tensor) -> Tensor:
    """Mean over anchors of ln(1 + Σ_n exp(negative) · Σ_p exp(positive)), all [B, B].

    Anchors without a positive or a negative are left out; 0 (with a gradient) if none remains.
    """
    anchors = mask_p.any(dim=1) & mask_n.any(dim=1)
    if not bool(anchors.any()):
        return (positive.sum() + negative.sum()) * 0.0
    towards = positive.masked_fill(~mask_p, -torch.inf)[anchors].logsumexp(dim=1)
    away = negative.masked_fill(~mask_n, -torch.inf)[anchors].logsumexp(dim=1)
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
        cosines, positives, negatives = pair_similarities(vectors, persons)
        detached = cosines.detach()
        towards = (1 + self.margin - detached).clamp(min=0) * (1 - self.margin - cosines)
        away = (detached + self.margin).clamp(min=0) * (cosines - self.margin)
        return log_sum_of_pairs(self.scale * towards, self.scale * away, positives, negatives)
