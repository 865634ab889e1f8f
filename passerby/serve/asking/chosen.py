"""Which gallery a request is about, and who asks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, TypeVar
from urllib.parse import quote

from fastapi import Depends, Query, Request

from passerby.gallery.gallery import Gallery
from passerby.serve.problems import Problem
from passerby.serve.settings import Settings
from passerby.serve.working.galleries import Galleries
from passerby.stores import Written
from passerby.tables.sightings import Sightings

_Answer = TypeVar("_Answer")


@dataclass(frozen=True)
class Chosen:
    """One gallery by its name."""

    name: str
    galleries: Galleries

    async def run(self, work: Callable[[Gallery], _Answer]) -> _Answer:
        """What ``work`` makes of it, in a thread of its own."""
        return await self.galleries.run(self.name, work)

    async def write(self, sightings: Sightings, *, replace: bool) -> Written:
        """Add sightings to it, at once with those of other requests."""
        return await self.galleries.write(self.name, sightings, replace=replace)

    def picture(self, sighting: str, number: int = 0) -> str:
        """Where a picture of a sighting is."""
        name = quote(self.name, safe="")
        return f"/v1/sightings/{quote(sighting, safe='')}/pictures/{number}.jpg?gallery={name}"


def galleries_of(request: Request) -> Galleries:
    """All galleries of the server."""
    found: Galleries = request.app.state.galleries
    return found


def settings_of(request: Request) -> Settings:
    """How the server was started."""
    found: Settings = request.app.state.settings
    return found


def _chosen(
    galleries: Annotated[Galleries, Depends(galleries_of)],
    gallery: Annotated[str, Query(description="its name; by default the first")] = "",
) -> Chosen:
    name = gallery or galleries.names[0]
    if name not in galleries.names:
        raise Problem(404, f"no gallery is named {name[:80]!r}: GET /v1/server names them")
    return Chosen(name, galleries)


ChosenGallery = Annotated[Chosen, Depends(_chosen)]
AllGalleries = Annotated[Galleries, Depends(galleries_of)]
Started = Annotated[Settings, Depends(settings_of)]
