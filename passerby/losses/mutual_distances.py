"""Mutual learning by distances (Zhang et al. 2017, "AlignedReID", sec. 3.3)."""

from __future__ import annotations

from itertools import permutations

import torch
from torch import Tensor

from passerby.losses import Batch, Features, Loss
from passerby.losses.mutual_probabilities import require_several_parts
from passerby.losses.pairs import euclidean_distances
from passerby.registry import LOSSES


@LOSSES.register
class MutualDistances(Loss):
    """(d₁ − d₂)² of the distances d₁ of each part between two images, and d₂ of each other part.

    Euclidean distances before the neck; mean over all B² pairs of images and all ordered pairs of
    parts; d₂ passes no gradient (the paper's "zero gradient"). Raises ValueError for fewer than
    two parts.
    """

    def forward(self, features: Features, batch: Batch) -> Tensor:
        found = [euclidean_distances(part.before_neck) for part in features.parts]
        require_several_parts(len(found), "mutual_distances")
        terms = [(own - other.detach()).square().mean() for own, other in permutations(found, 2)]
        return torch.stack(terms).mean()
