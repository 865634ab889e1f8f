"""Pseudo pairs: images of two cameras that are each other's nearest, taken for one person.

Most are right where two cameras saw the same people, and what varies between the two of a pair is
then what a camera changes in a person. Where cameras saw nobody in common all are wrong.
"""

from __future__ import annotations

from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from passerby.tables.keys import numbered

Texts = NDArray[np.str_]

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
