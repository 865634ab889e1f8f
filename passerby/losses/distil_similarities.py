"""Similarity-preserving distillation (Tung & Mori 2019, https://arxiv.org/abs/1907.09682)."""

from __future__ import annotations

import torch
from torch import Tensor

from passerby.losses import Batch, Features, Loss
from passerby.losses.pairs import at_least_float32, unit_vectors
from passerby.losses.teachers import targets_of
from passerby.registry import LOSSES


@LOSSES.register
class DistilSimilarities(Loss):
    """‖G − G'‖² / B² of the similarities G of a batch to student and teachers (eq. 1–4).

    G [B, B] holds the dot products of all vectors, each row brought to length 1. Between similar
    matrices it is small: the paper weighs it with 3,000 (sec. 4.1).
    """

    def forward(self, features: Features, batch: Batch) -> Tensor:
        targets = _similarities(targets_of(batch, "distil_similarities"))
        return (_similarities(features.embedding) - targets).square().mean()


def _similarities(vectors: Tensor) -> Tensor:
    """Dot products [B, B], each row at length 1."""
    with torch.autocast(vectors.device.type, enabled=False):
        vectors = at_least_float32(vectors)
        return unit_vectors(vectors @ vectors.T)
