"""Persons by name, and what people decided of them."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Body, Query, Request
from pydantic import BaseModel, ConfigDict, Field

from passerby.gallery.gallery import Gallery
from passerby.gallery.ledger.events import Event
from passerby.gallery.ledger.persons import KnownPerson, persons
from passerby.serve.asking.chosen import ChosenGallery
from passerby.serve.asking.filters import Filter
from passerby.serve.asking.told import tell
from passerby.serve.asking.who import READ, WRITE, who_of
from passerby.serve.problems import Problem
from passerby.stores import StoreUnavailable

router = APIRouter(prefix="/v1", tags=["persons"])
Name = Annotated[str, Field(min_length=1, max_length=1000)]
Ids = Annotated[list[Annotated[str, Field(max_length=64)]], Field(min_length=1, max_length=10_000)]
Number = Annotated[int, Field(ge=1, lt=2**53)]


class _Decision(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Naming(_Decision):
    """These sightings are of this person, known before or not."""

    kind: Literal["name"]
    sightings: Ids
    person: Name

    def decide(self, gallery: Gallery, by: str) -> Event:
        """As `Ledger.name`."""
        return gallery.ledger.name(self.sightings, self.person, by=by)


class Renaming(_Decision):
    """A person has another name."""

    kind: Literal["rename"]
    person: Name
    new: Name

    def decide(self, gallery: Gallery, by: str) -> Event:
        """As `Ledger.rename`."""
        return gallery.ledger.rename(self.person, self.new, by=by)


class Merging(_Decision):
    """Persons are one, named as the first of them or ``into``."""

    kind: Literal["merge"]
    persons: Annotated[list[Name], Field(min_length=1, max_length=1000)]
    into: str = ""

    def decide(self, gallery: Gallery, by: str) -> Event:
        """As `Ledger.merge`."""
        return gallery.ledger.merge(self.persons, self.into, by=by)


class Splitting(_Decision):
    """Sightings are not of the person whose name they bear."""

    kind: Literal["split"]
    sightings: Ids
    person: str = ""

    def decide(self, gallery: Gallery, by: str) -> Event:
        """As `Ledger.split`."""
        return gallery.ledger.split(self.sightings, self.person, by=by)


class SettingAside(_Decision):
    """Sightings, or all of a person, show none."""

    kind: Literal["not a person"]
    sightings: list[str] = Field(default=[], max_length=10_000)
    person: str = ""

    def decide(self, gallery: Gallery, by: str) -> Event:
        """As `Ledger.not_a_person`."""
        return gallery.ledger.not_a_person(self.sightings, self.person, by=by)


class TellingApart(_Decision):
    """Two persons are two."""

    kind: Literal["apart"]
    persons: Annotated[list[Name], Field(min_length=2, max_length=2)]

    def decide(self, gallery: Gallery, by: str) -> Event:
        """As `Ledger.tell_apart`."""
        one, other = self.persons
        return gallery.ledger.tell_apart(one, other, by=by)


Decision = Annotated[
    Naming | Renaming | Merging | Splitting | SettingAside | TellingApart,
    Body(
        discriminator="kind",
        openapi_examples={
            "merge": {"value": {"kind": "merge", "persons": ["linked/1", "linked/2"]}}
        },
    ),
]


class Undoing(_Decision):
    """number: of the decision, the last that holds where it is left out."""

    number: Number | None = None


@router.get("/persons", dependencies=[READ])
async def known_persons(
    chosen: ChosenGallery,
    where: Filter,
    like: Annotated[str, Query(description="a part of the name")] = "",
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    after: Annotated[int, Query(ge=0, lt=2**53, description="next of the page before")] = 0,
) -> dict[str, Any]:
    """Everybody with a name, those of most sightings first."""

    def work(gallery: Gallery) -> tuple[KnownPerson, ...]:
        gallery.count(where)  # says which names are not known
        return persons(gallery.store, where)

    found = [one for one in await chosen.run(work) if like.casefold() in one.name.casefold()]
    page = found[after : after + limit]
    more = after + limit < len(found)
    return {
        "persons": [{**one.to_json(), "picture": chosen.picture(one.shown)} for one in page],
        "total": len(found),
        "next": after + limit if more else None,
    }


@router.get("/decisions", dependencies=[READ])
async def decisions(
    chosen: ChosenGallery,
    newest: Annotated[int, Query(ge=1, le=1000)] = 50,
    before: Annotated[int | None, Query(ge=1, lt=2**53)] = None,
    person: str = "",
) -> dict[str, Any]:
    """What was decided of persons, the last first."""
    found = await chosen.run(
        lambda gallery: gallery.ledger.events(newest, before=before, person=person)
    )
    return {"decisions": [event.to_json() for event in found]}


@router.get("/decisions/{number}", dependencies=[READ])
async def decision(number: int, chosen: ChosenGallery) -> dict[str, Any]:
    """A decision with all that it changed."""

    def work(gallery: Gallery) -> Event:
        if not 0 < number < 2**53:
            raise Problem(404, f"there is no decision {number}")
        try:
            return gallery.ledger.event(number)
        except ValueError as error:
            raise _as(404, error) from None

    return (await chosen.run(work)).to_json(whole=True)


@router.post("/decisions", dependencies=[WRITE], status_code=201)
async def decide(request: Request, chosen: ChosenGallery, asked: Decision) -> dict[str, Any]:
    """Name, rename, merge, split, set aside or tell apart; each can be undone."""
    by = who_of(request).name
    return decided(request, await chosen.run(lambda gallery: asked.decide(gallery, by)))


@router.post("/decisions/undo", dependencies=[WRITE], status_code=201)
async def undo(request: Request, chosen: ChosenGallery, asked: Undoing) -> dict[str, Any]:
    """Take a decision back: all is as it was before it."""
    by = who_of(request).name

    def work(gallery: Gallery) -> Event:
        try:
            return gallery.ledger.undo(asked.number, by=by)
        except ValueError as error:
            raise _as(409, error) from None

    return decided(request, await chosen.run(work))


def decided(request: Request, event: Event) -> dict[str, Any]:
    """A decision as JSON holds it, told to the audit log."""
    tell(request, {"decision": event.number, "kind": event.kind})
    return event.to_json()


def _as(status: int, error: ValueError) -> Exception:
    return error if isinstance(error, StoreUnavailable) else Problem(status, str(error))
