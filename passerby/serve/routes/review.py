"""The questions whose answers help most, what was answered, and what is learnt from it."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, ConfigDict, Field

from passerby.gallery.gallery import Gallery
from passerby.gallery.review.learning import learn_from_answers
from passerby.gallery.review.queue import KINDS, Asked, Kind, Said, queue, reply
from passerby.serve.asking.chosen import Chosen, ChosenGallery
from passerby.serve.asking.who import READ, WRITE, who_of
from passerby.serve.routes.persons import decided
from passerby.stores import StoreUnavailable

router = APIRouter(prefix="/v1", tags=["review"])
Id = Annotated[str, Field(min_length=1, max_length=64)]


class Reply(BaseModel):
    """The answer to a question; same: null where it cannot be said."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "example": {
                "kind": "pair",
                "first": "0" * 31 + "1",
                "second": "0" * 31 + "2",
                "persons": ["", ""],
                "same": True,
            }
        },
    )
    kind: Literal["pair", "merge", "split"]
    first: Id
    second: Id
    persons: Annotated[list[str], Field(min_length=2, max_length=2)] = ["", ""]
    same: bool | None


@router.get("/questions", dependencies=[READ])
async def questions(
    chosen: ChosenGallery,
    count: Annotated[int, Query(ge=1, le=50)] = 10,
    kind: Annotated[list[Kind], Query()] = [],  # noqa: B006
) -> dict[str, Any]:
    """The next questions; said: why there is none."""

    def work(gallery: Gallery) -> tuple[tuple[Asked, ...], str | None]:
        try:
            return queue(gallery.view, count, kinds=list(dict.fromkeys(kind)) or KINDS), None
        except StoreUnavailable:
            raise
        except ValueError as error:
            return (), str(error)

    asked, said = await chosen.run(work)
    return {"questions": [_question(each, chosen) for each in asked], "said": said}


@router.post("/answers", dependencies=[WRITE], status_code=201)
async def answer(request: Request, chosen: ChosenGallery, asked: Reply) -> dict[str, Any]:
    """Do what follows from an answer; it is undone by the number of the decision."""
    one, other = asked.persons
    said = Said(asked.kind, asked.first, asked.second, (one, other), asked.same)
    by = who_of(request).name
    return decided(request, await chosen.run(lambda gallery: reply(gallery.ledger, said, by=by)))


@router.post("/learn", dependencies=[WRITE])
async def learn(chosen: ChosenGallery) -> dict[str, Any]:
    """Calibrate the gallery on what was answered of its pairs."""
    learnt = await chosen.run(lambda gallery: learn_from_answers(gallery.view))
    return {"calibrated": learnt.calibration is not None, "said": str(learnt)}


@router.get("/labels", dependencies=[READ])
async def labels(chosen: ChosenGallery) -> dict[str, Any]:
    """What people said of pairs of sightings."""
    found = await chosen.run(lambda gallery: gallery.about.answers)
    return {"labels": [vars(each) for each in found]}


def _question(asked: Asked, chosen: Chosen) -> dict[str, Any]:
    content: dict[str, Any] = asked.to_json()
    for name in ("first", "second"):
        shown = {**content[name], "picture": chosen.picture(content[name]["sighting"])}
        del shown["image"]
        content[name] = {**shown, "camera": shown["camera"] or None}
    return content
