"""The application: guards, routes, and what they share."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from passerby.process.reporting import say
from passerby.serve.audit import Audit
from passerby.serve.examples import show_examples
from passerby.serve.guards.audited import Audited
from passerby.serve.guards.bodies import BoundedBodies
from passerby.serve.guards.headers import SafeHeaders
from passerby.serve.guards.keyed import Door, Keyed
from passerby.serve.guards.sites import OwnSite
from passerby.serve.guards.turns import InTurn, Turns
from passerby.serve.keys import Keys
from passerby.serve.metrics import Measured
from passerby.serve.problems import RESPONSES, answer_problems
from passerby.serve.routes import (
    alerts,
    linking,
    models,
    overview,
    persons,
    probes,
    review,
    search,
    sightings,
    visits,
)
from passerby.serve.routes.accountability import audit, cases, forgetting
from passerby.serve.settings import Settings
from passerby.serve.state import state_folder
from passerby.serve.working.detecting import Frames
from passerby.serve.working.galleries import Galleries
from passerby.version import __version__

_ROUTES = (
    overview,
    search,
    sightings,
    persons,
    review,
    linking,
    visits,
    alerts,
    models,
    forgetting,
    cases,
    audit,
)


def application(settings: Settings, turns: Turns | None = None) -> FastAPI:
    """What answers requests, by ASGI. turns: whether it takes any, for who stops it.

    Raises:
        ValueError: A gallery cannot be opened.
    """
    folder = state_folder(settings.state)
    log = Audit(folder)
    if log.repaired:
        say(f"note: {log.repaired}")
    door = Door(Keys(folder), always=settings.guarded, never=not settings.asks_keys)
    galleries = Galleries(settings)

    @asynccontextmanager
    async def closing(_: FastAPI) -> AsyncIterator[None]:
        galleries.warm()
        yield
        galleries.close()

    made = FastAPI(
        title="Passerby",
        version=__version__,
        description="Galleries of sightings: search, review, correct, forget.",
        openapi_url="/v1/openapi.json",
        docs_url=None,
        redoc_url=None,
        lifespan=closing,
        redirect_slashes=False,
    )
    made.state.galleries, made.state.settings, made.state.audit = galleries, settings, log
    made.state.frames = Frames(settings.detector) if settings.detector else None
    answer_problems(made)
    made.include_router(probes.router)
    for routes in _ROUTES:
        made.include_router(routes.router, responses=RESPONSES)
    show_examples(made)
    # The last one added is the first that a request meets.
    made.add_middleware(Audited, audit=log, first=galleries.names[0])
    made.add_middleware(BoundedBodies, most=settings.limits.bytes)
    made.add_middleware(Keyed, door=door)
    made.add_middleware(OwnSite, local=settings.local and not settings.behind_proxy)
    made.add_middleware(InTurn, turns=turns or Turns(), seconds=settings.limits.seconds)
    made.add_middleware(Measured)
    made.add_middleware(SafeHeaders)
    return made
