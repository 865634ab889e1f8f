"""Query expansion and database augmentation: a vector becomes the weighted mean of its near ones.

αQE: Radenović, Tolias & Chum 2018, "Fine-tuning CNN image retrieval with no human annotation"
(arXiv 1711.02512), section 3.5: the weight of an image is its cosine to the power of α, and the
result is normalised. Database augmentation (Arandjelović & Zisserman 2012; Gordo et al. 2017) does
the same to the gallery.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray

from passerby.evaluation.ranking.distances import VectorDistances
from passerby.evaluation.ranking.neighbours import UnitVectors, nearest
from passerby.tables.embeddings import Embeddings, require_one_model

_BLOCK = 256


def expand_queries(
    query: Embeddings, gallery: Embeddings, k: int = 5, alpha: float = 3.0
) -> Embeddings:
    """The queries with vectors [Q, D] of length one: each the mean of its own and the k nearest in
    the gallery, weighted by 1 and by cosine^alpha; a negative cosine counts as 0.

    alpha = 0 gives the plain mean. A gallery smaller than k is taken whole. Labels are not looked
    at: junk and images of the query's camera take part. Raises ValueError for an empty gallery,
    different widths, vectors that are zero or not finite, and values out of range.
    """
    _check(k, alpha)
    if len(gallery) == 0:
        raise ValueError("query expansion needs a gallery, got one without images")
    require_one_model(query, gallery)
    distances = VectorDistances(query.vectors, gallery.vectors, "cosine")
    own = UnitVectors([query.vectors])
    return replace(
        query, vectors=_expanded(distances, own, UnitVectors([gallery.vectors]), k, alpha)
    )


def augment_database(gallery: Embeddings, k: int = 5, alpha: float = 3.0) -> Embeddings:
    """The gallery with vectors [G, D] of length one: each the mean of its own and its k nearest
    other images, weighted as in `expand_queries`. Errors as there."""
    _check(k, alpha)
    if len(gallery) < 2:
        raise ValueError(f"augmentation needs at least 2 gallery images, got {len(gallery)}")
    distances = VectorDistances(gallery.vectors, gallery.vectors, "cosine")
    vectors = UnitVectors([gallery.vectors])
    return replace(gallery, vectors=_expanded(distances, vectors, vectors, k, alpha, others=True))


def _check(k: int, alpha: float) -> None:
    if k < 1:
        raise ValueError(f"k must be at least 1, got {k}")
    if not 0 <= alpha < np.inf:
        raise ValueError(f"alpha must be 0 or more, got {alpha}")


def _expanded(
    distances: VectorDistances,
    own: UnitVectors,
    gallery: UnitVectors,
    k: int,
    alpha: float,
    *,
    others: bool = False,
) -> NDArray[np.float32]:
    """Expanded vectors [Q, D]; with ``others`` the image of the same row is no neighbour."""
    count = min(k, len(gallery) - others)
    vectors = np.empty((len(own), own.width), np.float32)
    # A block of distances [b, G] and one of neighbours [b, k, D]: some 64 MB at most.
    step = max(1, min(_BLOCK, 2**24 // max(len(gallery), count * own.width)))
    for start in range(0, len(own), step):
        rows = np.arange(start, min(start + step, len(own)))
        block = distances.block(slice(start, start + step))
        if others:
            block[np.arange(len(rows)), rows] = np.inf
        near = nearest(block, count)
        cosines = 1 - np.take_along_axis(block, near, axis=1)
        weights = torch.from_numpy(np.where(cosines > 0, cosines, 0) ** np.float32(alpha))
        theirs = gallery.rows(near.ravel()).reshape(len(rows), count, own.width)
        total = own.rows(rows) + torch.bmm(weights[:, None], theirs)[:, 0]
        vectors[rows] = torch.nn.functional.normalize(total, dim=1).numpy()
    return vectors
