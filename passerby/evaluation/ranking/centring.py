"""Vectors centred on their cameras: what all persons of one camera have in common is taken away.

Light, angle and sharpness of a camera move the vectors of everybody it sees in one direction, so
that a stranger by the same camera can be nearer than the same person by another. The mean of a
camera's gallery images shows that direction, without any label: Zhuang et al., "Rethinking the
Distribution Gap of Person Re-identification with Camera-based Batch Normalization", ECCV 2020, who
centre and scale within the network; here it is done to finished embeddings of any model.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from passerby.tables.embeddings import Embeddings

STEADY = 4.0  # of 0 to 50 on held-out persons of the set in docs/results/people.md, 0 to 10 alike


def centred(
    query: Embeddings, gallery: Embeddings, steady: float = STEADY
) -> tuple[Embeddings, Embeddings]:
    """Both, scaled to length 1 and less the mean of their camera's gallery images.

    A camera with few gallery images shows its own offset badly: the mean of the whole gallery
    counts as ``steady`` more images, and stands for cameras that the gallery lacks. Cameras of two
    sources are two, even with one number. Raises ValueError without cameras, for stripe vectors,
    which are not centred, and for an empty gallery.
    """
    for name, some in (("query", query), ("gallery", gallery)):
        if some.cameras is None:
            raise ValueError(
                f"the {name} has no cameras, and without them nothing can be centred on them"
            )
        if some.local is not None:
            raise ValueError(f"the {name} has stripe vectors, which are not centred on cameras")
    if not len(gallery):
        raise ValueError("the gallery is empty: cameras have no mean")
    asked, shown = _unit(query.vectors), _unit(gallery.vectors)
    mean = shown.mean(axis=0, dtype=np.float64)
    asking, showing = _cameras(query), _cameras(gallery)
    for camera in dict.fromkeys(asking + showing):
        rows = np.array([own == camera for own in showing])
        total = shown[rows].sum(axis=0, dtype=np.float64) + steady * mean
        offset = (total / (np.count_nonzero(rows) + steady)).astype(np.float32)
        shown[rows] -= offset
        asked[np.array([own == camera for own in asking])] -= offset
    return replace(query, vectors=asked), replace(gallery, vectors=shown)


def _unit(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors / np.maximum(lengths, np.finfo(np.float32).tiny)


def _cameras(some: Embeddings) -> list[tuple[str, int]]:
    assert some.cameras is not None
    sources = [""] * len(some) if some.sources is None else some.sources.tolist()
    return list(zip(sources, some.cameras.tolist(), strict=True))
