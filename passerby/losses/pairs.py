"""Pairs of a batch: which are positive and negative, how far apart, and mining of the hardest.

Everything is computed in float32 at least, also under autocast: differences of large sums are lost
in 16 bits.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, eq=False)
class Pairs:
    """The pairs of a batch by the persons of their images.

    positives [B, B]: pairs of different images of one person; negatives [B, B]: of two persons;
    anchors [A]: the rows of images that have both, in order.
    """

    positives: Tensor
    negatives: Tensor
    anchors: Tensor


@dataclass(frozen=True, eq=False)
class Hardest:
    """The farthest positive and the nearest negative of each anchor.

    positives, negatives [A]: their rows in the batch; positive_distances, negative_distances [A].
    """

    anchors: Tensor
    positives: Tensor
    negatives: Tensor
    positive_distances: Tensor
    negative_distances: Tensor


def pairs_of(persons: Tensor) -> Pairs:
    """The pairs among images of these persons [B]."""
    same = persons[:, None] == persons[None, :]
    positives = same & ~torch.eye(len(persons), dtype=torch.bool, device=persons.device)
    anchors = (positives.any(dim=1) & ~same.all(dim=1)).nonzero().flatten()
    return Pairs(positives, ~same, anchors)


def hardest_triplets(distances: Tensor, persons: Tensor) -> Hardest:
    """Batch-hard mining (Hermans et al. 2017) by distances [B, B] between images of persons [B]."""
    pairs = pairs_of(persons)
    far = distances.masked_fill(~pairs.positives, -torch.inf).max(dim=1)
    near = distances.masked_fill(~pairs.negatives, torch.inf).min(dim=1)
    rows = pairs.anchors
    return Hardest(rows, far.indices[rows], near.indices[rows], far.values[rows], near.values[rows])


def at_least_float32(vectors: Tensor) -> Tensor:
    """float64 as it is, all else as float32."""
    return vectors if vectors.dtype == torch.float64 else vectors.float()


def unit_vectors(vectors: Tensor) -> Tensor:
    """Vectors [B, D] at unit length; those of length zero stay zero, and get no gradient.

    (Divided by a smallest length, a zero would get a gradient of that length's inverse.)
    """
    with torch.autocast(vectors.device.type, enabled=False):
        vectors = at_least_float32(vectors)
        lengths = vectors.norm(dim=1, keepdim=True)
        return vectors / lengths.masked_fill(lengths == 0, torch.inf)


def cosine_similarities(vectors: Tensor) -> Tensor:
    """All pairwise cosines [B, B] of vectors [B, D]."""
    with torch.autocast(vectors.device.type, enabled=False):
        units = unit_vectors(vectors)
        return units @ units.T


def squared_distances(vectors: Tensor) -> Tensor:
    """All pairwise squared Euclidean distances [B, B] of vectors [B, D]."""
    with torch.autocast(vectors.device.type, enabled=False):
        vectors = at_least_float32(vectors)
        squares = vectors.square().sum(dim=1)
        return squares[:, None] + squares[None, :] - 2 * vectors @ vectors.T


def euclidean_distances(vectors: Tensor) -> Tensor:
    """All pairwise Euclidean distances [B, B] of vectors [B, D].

    The square root is taken of the squared distance clamped at 1e-12: its slope is infinite at
    zero, and one pair of equal vectors would make every gradient NaN.
    """
    return squared_distances(vectors).clamp(min=1e-12).sqrt()


def mean_of_pairs(values: Tensor) -> Tensor:
    """The mean of [B, B] over pairs of different rows; 0 where there is one row."""
    count = len(values)
    apart = ~torch.eye(count, dtype=torch.bool, device=values.device)
    return values[apart].sum() / max(count * (count - 1), 1)
