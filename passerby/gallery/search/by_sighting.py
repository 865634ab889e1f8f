"""A search for whom a sighting of the gallery is like."""

from __future__ import annotations

from typing import TYPE_CHECKING

from passerby.gallery.search.matches import Matches
from passerby.gallery.search.options import SearchOptions
from passerby.tables.embeddings import Embeddings
from passerby.tables.sightings import Sightings, by_middle_look

if TYPE_CHECKING:
    from passerby.gallery.gallery import Gallery


def search_like(gallery: Gallery, sighting: Sightings, options: SearchOptions) -> Matches:
    """Search with one sighting [1], with its vectors, by its camera; it is left out itself.

    Of a passage the middle look asks, as calibrations are of single pictures: the ratios of a
    pooled vector would flatter strangers. Raises ValueError as `Gallery.search_each`.
    """
    return gallery.search_each(as_queries(gallery, sighting), options)[0]


def as_queries(gallery: Gallery, sightings: Sightings) -> Embeddings:
    """Sightings [N] of a gallery, with their vectors, as N queries of it."""
    asked = by_middle_look(sightings)
    about = gallery.about
    return Embeddings(
        asked.vectors,
        persons=[-1] * len(asked),
        hashes=asked.ids,
        named_cameras=asked.cameras,
        model=about.model,
        pooling=about.pooling,
    )
