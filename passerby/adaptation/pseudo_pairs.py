"""Pseudo pairs: images of two cameras that are each other's nearest, taken for one person.

Most are right where two cameras saw the same people, and what varies between the two of a pair is
then what a camera changes in a person. Where cameras saw nobody in common all are wrong, and where
persons have one or two images many are: how many, the distances of all images tell without labels.
"""

from __future__ import annotations

from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from passerby.evaluation.decisions.unlabelled import unlabelled_distances
from passerby.tables.keys import numbered

Texts = NDArray[np.str_]

_MOST_IMAGES = 2_000  # of a source, whose distances are counted: 2,000,000

MOST_CAMERAS = 12
"""Of a source: with more, most pairs of cameras saw nobody in common, and most pairs are wrong."""


def mutual_neighbours(
    vectors: NDArray[np.float32], sources: Texts, cameras: Texts
) -> NDArray[np.int64]:
    """Rows [P, 2] of vectors [N, D] of length 1 that are each other's nearest of two cameras.

    Of each pair of cameras of one source; images by an unknown camera ("") take no part, nor do
    sources of more than `MOST_CAMERAS` cameras.
    """
    found = [np.empty((0, 2), np.int64)]
    places = numbered(sources, cameras)
    for source in np.unique(sources):
        own = (sources == source) & (cameras != "")
        seen = np.unique(places[own]).tolist()
        for one, other in combinations(seen if len(seen) <= MOST_CAMERAS else [], 2):
            first, second = np.flatnonzero(places == one), np.flatnonzero(places == other)
            cosines = vectors[first] @ vectors[second].T
            there, back = cosines.argmax(axis=1), cosines.argmax(axis=0)
            mutual = np.flatnonzero(back[there] == np.arange(len(first)))
            found.append(np.stack([first[mutual], second[there[mutual]]], axis=1))
    return np.concatenate(found)


def expected_right(
    vectors: NDArray[np.float32], sources: Texts, cameras: Texts, pairs: NDArray[np.int64]
) -> NDArray[np.float64]:
    """How probable it is that each pair [P] of rows of vectors [N, D] of length 1 is of one person.

    Of its distance alone, by what all distances between cameras of its source show of strangers and
    of the same persons (`unlabelled_distances`); NaN where these show nothing.
    """
    made = np.full(len(pairs), np.nan)
    places = numbered(sources, cameras)
    for source in np.unique(sources[pairs[:, 0]]):
        rows = np.flatnonzero((sources == source) & (cameras != ""))
        rows = np.random.default_rng(0).permutation(rows)[:_MOST_IMAGES]
        one, other = np.triu_indices(len(rows), 1)
        across = places[rows][one] != places[rows][other]
        cosines = vectors[rows] @ vectors[rows].T
        try:
            found = unlabelled_distances(1 - cosines[one[across], other[across]])
        except ValueError:  # too few, or half of them alike
            continue
        own = np.flatnonzero(sources[pairs[:, 0]] == source)
        first, second = pairs[own].T
        near = 1 - np.einsum("nd,nd->n", vectors[first], vectors[second])
        made[own] = found.probabilities(near)
    return made
