"""Distillation of distances (Park et al. 2019, "Relational knowledge distillation", eq. 4–6)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from passerby.losses import Batch, Features, Loss
from passerby.losses.pairs import euclidean_distances, mean_of_pairs, unit_vectors
from passerby.losses.teachers import targets_of
from passerby.registry import LOSSES


@LOSSES.register
class DistilDistances(Loss):
    """Huber loss between the distances of two images to student and teachers (RKD-D).

    Each side's distances are divided by their mean over the batch, so that only the ratios count
    and the widths may differ. Mean over pairs of different images. Distances are Euclidean between
    vectors of length 1, which rank as cosines do; the paper leaves that of the student open.
    """

    def forward(self, features: Features, batch: Batch) -> Tensor:
        targets = _relative(targets_of(batch, "distil_distances"))
        found = _relative(features.embedding)
        return mean_of_pairs(F.smooth_l1_loss(found, targets, reduction="none"))


def _relative(vectors: Tensor) -> Tensor:
    """Distances [B, B] in units of their mean."""
    with torch.autocast(vectors.device.type, enabled=False):
        distances = euclidean_distances(unit_vectors(vectors))
        return distances / mean_of_pairs(distances).clamp(min=1e-6)  # all images alike
