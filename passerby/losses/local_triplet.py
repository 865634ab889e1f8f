"""Triplet loss on aligned stripes, mined by the global distance (Zhang et al. 2017, sec. 3.2)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from passerby.alignment import aligned_distance
from passerby.losses import Batch, Features, Loss
from passerby.losses.pairs import at_least_float32, euclidean_distances, hardest_triplets
from passerby.registry import LOSSES


@LOSSES.register
class LocalTriplet(Loss):
    """max(0, margin + aligned distance to the positive − to the negative), mean over images.

    The positive is the farthest, the negative the nearest of the batch by the Euclidean distance
    of the part's vectors before the neck, which get no gradient here; the mean over the parts
    that have stripes. Images without a positive or a negative in the batch are no anchors. Raises
    ValueError for a network without local vectors.
    """

    def __init__(self, margin: float = 0.3) -> None:
        super().__init__()
        if margin < 0:
            raise ValueError(f"margin must not be negative, got {margin}")
        self.margin = margin

    def forward(self, features: Features, batch: Batch) -> Tensor:
        pairs = [(p.before_neck, p.local) for p in features.parts if p.local is not None]
        if not pairs:
            raise ValueError(
                "local_triplet needs local vectors, which this network does not have: choose "
                "network.system=aligned, or leave the loss out"
            )
        return torch.stack([self._of_stripes(*pair, batch.persons) for pair in pairs]).mean()

    def _of_stripes(self, vectors: Tensor, local: Tensor, persons: Tensor) -> Tensor:
        hardest = hardest_triplets(euclidean_distances(vectors.detach()), persons)
        if len(hardest.anchors) == 0:
            return local.sum() * 0.0
        near = _aligned(local[hardest.anchors], local[hardest.positives])
        far = _aligned(local[hardest.anchors], local[hardest.negatives])
        return F.relu(near - far + self.margin).mean()


def _aligned(first: Tensor, second: Tensor) -> Tensor:
    """Aligned distances [A] of the images of two rows of stripes [A, S, D], one by one."""
    with torch.autocast(first.device.type, enabled=False):
        first, second = at_least_float32(first), at_least_float32(second)
        squares = first.square().sum(dim=2)[:, :, None] + second.square().sum(dim=2)[:, None, :]
        squared = squares - 2 * first @ second.transpose(1, 2)  # [A, S, S]
        # The slope of a square root is infinite at zero.
        return aligned_distance(squared.clamp(min=1e-12).sqrt().permute(1, 2, 0))
