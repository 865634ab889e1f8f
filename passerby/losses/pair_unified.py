"""Unified pair loss (the paper's eq. 4; Sun et al. 2020, eq. 1), of which circle is a variant."""

from __future__ import annotations

import torch
from torch import Tensor

from passerby.losses import Batch, Features, Loss
from passerby.losses.pair_circle import log_sum_of_pairs
from passerby.losses.pairs import cosine_similarities, pairs_of
from passerby.registry import LOSSES


@LOSSES.register
class PairUnified(Loss):
    """ln(1 + Σ_n Σ_p exp(γ (s_n − s_p + m))), mean over anchors; no self-paced weights.

    Circle loss with its weights α fixed at 1 is this form with m = 1 − 2 · m_circle. With margin 0
    and two images a person it is the cross-entropy of finding the other image among the batch's
    (the N-pair loss of Sohn 2016, InfoNCE at temperature 1/γ). after_neck=True takes the vectors
    after the neck.
    """

    def __init__(self, scale: float = 64.0, margin: float = 0.3, after_neck: bool = False) -> None:
        super().__init__()
        self.scale, self.margin, self.after_neck = scale, margin, after_neck

    def forward(self, features: Features, batch: Batch) -> Tensor:
        vectors = [p.after_neck if self.after_neck else p.before_neck for p in features.parts]
        terms = [self._of_vectors(own, batch.persons) for own in vectors]
        return torch.stack(terms).mean()

    def _of_vectors(self, vectors: Tensor, persons: Tensor) -> Tensor:
        cosines = cosine_similarities(vectors)
        away = self.scale * (cosines + self.margin)
        return log_sum_of_pairs(-self.scale * cosines, away, pairs_of(persons))
