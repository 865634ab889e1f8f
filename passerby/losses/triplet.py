"""Batch-hard triplet loss (Hermans et al. 2017, "In defense of the triplet loss", eq. 5)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from passerby.losses import Batch, Features, Loss
from passerby.registry import LOSSES


def euclidean_distances(vectors: Tensor) -> Tensor:
    """All pairwise Euclidean distances [B, B] of vectors [B, D], in float32.

    The square root is taken of the squared distance clamped at 1e-12: its slope is infinite at
    zero, and one pair of equal vectors would make every gradient NaN.
    """
    with torch.autocast(vectors.device.type, enabled=False):
        vectors = _precise(vectors)
        squares = vectors.square().sum(dim=1)
        squared = squares[:, None] + squares[None, :] - 2 * vectors @ vectors.T
        return squared.clamp(min=1e-12).sqrt()


def _precise(vectors: Tensor) -> Tensor:
    return vectors if vectors.dtype == torch.float64 else vectors.float()


def hardest(distances: Tensor, persons: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """For each image of a batch its farthest positive and nearest negative.

    distances [B, B], persons [B] -> (farthest positive [A], nearest negative [A], anchors [A]):
    rows of images that have both, in order.
    """
    others, same, anchors = _pairs(persons)
    positive = distances.masked_fill(~others, -torch.inf).amax(dim=1)[anchors]
    negative = distances.masked_fill(same, torch.inf).amin(dim=1)[anchors]
    return positive, negative, anchors


def hardest_rows(distances: Tensor, persons: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """As `hardest`, with the batch's rows [A] of those images in place of their distances."""
    others, same, anchors = _pairs(persons)
    positive = distances.masked_fill(~others, -torch.inf).argmax(dim=1)[anchors]
    negative = distances.masked_fill(same, torch.inf).argmin(dim=1)[anchors]
    return positive, negative, anchors


def _pairs(persons: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Masks [B, B] of pairs of different images of a person and of all its pairs; the anchors."""
    same = persons[:, None] == persons[None, :]
    others = same & ~torch.eye(len(persons), dtype=torch.bool, device=persons.device)
    anchors = (others.any(dim=1) & ~same.all(dim=1)).nonzero().flatten()
    return others, same, anchors


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
            vectors = F.normalize(_precise(vectors))
        positive, negative, anchors = hardest(euclidean_distances(vectors), persons)
        if len(anchors) == 0:
            return vectors.sum() * 0.0
        gap = positive - negative
        return (F.softplus(gap) if self.soft else F.relu(gap + self.margin)).mean()
