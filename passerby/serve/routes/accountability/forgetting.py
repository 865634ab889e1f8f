"""A person is forgotten: found by pictures or name, shown, removed with a certificate; opt-outs."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from passerby.gallery.forgetting.certificate import Certificate
from passerby.gallery.forgetting.finding import Question, find
from passerby.gallery.forgetting.forgetting import Request as Asked
from passerby.gallery.forgetting.forgetting import forget as forget_sightings
from passerby.gallery.forgetting.opting_out import Entry, opt_outs, withdraw
from passerby.gallery.gallery import Gallery
from passerby.serve.asking.chosen import Chosen, ChosenGallery, Started
from passerby.serve.asking.filters import Filter
from passerby.serve.asking.pictures import BODY, field_of, is_json, pictures_of, with_json
from passerby.serve.asking.told import tell
from passerby.serve.asking.who import DELETE, READ, who_of
from passerby.serve.problems import Problem, of_validation
from passerby.serve.routes.persons import Ids
from passerby.serve.routes.visits import Ratio
from passerby.tables.filters import Where

router = APIRouter(prefix="/v1", tags=["forgetting"])
NOBODY = "somebody at this machine"
"""Who asks where no key says it."""

_Id = Annotated[str, Field(max_length=64)]


class Forgetting(BaseModel):
    """Exactly these sightings go; spared: those that were looked at and stay."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"example": {"ids": ["0" * 32], "reason": "asked for by letter"}},
    )
    ids: Ids
    reason: Annotated[str, Field(min_length=1, max_length=2000)]
    spared: Annotated[list[_Id], Field(max_length=10_000)] = []
    opt_out: bool = False
    opt_out_rate: Annotated[float, Field(gt=0, lt=0.5)] = 1e-3
    alerts: Annotated[list[str], Field(max_length=1000)] = []
    person: Annotated[str, Field(max_length=1000)] = ""


class Nothing(BaseModel):
    """In place of pictures, where the person is named by the query."""

    model_config = ConfigDict(extra="forbid")


@router.post("/forget/find", dependencies=[DELETE], openapi_extra=with_json(BODY, Nothing))
async def find_person(
    *,
    request: Request,
    chosen: ChosenGallery,
    settings: Started,
    where: Filter,
    least_ratio: Ratio = None,
    most_false_match_rate: Annotated[float, Query(gt=0, lt=1)] = 1e-3,
    link: Annotated[bool, Query(description="look also at who is linked to those found")] = True,
) -> dict[str, Any]:
    """All that may be of a person, by pictures, by name (person=NAME), or both; nothing goes."""
    pictures = [] if is_json(request) else await pictures_of(request, settings.limits.images)
    question = _question(pictures, where)
    question = replace(
        question, least_ratio=least_ratio, most_false_match_rate=most_false_match_rate, link=link
    )
    found = await chosen.run(lambda gallery: find(gallery, question))
    return _found(json.loads(found.to_json()), chosen)


@router.post("/forget", dependencies=[DELETE], openapi_extra=with_json(BODY, Forgetting))
async def forget(
    request: Request, chosen: ChosenGallery, settings: Started, where: Filter
) -> dict[str, Any]:
    """Remove exactly the sightings named, physically, and certify it; with the pictures that found
    them the person is looked for once more. In a form the JSON is the field ``request``."""
    if is_json(request):
        pictures, text = [], (await request.body()).decode(errors="replace")
    else:
        pictures = await pictures_of(request, settings.limits.images)
        text = await field_of(request, "request")
    try:
        asked = Forgetting.model_validate_json(text)
    except ValidationError as error:
        raise of_validation(error) from None
    if asked.person:
        where = replace(where, persons=(asked.person,))
    question = _question(pictures, where) if pictures or where.persons else None
    by = who_of(request).name or NOBODY

    def work(gallery: Gallery) -> Certificate:
        wanted = Asked(
            by, asked.reason, tuple(asked.alerts), asked.opt_out, asked.opt_out_rate, chosen.name
        )
        return forget_sightings(gallery, asked.ids, wanted, question, asked.spared).certificate

    made = await chosen.run(work)
    tell(request, {"removed": len(made.removed), "certificate": made.sha256})
    return {**json.loads(made.to_json()), "said": str(made)}


@router.get("/opt-outs", dependencies=[READ])
async def opted_out(chosen: ChosenGallery) -> dict[str, Any]:
    """Who is not enrolled again: entries and what they cost; no names, as none are kept."""
    found = await chosen.run(lambda gallery: opt_outs(gallery.store))
    return {"opt_outs": [vars(one) for one in found]}


@router.delete("/opt-outs/{entry}", dependencies=[DELETE])
async def take_off(entry: str, chosen: ChosenGallery) -> dict[str, Any]:
    """Take an entry off the list, its vector with it."""

    def work(gallery: Gallery) -> Entry:
        if entry not in {one.id for one in opt_outs(gallery.store)}:
            raise Problem(404, "the opt-out list has no such entry")
        return withdraw(gallery.store, entry)

    return {"withdrawn": True, **vars(await chosen.run(work))}


def _question(pictures: list[bytes], where: Where) -> Question:
    if len(where.persons) > 1:
        raise ValueError("expected one person by name: one request is of one person")
    person = where.persons[0] if where.persons else ""
    return Question(tuple(pictures), person, replace(where, persons=()))


def _found(content: dict[str, Any], chosen: Chosen) -> dict[str, Any]:
    for passage in content["passages"]:
        passage["picture"] = chosen.picture(passage["shown"])
        for name in ("person", "camera", "source", "first", "last"):
            passage[name] = passage[name] or None
        passage.pop("image", None)
    return content
