"""Sightings: list, look at, add, forget."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from pydantic import AwareDatetime
from starlette.responses import Response

from passerby.gallery.enrol.arrays import Seen, sightings_of_arrays
from passerby.gallery.gallery import Gallery
from passerby.gallery.listing import Page, jpeg_of, page_of, sightings_of
from passerby.gallery.upkeep.removal import Removed
from passerby.process.spelling import count_of
from passerby.serve.answers import sighting_answers
from passerby.serve.asking.chosen import ChosenGallery, Started
from passerby.serve.asking.filters import Filter
from passerby.serve.asking.pictures import BODY, cut, pictures_of
from passerby.serve.asking.told import tell
from passerby.serve.asking.who import DELETE, READ, WRITE
from passerby.serve.problems import Problem
from passerby.serve.routes.search import Box
from passerby.tables.filters import Where
from passerby.tables.sightings import Sightings

router = APIRouter(prefix="/v1/sightings", tags=["sightings"])
Whole = Annotated[int | None, Query(ge=0, lt=2**62)]


@router.get("", dependencies=[READ])
async def listed(
    chosen: ChosenGallery,
    where: Filter,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
    after: Annotated[str, Query(description="next of the page before")] = "",
) -> dict[str, Any]:
    """Sightings, the newest first; those without a time last."""

    def work(gallery: Gallery) -> Page:
        gallery.count(where)  # says which names are not known
        return page_of(gallery.store, where, limit, after)

    page = await chosen.run(work)
    return {
        "sightings": sighting_answers(page.sightings, chosen),
        "total": page.total,
        "next": page.next or None,
    }


@router.get("/{sighting}", dependencies=[READ])
async def one(sighting: str, chosen: ChosenGallery) -> dict[str, Any]:
    """All that is known of a sighting."""
    found = await chosen.run(lambda gallery: sightings_of(gallery.store, [sighting]))
    if found is None:
        raise _unknown(sighting)
    return sighting_answers(found, chosen)[0]


@router.get(
    "/{sighting}/pictures/{number}.jpg",
    dependencies=[READ],
    response_class=Response,
    responses={200: {"content": {"image/jpeg": {}}}},
)
async def picture(sighting: str, number: int, chosen: ChosenGallery) -> Response:
    """A picture of a sighting, from 0."""
    if number < 0:
        raise Problem(422, "pictures are numbered from 0")
    jpeg = await chosen.run(lambda gallery: jpeg_of(gallery.store, sighting, number))
    if jpeg is None:
        raise Problem(404, "no such picture is kept")
    kept = {"Cache-Control": "private, max-age=3600"}
    return Response(jpeg, headers=kept, media_type="image/jpeg")


@router.post("", dependencies=[WRITE], status_code=201, openapi_extra=BODY)
async def add(
    *,
    request: Request,
    chosen: ChosenGallery,
    settings: Started,
    person: str = "",
    camera: str = "",
    source: str = "",
    time: AwareDatetime | None = None,
    until: AwareDatetime | None = None,
    tracklet: Whole = None,
    frame: Whole = None,
    quality: Annotated[float | None, Query(ge=0, le=1)] = None,
    box: Box = "",
    replace: bool = False,
    keep_thumbnail: bool = True,
) -> dict[str, Any]:
    """Add a sighting of each picture; on return they are on disk."""
    pictures: list[Any] = [*await pictures_of(request, settings.limits.images)]
    if box and len(pictures) > 1:
        raise Problem(422, "a box is of one picture: send one")

    seen = Seen(
        person=person or None,
        camera=camera or None,
        source=source or None,
        time=time,
        tracklet=tracklet,
        frame=frame,
        quality=quality,
        until=until,
    )

    def work(gallery: Gallery) -> Sightings:
        crops = [cut(pictures[0], box)] if box else pictures
        made = sightings_of_arrays(
            gallery.store, gallery.embedder, crops, seen, keep_thumbnails=keep_thumbnail
        )
        gallery.store.require_fitting(made)
        return made

    made = await chosen.run(work)
    counts = asdict(await chosen.write(made, replace=replace))
    tell(request, counts)
    return {**counts, "sightings": made.ids.tolist()}


@router.delete("/{sighting}", dependencies=[DELETE])
async def forget_one(request: Request, sighting: str, chosen: ChosenGallery) -> dict[str, Any]:
    """Forget a sighting."""

    def work(gallery: Gallery) -> Removed:
        where = Where(ids=(sighting,))
        if not gallery.store.count(where):
            raise _unknown(sighting)
        return gallery.remove(where)

    return _said(request, await chosen.run(work))


@router.delete("", dependencies=[DELETE])
async def forget(
    *,
    request: Request,
    chosen: ChosenGallery,
    where: Filter,
    expected: Annotated[int | None, Query(description="refused where it is another count")] = None,
    timeless: Annotated[bool, Query(description="also those without a time")] = False,
    compact: Annotated[bool, Query(description="physically, at once")] = False,
) -> dict[str, Any]:
    """Forget the sightings that satisfy a filter, which has a condition."""

    def work(gallery: Gallery) -> Removed:
        count = gallery.count(where, timeless=timeless)
        if expected is not None and count != expected:
            raise Problem(
                409,
                f"{count_of(count, 'sighting satisfies', 'sightings satisfy')} the filter, not "
                f"{expected}: look again",
            )
        return gallery.remove(where, timeless=timeless, compact=compact)

    return _said(request, await chosen.run(work))


def _said(request: Request, removed: Removed) -> dict[str, Any]:
    tell(request, {"removed": removed.count})
    return {"removed": removed.count, "said": str(removed)}


def _unknown(sighting: str) -> Problem:
    return Problem(404, f"no sighting is {sighting[:80]!r}")
