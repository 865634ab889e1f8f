"""Whether the server lives and takes requests; the page."""

from __future__ import annotations

from pathlib import Path

from fastapi import APIRouter, Request
from starlette.responses import FileResponse, Response

from passerby.serve.asking.chosen import AllGalleries
from passerby.serve.asking.who import READ
from passerby.serve.metrics import exposition
from passerby.serve.problems import Problem

router = APIRouter(include_in_schema=False)
PAGE = Path(__file__).parent.parent / "page"
_TYPES = {
    ".html": "text/html",
    ".js": "text/javascript",
    ".css": "text/css",
    ".svg": "image/svg+xml",
}
_REVALIDATED = {"Cache-Control": "no-cache"}


@router.get("/healthz")
async def alive() -> dict[str, str]:
    """The process answers."""
    return {"status": "alive"}


@router.get("/readyz")
async def ready(request: Request) -> dict[str, str]:
    """Galleries are open, and the server is not stopping (503 by the guard of turns)."""
    galleries = request.app.state.galleries
    for name in galleries.names:
        await galleries.run(name, lambda gallery: gallery.about)
    return {"status": "ready"}


@router.get("/metrics", dependencies=[READ])
async def metrics(galleries: AllGalleries) -> Response:
    """Counts for Prometheus."""
    counts = {name: await galleries.run(name, len) for name in galleries.names}
    return Response(exposition(counts), media_type="text/plain; version=0.0.4")


@router.get("/")
async def index() -> FileResponse:
    """The page."""
    return FileResponse(PAGE / "index.html", headers=_REVALIDATED, media_type="text/html")


@router.get("/page/{name:path}")
async def page_file(name: str) -> FileResponse:
    """A file of the page: one of those that lie there, whatever else a name says."""
    files = {one.relative_to(PAGE).as_posix(): one for one in PAGE.rglob("*") if one.is_file()}
    found = files.get(name)
    if found is None or found.suffix not in _TYPES:
        raise Problem(404, "the page has no such file")
    return FileResponse(found, headers=_REVALIDATED, media_type=_TYPES[found.suffix])
