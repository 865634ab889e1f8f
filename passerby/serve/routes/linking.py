"""Sightings grouped into persons over cameras."""

from __future__ import annotations

import json
from typing import Annotated, Any

from fastapi import APIRouter, Query

from passerby.gallery.gallery import Gallery
from passerby.gallery.link.linking import Linking, write_links
from passerby.gallery.link.rules import PREFIX, Rules
from passerby.serve.asking.chosen import ChosenGallery
from passerby.serve.asking.filters import Filter, Overlapping, pairs_of
from passerby.serve.asking.who import READ, WRITE
from passerby.serve.routes.visits import Ratio, Seconds

router = APIRouter(prefix="/v1", tags=["links"])
Transits = Annotated[bool, Query(description="count the time between cameras, too")]


@router.get("/links", dependencies=[READ])
async def links(
    *,
    chosen: ChosenGallery,
    where: Filter,
    overlapping: Overlapping = [],  # noqa: B006
    least_ratio: Ratio = None,
    gap: Seconds = 60.0,
    tolerance: Seconds = 1.0,
    transits: Transits = False,
) -> dict[str, Any]:
    """Who is one person, as far as can be told; nothing is written."""
    rules = Rules(
        least_ratio=least_ratio, tolerance=tolerance, gap=gap, overlapping=pairs_of(overlapping),
        transits=transits,
    )  # fmt: skip
    linking = await chosen.run(lambda gallery: gallery.link(where, rules))
    content: dict[str, Any] = json.loads(linking.to_json())
    for person in content["persons"]:
        for passage in person["passages"]:
            del passage["image"]
            passage["picture"] = chosen.picture(passage["sighting"])
    return content


@router.post("/links", dependencies=[WRITE])
async def write(
    *,
    chosen: ChosenGallery,
    where: Filter,
    overlapping: Overlapping = [],  # noqa: B006
    least_ratio: Ratio = None,
    gap: Seconds = 60.0,
    tolerance: Seconds = 1.0,
    transits: Transits = False,
    prefix: Annotated[str, Query(min_length=1, max_length=100)] = PREFIX,
    extend: Annotated[bool, Query(description="known persons get sightings as well")] = False,
) -> dict[str, Any]:
    """Give the names; what people decided is obeyed."""
    rules = Rules(
        least_ratio=least_ratio,
        tolerance=tolerance,
        gap=gap,
        overlapping=pairs_of(overlapping),
        prefix=prefix,
        transits=transits,
    )

    def work(gallery: Gallery) -> tuple[int, Linking]:
        linking = gallery.link(where, rules)
        return write_links(gallery.store, linking, extend=extend), linking

    named, linking = await chosen.run(work)
    return {"named": named, "persons": len(linking.persons)}
