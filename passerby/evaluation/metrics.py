"""CMC, average precision and inverse negative penalty of ranked lists, as pure functions.

A query's score depends only on the ranks of its matches, so nothing is sorted but the matches:
how many gallery images lie nearer than a match is counted.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def ranks_of_matches(
    distances: NDArray[np.floating], matches: NDArray[np.integer]
) -> NDArray[np.int64]:
    """Ranks (from 1, ascending) of the matches in the list sorted by distance.

    distances: [G], infinite where a gallery image is ignored; matches: [M] rows of it. Equal
    distances are ranked in gallery order, as a stable sort would.

    >>> ranks_of_matches(np.array([0.3, 0.1, 0.2, 0.1]), np.array([0, 3]))
    array([2, 4])
    """
    own = distances[matches]
    order = np.lexsort((matches, own))
    thresholds, rows = own[order], matches[order]
    # An image nearer than threshold k falls, counted from the right, into a bin up to k.
    bins = np.searchsorted(thresholds, distances, side="right")
    nearer = np.bincount(bins, minlength=len(thresholds) + 1)[: len(thresholds)].cumsum()
    bins = np.searchsorted(thresholds, distances, side="left")
    not_farther = np.bincount(bins, minlength=len(thresholds) + 1)[: len(thresholds)].cumsum()
    ranks = nearer + 1
    for k in np.flatnonzero(not_farther - nearer > 1):
        ranks[k] += np.count_nonzero(distances[: rows[k]] == thresholds[k])
    return ranks


def average_precision(ranks: NDArray[np.integer]) -> float:
    """Mean over the matches of the precision at their rank (the area without interpolation).

    >>> average_precision(np.array([1, 3]))
    0.8333333333333333
    """
    return float(np.mean(np.arange(1, len(ranks) + 1) / ranks))


def inverse_negative_penalty(ranks: NDArray[np.integer]) -> float:
    """Matches divided by the rank of the last one (Ye et al. 2021, "Deep learning for person
    re-identification: a survey and outlook", eq. 3); its mean over queries is mINP.

    >>> inverse_negative_penalty(np.array([1, 4]))
    0.5
    """
    return len(ranks) / int(ranks[-1])


def cumulative_matches(first_ranks: NDArray[np.integer], top: int) -> NDArray[np.float64]:
    """CMC: share of queries whose first match has rank at most k, for k = 1…top.

    >>> cumulative_matches(np.array([1, 3]), 3)
    array([0.5, 0.5, 1. ])
    """
    counts = np.bincount(np.minimum(first_ranks, top + 1), minlength=top + 2)[1 : top + 1]
    return counts.cumsum() / len(first_ranks)
