"""Weighted regularised triplet loss of AGW (Ye et al. 2021, "Deep Learning for Person
Re-identification: A Survey and Outlook", https://arxiv.org/abs/2001.04193, sec. 4).

All positives and negatives of a batch count, the harder the more, and there is no margin to choose.
Open in the paper and read in the authors' code (github.com/mangye16/ReID-Survey): the anchor itself
is one of its positives, at distance 0; vectors are those before the neck, not normalised. The code
adds 1e-6 to the sum of the weights, which shows when all negatives are farther than about 12; ours
does not.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from passerby.losses import Batch, Features, Loss
from passerby.losses.triplet import euclidean_distances
from passerby.registry import LOSSES


@LOSSES.register
class WeightedTriplet(Loss):
    """ln(1 + exp(Σ_p w_p d_p − Σ_n w_n d_n)), the mean over images and parts.

    w_p is the softmax of the distances to all images of the anchor's person, w_n that of the
    negative distances to all others; Euclidean, in float32 also under autocast. Images without
    another positive or a negative in the batch are no anchors.
    """

    def forward(self, features: Features, batch: Batch) -> Tensor:
        terms = [_of_vectors(part.before_neck, batch.persons) for part in features.parts]
        return torch.stack(terms).mean()


def _of_vectors(vectors: Tensor, persons: Tensor) -> Tensor:
    same = persons[:, None] == persons[None, :]
    itself = torch.eye(len(persons), dtype=torch.bool, device=persons.device)
    anchors = (same & ~itself).any(dim=1) & ~same.all(dim=1)
    if not bool(anchors.any()):
        return vectors.sum() * 0.0
    # Rounding leaves an image at some distance of itself, whose gradient would be large.
    distances = euclidean_distances(vectors).masked_fill(itself, 0.0)[anchors]
    same = same[anchors]
    towards = distances.masked_fill(~same, -torch.inf).softmax(dim=1)
    away = (-distances).masked_fill(same, -torch.inf).softmax(dim=1)
    return F.softplus(((towards - away) * distances).sum(dim=1)).mean()
