"""The order of what a search found: by distance, re-ranked, or with hubs corrected.

It is an order alone: ratios, rates and answers are of the distances as measured.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from passerby.evaluation.ranking.rerank import rerank
from passerby.gallery.adapted import crowded
from passerby.gallery.search.judging import Found
from passerby.gallery.search.options import SearchOptions
from passerby.gallery.search.population import Counted, Population
from passerby.gallery.search.querying import Query
from passerby.stores import Store
from passerby.tables.embeddings import Embeddings
from passerby.tables.sightings import Sightings

FEWEST_TO_RERANK = 3.0
"""Sightings of a known person, on average, below which re-ranking is not done."""

_AS_MEASURED = "probabilities are of the distances as measured"


@dataclass(frozen=True, eq=False)
class Order:
    """reranked [N]: distances that the order of what was found follows, None where it is that of
    the distances as measured; notes: what to know of it."""

    reranked: NDArray[np.float32] | None = None
    notes: tuple[str, ...] = ()


def in_order(
    store: Store, query: Query, options: SearchOptions, nearest: Found, counted: Counted
) -> Order:
    """By re-ranking where that was asked for and helps, else with hubs corrected where the gallery
    was adapted. nearest: with vectors where either may be."""
    near = nearest.sightings
    refused: tuple[str, ...] = ()
    if options.rerank:
        why = _no_reranking(counted.population)
        if not why and len(near) > 1:
            how = f"the order is that of re-ranking within the {len(near)} nearest"
            return Order(_reranked(query, near), (f"{how}; {_AS_MEASURED}",))
        refused = (why,) if why else ()
    crowding = crowded(store, near) if len(near) else None
    if crowding is None:
        return Order(None, refused)
    how = "the order is corrected for sightings that are near to everybody"
    return Order(
        np.asarray(nearest.distances + crowding, np.float32), (*refused, f"{how}; {_AS_MEASURED}")
    )


def _no_reranking(among: Population) -> str:
    """Why the nearest are not re-ranked; "" where they may be, or persons are not known."""
    images = sum(among.persons.values()) / max(len(among.persons), 1)
    if not among.persons or images >= FEWEST_TO_RERANK:
        return ""
    return (
        f"not re-ranked: known persons have {images:.1f} sightings on average, and with fewer than "
        f"{FEWEST_TO_RERANK:g} it costs 4 to 15 points of rank-1 (its constants are for more)"
    )


def _reranked(query: Query, near: Sightings) -> NDArray[np.float32]:
    """Distances [N] by k-reciprocal encoding among the query and its N nearest alone.

    Neighbours beyond them take no part, which is what makes it affordable.
    """
    nobody = np.zeros(len(near), np.int64)
    asked = Embeddings(query.vector[None], [0])
    return rerank(asked, Embeddings(near.vectors, nobody)).block(slice(0, 1))[0]
