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

from passerby.tables.embeddings import Embeddings, require_one_model
from passerby.tables.keys import camera_numbers
from passerby.tables.unit_length import unit

STEADY = 4.0  # of 0 to 50 on held-out persons of the set in docs/results/people.md, 0 to 10 alike


def centred(
    query: Embeddings, gallery: Embeddings, steady: float = STEADY
) -> tuple[Embeddings, Embeddings]:
    """Both, scaled to length 1 and less the mean of their camera's gallery images.

    A camera with few gallery images shows its own offset badly: the mean of the whole gallery
    counts as ``steady`` more images. A camera that the gallery lacks has the mean of its queries in
    their place: with the gallery's, which is that of other cameras, its offset stayed. Cameras of
    two sources are two, even with one number. Raises ValueError without cameras, for stripe
    vectors, which are not centred, for an empty gallery, and for vectors without a direction.
    """
    for name, some in (("query", query), ("gallery", gallery)):
        if some.cameras is None:
            raise ValueError(
                f"the {name} has no cameras, and without them nothing can be centred on them"
            )
        if some.local is not None:
            raise ValueError(f"the {name} has stripe vectors, which are not centred on cameras")
    require_one_model(query, gallery)
    if not len(gallery):
        raise ValueError("the gallery is empty: cameras have no mean")
    asked, shown = unit(query.vectors, "query vectors"), unit(gallery.vectors, "gallery vectors")
    mean = shown.mean(axis=0, dtype=np.float64)
    asking, showing = camera_numbers(query, gallery)
    for camera in np.union1d(asking, showing).tolist():
        asks, shows = asking == camera, showing == camera
        seen = shown[shows] if shows.any() else asked[asks]
        total = seen.sum(axis=0, dtype=np.float64) + steady * mean
        offset = (total / (len(seen) + steady)).astype(np.float32)
        shown[shows] -= offset
        asked[asks] -= offset
    return replace(query, vectors=asked), replace(gallery, vectors=shown)
