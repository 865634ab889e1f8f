"""Weighted regularised triplet loss of AGW (Ye et al. 2021, "Deep Learning for Person
Re-identification: A Survey and Outlook", https://arxiv.org/abs/2001.04193, sec. 4).

All positives and negatives of a batch count, the harder the more, and there is no margin to choose.
Open in the paper and read in the authors' code (github.com/mangye16/ReID-Survey): the anchor itself
is one of its positives, at distance 0; vectors are those before the neck, not normalised.

The code, and FastReID after it, adds 1e-6 to the sum of the weights, "to avoid a division by zero".
For the negatives this is not small: the sum is Σ exp(−d), which is below 1e-6 where all negatives
are farther than about 14, as they are at the lengths of a ResNet's features. There the negative
term vanishes, and what is left draws positives together. The published scores were trained so:
``epsilon=1e-6``; the paper's formula is ``epsilon=0``.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from passerby.losses import Batch, Features, Loss
from passerby.losses.pairs import euclidean_distances, pairs_of
from passerby.registry import LOSSES


@LOSSES.register
class WeightedTriplet(Loss):
    """ln(1 + exp(Σ_p w_p d_p − Σ_n w_n d_n)), the mean over images and parts.

    w_p is the softmax of the distances to all images of the anchor's person, w_n that of the
    negative distances to all others; Euclidean, in float32 also under autocast. epsilon is added
    to the sums that the weights are divided by: Σ exp(d − the largest d) and Σ exp(−d). Images
    without another positive or a negative in the batch are no anchors.
    """

    def __init__(self, epsilon: float = 0.0) -> None:
        super().__init__()
        if not 0 <= epsilon < math.inf:
            raise ValueError(f"epsilon must not be negative, got {epsilon}")
        self.epsilon = epsilon

    def forward(self, features: Features, batch: Batch) -> Tensor:
        terms = [self._of_vectors(part.before_neck, batch.persons) for part in features.parts]
        return torch.stack(terms).mean()

    def _of_vectors(self, vectors: Tensor, persons: Tensor) -> Tensor:
        pairs = pairs_of(persons)
        if len(pairs.anchors) == 0:
            return vectors.sum() * 0.0
        itself = torch.eye(len(persons), dtype=torch.bool, device=persons.device)
        # Rounding leaves an image at some distance of itself, whose gradient would be large.
        distances = euclidean_distances(vectors).masked_fill(itself, 0.0)[pairs.anchors]
        negatives = pairs.negatives[pairs.anchors]
        far = distances.masked_fill(negatives, -torch.inf)
        towards = (far.softmax(dim=1) * distances).sum(dim=1)
        near = (-distances).masked_fill(~negatives, -torch.inf)
        away = (near.softmax(dim=1) * distances).sum(dim=1)
        if self.epsilon:  # Σ / (Σ + ε) of each sum, from its logarithm
            offset = math.log(self.epsilon)
            towards = towards * (far.logsumexp(dim=1) - far.amax(dim=1) - offset).sigmoid()
            away = away * (near.logsumexp(dim=1) - offset).sigmoid()
        return F.softplus(towards - away).mean()
