"""Visits: how many persons, which way one of them went, how long ways take."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request

from passerby.data.reading.cells import zone_named
from passerby.gallery.gallery import Gallery
from passerby.gallery.link.rules import Rules
from passerby.gallery.paths.path import Path
from passerby.gallery.upkeep.removal import period
from passerby.gallery.visitors.counting import Sampling
from passerby.gallery.visitors.parts import By, Question, on_day
from passerby.serve.asking.chosen import Chosen, ChosenGallery, Started
from passerby.serve.asking.filters import Filter, Names, Overlapping, pairs_of
from passerby.serve.asking.pictures import BODY, pictures_of
from passerby.serve.asking.who import READ

router = APIRouter(prefix="/v1", tags=["visits"])
Ratio = Annotated[float | None, Query(ge=1, lt=1e300, description="of a passage, at least")]
Seconds = Annotated[float, Query(ge=0, le=1e9)]


@router.get("/visitors", dependencies=[READ])
async def visitors(
    *,
    chosen: ChosenGallery,
    where: Filter,
    overlapping: Overlapping = [],  # noqa: B006
    day: Annotated[str, Query(description="this day alone, as 2026-05-01")] = "",
    zone: Annotated[str, Query(description="of days and hours, as Europe/Berlin")] = "",
    by: By | None = None,
    without: Names = [],  # noqa: B006
    back: Annotated[str, Query(description="how far to look back, as 30d")] = "",
    gap: Seconds = 60.0,
    tolerance: Seconds = 1.0,
    seed: Annotated[int, Query(ge=0, lt=2**32)] = 0,
) -> Any:
    """How many different persons were seen, with 95 % intervals."""
    local = zone_named(zone) if zone else UTC
    question = Question(
        on_day(where, day, local) if day else where,
        by,
        local,
        tuple(without),
        period(back) if back else None,
    )
    rules = Rules(tolerance=tolerance, gap=gap, overlapping=pairs_of(overlapping))
    counted = await chosen.run(
        lambda gallery: gallery.visitors(question, rules, Sampling(seed=seed))
    )
    return json.loads(counted.to_json())


@router.get("/path", dependencies=[READ])
async def path(
    *,
    chosen: ChosenGallery,
    where: Filter,
    overlapping: Overlapping = [],  # noqa: B006
    transits: Annotated[bool, Query(description="learn what is too fast")] = True,
) -> dict[str, Any]:
    """The passages of a person by name, in order, and which of them cannot be."""
    if len(where.persons) != 1:
        raise ValueError("expected one person by name: person=NAME")
    found = await chosen.run(
        lambda gallery: gallery.path(where, transits=transits, overlapping=pairs_of(overlapping))
    )
    return _path(found, chosen)


@router.post("/path", dependencies=[READ], openapi_extra=BODY)
async def path_like(
    *,
    request: Request,
    chosen: ChosenGallery,
    settings: Started,
    where: Filter,
    overlapping: Overlapping = [],  # noqa: B006
    least_ratio: Ratio = None,
    transits: bool = True,
) -> dict[str, Any]:
    """The same for the person in a picture, or in several."""
    pictures = await pictures_of(request, settings.limits.images)

    def work(gallery: Gallery) -> Path:
        return gallery.path(
            where,
            pictures,
            least_ratio=least_ratio,
            transits=transits,
            overlapping=pairs_of(overlapping),
        )

    return _path(await chosen.run(work), chosen)


@router.get("/transits", dependencies=[READ])
async def ways(
    chosen: ChosenGallery,
    where: Filter,
    overlapping: Overlapping = [],  # noqa: B006
) -> Any:
    """How long persons take from camera to camera, as those who can be linked show."""
    rules = replace(Rules(), overlapping=pairs_of(overlapping))
    found = await chosen.run(lambda gallery: gallery.transits(where, rules))
    return json.loads(found.to_json())


def _path(found: Path, chosen: Chosen) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(found.to_json())
    for stay in content["stays"]:
        del stay["image"]
        stay["picture"] = chosen.picture(stay["sighting"])
        for name in ("first", "last"):
            stay[name] = stay[name] or None
    return content
