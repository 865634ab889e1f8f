"""Several images, one vector: multi-query and tracklets.

The vectors of a group are brought to length one, so that none counts for more than another, and
their mean or maximum is taken. The lengths of the results are as they come out; the cosine does not
see them.
"""

from __future__ import annotations

from typing import Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

from passerby.tables.embeddings import Embeddings, require_one_model
from passerby.tables.keys import view_numbers
from passerby.tables.unit_length import unit

Pooling = Literal["mean", "max"]

_Key = TypeVar("_Key")


def pool_queries(
    query: Embeddings, images: Embeddings, by: Pooling = "mean", *, normalised: bool = True
) -> Embeddings:
    """The query with each vector replaced by that of all ``images`` of its person and camera.

    Multi-query of Market-1501 (Zheng et al. 2015), in which ``images`` are those of gt_bbox. A
    query of whom there is no image keeps its own. ``normalised=False`` pools vectors as they are.
    Raises ValueError when cameras are missing, the widths differ, or a vector has no direction.
    """
    if query.cameras is None or images.cameras is None:
        raise ValueError("queries are pooled by person and camera, and cameras are missing")
    require_one_model(query, images)
    if query.vectors.shape[1] != images.vectors.shape[1]:
        raise ValueError(
            f"query vectors have {query.vectors.shape[1]} dimensions and the images to pool "
            f"{images.vectors.shape[1]}: embed both with the same model"
        )
    of_queries, of_images = view_numbers(query, images)
    groups = _groups(of_images.tolist())
    vectors = np.empty_like(query.vectors)
    for row, key in enumerate(of_queries.tolist()):
        rows = groups.get(key)
        part, own = (query, np.array([row])) if rows is None else (images, rows)
        vectors[row] = _pooled(part.vectors[own], by, normalised)
    return Embeddings(
        vectors,
        query.persons,
        query.cameras,
        images=query.images,
        times=query.times,
        tracklets=query.tracklets,
        sources=query.sources,
        model=query.model,
    )


def pool_tracklets(
    images: Embeddings, by: Pooling = "mean", *, normalised: bool = True
) -> Embeddings:
    """One vector for each tracklet, in the order of their first images, whose names they keep.

    A tracklet is the images of one number, person, camera and source; an image without one
    (tracklet −1) stays by itself. ``normalised=False`` pools vectors as they are. Raises ValueError
    when no tracklets are known, or a vector has no direction.
    """
    if images.tracklets is None:
        raise ValueError("no tracklets are known: the data set does not number them")
    alone = np.where(images.tracklets < 0, np.arange(len(images)), -1)
    views = view_numbers(images)[0]
    keys = zip(views.tolist(), images.tracklets.tolist(), alone.tolist(), strict=True)
    groups = list(_groups(list(keys)).values())
    firsts = images[np.array([rows[0] for rows in groups], np.int64)]
    pooled = [_pooled(images.vectors[rows], by, normalised) for rows in groups]
    return Embeddings(
        np.reshape(pooled, (len(groups), images.vectors.shape[1])),
        firsts.persons,
        firsts.cameras,
        images=firsts.images,
        times=firsts.times,
        tracklets=firsts.tracklets,
        sources=firsts.sources,
        model=firsts.model,
    )


def _groups(keys: list[_Key]) -> dict[_Key, NDArray[np.int64]]:
    """Rows of each key, ascending, the keys in the order in which they first occur."""
    rows: dict[_Key, list[int]] = {}
    for row, key in enumerate(keys):
        rows.setdefault(key, []).append(row)
    return {key: np.array(own, np.int64) for key, own in rows.items()}


def _pooled(vectors: NDArray[np.float32], by: Pooling, normalised: bool) -> NDArray[np.float32]:
    """One vector [D] of those of a group [K, D]."""
    if by not in ("mean", "max"):
        raise ValueError(f"vectors are pooled by 'mean' or 'max', got {by!r}")
    if normalised:
        vectors = unit(vectors, "vectors to pool")
    return vectors.mean(axis=0) if by == "mean" else vectors.max(axis=0)
