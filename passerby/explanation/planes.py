"""Vectors on a plane, to be drawn: by their principal components, or by t-SNE."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from passerby.tables.unit_length import unit

Layout = Literal["pca", "tsne"]


@dataclass(frozen=True, eq=False)
class Plane:
    """places [N, 2]; shares: of the vectors' variance that the two axes hold, () of t-SNE."""

    places: NDArray[np.float64]
    shares: tuple[float, ...]


def plane(vectors: NDArray[np.float32], layout: Layout = "pca", seed: int = 0) -> Plane:
    """Vectors [N, D], at length 1 as the cosine sees them, on a plane; N at least 3.

    pca: the two directions in which they vary most; distances on the plane are never longer than
    those of the vectors. tsne (van der Maaten & Hinton 2008): neighbours stay neighbours, distances
    between groups mean nothing; by scikit-learn. Raises ValueError for fewer vectors, and for tsne
    where scikit-learn is not installed.
    """
    if len(vectors) < 3:
        raise ValueError(f"a plane of vectors needs three at least, got {len(vectors)}")
    lengthened = unit(vectors, "embeddings").astype(np.float64)
    if layout == "tsne":
        return Plane(_tsne(lengthened, seed), ())
    centred = lengthened - lengthened.mean(axis=0)
    _, sizes, axes = np.linalg.svd(centred, full_matrices=False)
    # A direction and its opposite are as good: the one whose largest number is positive.
    largest = np.abs(axes[:2]).argmax(axis=1)
    signs = np.sign(axes[[0, 1], largest])
    places = centred @ axes[:2].T * signs
    shares = sizes[:2] ** 2 / max(float((sizes**2).sum()), 1e-30)
    return Plane(places, (float(shares[0]), float(shares[1])))


def _tsne(vectors: NDArray[np.float64], seed: int) -> NDArray[np.float64]:
    try:
        from sklearn.manifold import TSNE
    except ImportError:
        raise ValueError(
            "the layout tsne is scikit-learn's: pip install scikit-learn, or take the layout pca"
        ) from None
    perplexity = min(30.0, (len(vectors) - 1) / 3)
    made: NDArray[np.float64] = TSNE(
        2, perplexity=perplexity, init="pca", random_state=seed
    ).fit_transform(vectors)
    return made
