"""Who is this, of all that a gallery holds?"""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np
from fastapi import APIRouter, Depends, Query, Request
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from passerby.gallery.gallery import Gallery
from passerby.gallery.listing import sightings_of
from passerby.gallery.search.by_sighting import search_like
from passerby.gallery.search.matches import Matches
from passerby.gallery.search.options import SearchOptions
from passerby.serve.answers import found_answer
from passerby.serve.asking.chosen import ChosenGallery, Started
from passerby.serve.asking.filters import Filter
from passerby.serve.asking.pictures import BODY, cut, is_json, pictures_of, with_json
from passerby.serve.asking.who import READ
from passerby.serve.problems import Problem, of_validation

router = APIRouter(prefix="/v1", tags=["search"])
Share = Annotated[float, Query(gt=0, lt=1)]
Box = Annotated[str, Query(description="left,top,right,bottom: the part of one picture")]
_Vector = Annotated[list[float], Field(min_length=1, max_length=16_384)]


class SearchBody(BaseModel):
    """In place of pictures, one of: a vector, vectors of one person, the id of a sighting."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"sighting": "0" * 32}})
    vector: _Vector | None = None
    vectors: Annotated[list[_Vector], Field(min_length=1, max_length=64)] | None = None
    sighting: Annotated[str, Field(min_length=1, max_length=64)] | None = None


def _options(
    *,
    where: Filter,
    k: Annotated[int, Query(ge=1, le=200, description="passages in the answer")] = 10,
    query_camera: Annotated[str, Query(description="that took the query")] = "",
    query_time: Annotated[AwareDatetime | None, Query(description="when it did")] = None,
    elsewhere: Annotated[bool, Query(description="no camera of the gallery took it")] = False,
    transits: Annotated[bool, Query(description="count the time between cameras, too")] = False,
    exact: Annotated[bool, Query(description="compare all, without an index")] = False,
    rerank: Annotated[bool, Query(description="order the nearest 200 anew")] = False,
    prior_absent: Annotated[Share, Query(description="probability that it is nobody")] = 0.5,
    fpir: Annotated[Share, Query(description="share of false answers")] = 0.01,
) -> SearchOptions:
    return SearchOptions(
        k, where, exact, rerank, prior_absent, fpir, True, query_camera, elsewhere, query_time,
        transits,
    )  # fmt: skip


Options = Annotated[SearchOptions, Depends(_options)]


@router.post("/search", dependencies=[READ], openapi_extra=with_json(BODY, SearchBody))
async def search(
    request: Request, chosen: ChosenGallery, settings: Started, options: Options, box: Box = ""
) -> dict[str, Any]:
    """The passages of those who are likest: by pictures of one person, a vector or a sighting."""
    if is_json(request):
        asked = _body(await request.body())
        found = found_answer(await chosen.run(lambda g: _by_json(g, asked, options)), chosen)
        return {**found, "query": f"sighting {asked.sighting}"} if asked.sighting else found
    pictures = await pictures_of(request, settings.limits.images)
    if box and len(pictures) > 1:
        raise Problem(422, "a box is of one picture: send one")

    def work(gallery: Gallery) -> Matches:
        query = [cut(pictures[0], box)] if box else pictures
        return gallery.search_with(query, options)

    return found_answer(await chosen.run(work), chosen)


def _body(data: bytes) -> SearchBody:
    try:
        asked = SearchBody.model_validate_json(data)
    except ValidationError as error:
        raise of_validation(error) from None
    if sum(given is not None for given in vars(asked).values()) != 1:
        raise Problem(422, "expected one of vector, vectors and sighting")
    return asked


def _by_json(gallery: Gallery, asked: SearchBody, options: SearchOptions) -> Matches:
    if asked.sighting is not None:
        return _by_sighting(gallery, asked.sighting, options)
    given = asked.vectors if asked.vectors is not None else [asked.vector or []]
    if len({len(vector) for vector in given}) > 1:
        raise ValueError("the vectors of one person are all of one length")
    return gallery.search_with(np.array(given), options)


def _by_sighting(gallery: Gallery, sighting: str, options: SearchOptions) -> Matches:
    found = sightings_of(gallery.store, [sighting])
    if found is None:
        raise Problem(404, f"no sighting is {sighting[:80]!r}")
    return search_like(gallery, found, options)
