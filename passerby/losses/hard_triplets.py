"""The hardest triplets of each image (Almazán et al. 2018, "Re-ID done right")."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from passerby.losses import Batch, Features, Loss
from passerby.losses.pairs import pairs_of, squared_distances, unit_vectors
from passerby.registry import LOSSES


@LOSSES.register
class HardTriplets(Loss):
    """½ max(0, margin + d²(positive) − d²(negative)), mean over each image's ``among`` hardest.

    d² is the squared Euclidean distance of the vectors before the neck at unit length. A triplet is
    any pair of a positive and a negative of the batch; of an image with fewer, all count. Images
    without a positive or a negative are no anchors. The authors draw one of an image's 25 hardest
    at random, which has this mean for its expectation; the mean needs no chance.
    """

    def __init__(self, margin: float = 0.1, among: int = 25) -> None:
        super().__init__()
        if margin < 0 or among < 1:
            raise ValueError(
                "hard_triplets needs a margin that is not negative and among of at least 1, got "
                f"{margin} and {among}"
            )
        self.margin, self.among = margin, among

    def forward(self, features: Features, batch: Batch) -> Tensor:
        terms = [self._of_vectors(part.before_neck, batch.persons) for part in features.parts]
        return torch.stack(terms).mean()

    def _of_vectors(self, vectors: Tensor, persons: Tensor) -> Tensor:
        pairs = pairs_of(persons)
        anchors = pairs.anchors
        if len(anchors) == 0:
            return vectors.sum() * 0.0
        squared = squared_distances(unit_vectors(vectors))[anchors]
        # The hardest triplets are made of the farthest positives and the nearest negatives.
        most = min(self.among, len(persons))
        far = squared.masked_fill(~pairs.positives[anchors], -torch.inf)
        near = squared.masked_fill(~pairs.negatives[anchors], torch.inf)
        far = far.topk(most, dim=1).values
        near = near.topk(most, largest=False, dim=1).values
        gaps = (far[:, :, None] - near[:, None, :]).flatten(1)  # [A, most²], −∞ where no triplet
        gaps = gaps.topk(min(self.among, gaps.shape[1]), dim=1).values
        count = gaps.isfinite().sum(dim=1)
        return (F.relu(self.margin + gaps).sum(dim=1) / count).mean() / 2
