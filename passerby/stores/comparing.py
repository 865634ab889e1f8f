"""Exact search of an engine's vectors in this process: one product a page, for many queries."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from passerby.stores import Hits, Store
from passerby.tables.filters import Where
from passerby.tables.sightings import Sightings


def nearest_of_pages(
    store: Store,
    pages: Iterable[tuple[NDArray[np.str_], NDArray[np.float32]]],
    vectors: NDArray[np.float32],
    k: int,
    *,
    with_vectors: bool,
) -> Hits:
    """The k nearest of ids [N] and their vectors [N, D], page by page, to each of the unit vectors
    [Q, D], and then their sightings as the store has them."""
    count = len(vectors)
    nearest = np.empty((count, 0), np.float64)
    names = np.empty((count, 0), "<U64")
    for ids, page in pages:
        distances = 1 - vectors.astype(np.float64) @ page.T.astype(np.float64)  # [Q, N]
        nearest = np.hstack([nearest, distances])
        names = np.hstack([names, np.broadcast_to(ids, distances.shape)])
        order = np.argsort(nearest, axis=1, kind="stable")[:, :k]
        nearest, names = (np.take_along_axis(each, order, 1) for each in (nearest, names))
    wanted = tuple(np.unique(names).tolist())
    parts = [*store.read(Where(ids=wanted), with_vectors=with_vectors)] if wanted else []
    width = vectors.shape[1] if with_vectors else 0
    known = Sightings.joined([Sightings([], np.empty((0, width))), *parts])
    place = {name: row for row, name in enumerate(known.ids.tolist())}
    kept = np.isin(names, known.ids)  # one may have been removed since
    chosen = np.array([place[name] for name in names[kept].tolist()], np.int64)
    starts = np.concatenate([[0], np.cumsum(kept.sum(1))])
    return Hits(starts, known[chosen], nearest[kept], exact=True)
