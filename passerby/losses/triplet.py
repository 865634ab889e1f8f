"""Batch-hard triplet loss (Hermans et al. 2017, "In defense of the triplet loss", eq. 5)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from passerby.losses import Batch, Features, Loss
from passerby.losses.pairs import euclidean_distances, hardest_triplets, unit_vectors
from passerby.registry import LOSSES


@LOSSES.register
class Triplet(Loss):
    """max(0, margin + farthest positive − nearest negative), mean over the batch's images.

    On Euclidean distances of the vectors before the neck, in float32 also under autocast;
    normalise=True takes them on the unit sphere. soft=True replaces the hinge by ln(1 + exp(·))
    without a margin; after_neck=True takes the vectors after the neck (FastReID's SBS). Images
    without a positive or a negative in the batch are no anchors.
    """

    def __init__(
        self,
        margin: float = 0.3,
        soft: bool = False,
        normalise: bool = False,
        after_neck: bool = False,
    ) -> None:
        super().__init__()
        if margin < 0:
            raise ValueError(f"margin must not be negative, got {margin}")
        self.margin, self.soft, self.normalise = margin, soft, normalise
        self.after_neck = after_neck

    def forward(self, features: Features, batch: Batch) -> Tensor:
        vectors = [p.after_neck if self.after_neck else p.before_neck for p in features.parts]
        return torch.stack([self._of_vectors(own, batch.persons) for own in vectors]).mean()

    def _of_vectors(self, vectors: Tensor, persons: Tensor) -> Tensor:
        if self.normalise:
            vectors = unit_vectors(vectors)
        hardest = hardest_triplets(euclidean_distances(vectors), persons)
        if len(hardest.anchors) == 0:
            return vectors.sum() * 0.0
        # Eq. 2 of the paper wants D(anchor, positive) + m < D(anchor, negative); what lacks to it
        # is summed in eq. 3, which leaves out the hinge and which we read as a mean.
        gap = hardest.positive_distances - hardest.negative_distances
        return (F.softplus(gap) if self.soft else F.relu(gap + self.margin)).mean()
