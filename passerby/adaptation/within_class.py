"""What varies between images of one person and should not count: within-class covariance (WCCN).

Hatch, Kajarekar, Stolcke, "Within-class covariance normalization for SVM-based speaker
recognition", Interspeech 2006: vectors are multiplied by W^(-1/2), W the covariance of images about
the mean of their person. Kept are the K directions of the largest variance; in all others the
variance is taken as one number, so that the map is x - U' diag(1 - f) U x: small, symmetric, and
invertible. Before the root W is shrunk towards a multiple of the identity: whitening in full doubts
directions in which hardly anything varies.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

RANK = 128
"""Directions kept of 1,280: 64 cost 0.3 mAP on held-out persons, 192 gained nothing."""

SHRINKAGE = 1.0
"""Of the mean variance, added in every direction; 0.5 to 2 alike on held-out persons."""


@dataclass(frozen=True, eq=False)
class WithinClass:
    """How vectors of one person vary, and the map that takes it down.

    directions [K, D] float32: orthonormal; variances [K] float32: of each, descending; rest: in
    every direction beside them; images: how many these figures count for (less their persons).
    """

    directions: NDArray[np.float32]
    variances: NDArray[np.float32]
    rest: float
    images: int

    @cached_property
    def covariance(self) -> NDArray[np.float64]:
        """The covariance [D, D]."""
        axes = self.directions.astype(np.float64)
        above = self.variances.astype(np.float64) - self.rest
        made: NDArray[np.float64] = (axes.T * above) @ axes + self.rest * np.eye(axes.shape[1])
        return made

    @property
    def mean(self) -> float:
        """The mean variance over all D directions."""
        wide, kept = self.directions.shape[1], len(self.directions)
        whole = self.variances.sum(dtype=np.float64) + (wide - kept) * self.rest
        return float(whole) / wide

    def factors(self, shrinkage: float = SHRINKAGE) -> NDArray[np.float32]:
        """By how much each direction [K] is shortened: 1 would leave it as it is."""
        floor = max(shrinkage * self.mean, float(np.finfo(np.float32).tiny))
        variances = self.variances.astype(np.float64)
        made: NDArray[np.float64] = np.sqrt((self.rest + floor) / (variances + floor))
        return np.asarray(made, np.float32)

    def damped(
        self, vectors: NDArray[np.float32], shrinkage: float = SHRINKAGE
    ) -> NDArray[np.float32]:
        """Vectors [N, D] with these directions shortened: multiplied by (W + shrinkage)^(-1/2),
        up to one number for all."""
        along = vectors @ self.directions.T  # [N, K]
        shorter = np.asarray(1 - self.factors(shrinkage), np.float32)
        return np.asarray(vectors - (along * shorter) @ self.directions, np.float32)


def within_class(
    vectors: NDArray[np.float32], persons: NDArray[np.integer], rank: int = RANK
) -> WithinClass:
    """Of vectors [N, D] of known persons [N] (or tracks, or pairs: any groups of one person each).

    Raises ValueError where nobody has two images.
    """
    numbers, counts = np.unique(persons, return_inverse=True, return_counts=True)[1:]
    numbers = numbers.reshape(-1)
    free = len(numbers) - len(counts)
    if free < 1:
        raise ValueError(
            "nobody has two images among these: how images of one person vary is not known"
        )
    kept = counts[numbers] > 1
    order = np.argsort(numbers[kept], kind="stable")
    chosen, numbers = vectors[kept][order].astype(np.float64), numbers[kept][order]
    starts = np.flatnonzero(np.append(True, np.diff(numbers) != 0))
    sizes = np.diff(np.append(starts, len(numbers)))
    means = np.add.reduceat(chosen, starts, axis=0) / sizes[:, None]
    apart = chosen - np.repeat(means, sizes, axis=0)
    return of_covariance(apart.T @ apart / free, free, rank)


def of_covariance(covariance: NDArray[np.float64], images: int, rank: int = RANK) -> WithinClass:
    """Of a covariance [D, D] that counts for so many images."""
    values, vectors = np.linalg.eigh(covariance)
    values, axes = values[::-1].clip(min=0), vectors[:, ::-1].T
    rank = min(rank, max(len(values) - 1, 1))
    rest = float(values[rank:].mean()) if rank < len(values) else float(values[-1])
    return WithinClass(
        np.ascontiguousarray(axes[:rank], np.float32),
        values[:rank].astype(np.float32),
        rest,
        images,
    )


def alike_everywhere(like: WithinClass) -> WithinClass:
    """One variance in all directions, as much as another has in the mean: shortens none."""
    variances = np.full_like(like.variances, like.mean)
    return replace(like, variances=variances, rest=like.mean)


def blended(prior: WithinClass, own: WithinClass, prior_images: int) -> WithinClass:
    """A covariance seen here, and a prior one that counts for so many images beside it."""
    weight = own.images / (own.images + prior_images)
    both = weight * own.covariance + (1 - weight) * prior.covariance
    return of_covariance(both, own.images, len(prior.directions))
