"""Sightings that people set aside as no person, and that may show the one to be forgotten: a crop
set aside by mistake is hidden from searches and links, and still kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from passerby.gallery.forgetting.worth import Worth, worths
from passerby.gallery.search.by_sighting import as_queries
from passerby.gallery.search.matches import Matches
from passerby.gallery.search.options import SearchOptions
from passerby.tables.filters import Where
from passerby.tables.sightings import NOT_A_PERSON, Sightings

if TYPE_CHECKING:
    from passerby.gallery.gallery import Gallery

_MOST = 1000  # passages that a picture, or a sighting, may find
_ASKED_WITH = 100  # sightings of the person that are compared with what was set aside


def set_aside_like(gallery: Gallery, images: Sequence[bytes], where: Where) -> tuple[Matches, ...]:
    """What each picture finds among the sightings that were set aside, none where there are none.

    where: among which sightings."""
    options = _among_aside(gallery, where)
    if options is None:
        return ()
    return tuple(gallery.search_with([image], options) for image in images)


def worth_aside(
    gallery: Gallery,
    like: Sequence[Matches],
    found: Sequence[str],
    passage_of: dict[str, int],
    where: Where,
) -> dict[int, Worth]:
    """What pictures of the person say of each passage with sightings that were set aside, or the
    sightings that were found to be of the person, whichever says more; by the passage's number.

    like: of `set_aside_like`; found: ids of a sighting of each passage that is theirs; passage_of:
    the number of each sighting's passage; where: among which sightings.
    """
    options = _among_aside(gallery, where)
    worth = worths(like, passage_of) if like else {}
    if found and options is not None:
        rows = np.unique(np.linspace(0, len(found) - 1, _ASKED_WITH).round().astype(int))
        spread = Where(ids=tuple(found[row] for row in rows))
        theirs = Sightings.joined([*gallery.store.read(spread)])
        by_found = gallery.search_each(as_queries(gallery, theirs), options)
        likelier = worths(by_found, passage_of)
        worth |= {one: each for one, each in likelier.items() if _says_more(each, worth.get(one))}
    return worth


def _among_aside(gallery: Gallery, where: Where) -> SearchOptions | None:
    """A search of what was set aside alone, None where nothing was."""
    if where.persons and NOT_A_PERSON not in where.persons:
        return None
    aside = replace(where, persons=(NOT_A_PERSON,))
    return SearchOptions(_MOST, aside, exact=True) if gallery.store.count(aside) else None


def _says_more(one: Worth, other: Worth | None) -> bool:
    """Whether the first is the stronger evidence for the person."""
    if other is None:
        return True
    if one.llr is not None and other.llr is not None:
        return one.llr > other.llr
    if one.false_match_rate is not None and other.false_match_rate is not None:
        return one.false_match_rate < other.false_match_rate
    return other.llr is None and other.false_match_rate is None and one.distance < other.distance
