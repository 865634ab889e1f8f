"""What the server has, and what a gallery holds."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request

from passerby.gallery.adapted import back_end_of
from passerby.gallery.gallery import Gallery
from passerby.serve.asking.chosen import AllGalleries, ChosenGallery, Started
from passerby.serve.asking.pixel_bounds import most_pixels
from passerby.serve.asking.who import READ, who_of
from passerby.stores.about import About
from passerby.version import __version__

router = APIRouter(prefix="/v1", tags=["overview"])


@router.get("/server")
async def server(request: Request, galleries: AllGalleries, settings: Started) -> dict[str, Any]:
    """Version, bounds, and what the one who asks may do."""
    who, limits = who_of(request), settings.limits
    return {
        "version": __version__,
        "key": who.name or None,
        "scopes": sorted(who.scopes),
        "galleries": galleries.names,
        "detector": bool(settings.detector),
        "limits": {
            "bytes": limits.bytes,
            "images": limits.images,
            "seconds": limits.seconds,
            **{f"{kind.lower()}_pixels": most_pixels(kind) for kind in ("JPEG", "PNG", "WebP")},
        },
    }


@router.get("/galleries", dependencies=[READ])
async def all_galleries(galleries: AllGalleries) -> dict[str, Any]:
    """All galleries of the server."""

    def one(name: str) -> Any:
        def told(gallery: Gallery) -> dict[str, Any]:
            about = gallery.about
            kinds = sorted(about.calibrations)
            count = len(gallery)
            return {
                "name": name,
                "sightings": count,
                "model": _model(about),
                "calibrations": kinds,
            }

        return told

    return {"galleries": [await galleries.run(name, one(name)) for name in galleries.names]}


@router.get("/summary", dependencies=[READ])
async def summary(chosen: ChosenGallery) -> dict[str, Any]:
    """What a gallery holds, counted by camera, day and source; a name "" is not known."""

    def told(gallery: Gallery) -> dict[str, Any]:
        found, about = gallery.show(), gallery.about
        learnt = back_end_of(about)
        return {
            "gallery": chosen.name,
            "sightings": found.sightings,
            "known": found.known,
            "set_aside": found.set_aside,
            "persons": len({*found.persons} - {""}),
            "cameras": _counted("name", found.cameras),
            "days": _counted("day", {day: n for day, n in found.days.items() if day}),
            "sources": _counted("name", gallery.store.groups("source")),
            "bytes": found.bytes,
            "index": vars(found.index),
            "model": _model(about),
            "calibrations": sorted(about.calibrations),
            "adapted": [] if learnt is None else list(learnt.decided),
            "answers": len(about.answers),
            "alerts": len(about.alerts),
            "created": about.created or None,
        }

    return await chosen.run(told)


def _model(about: About) -> dict[str, Any]:
    return {
        "name": about.name or None,
        "fingerprint": about.model,
        "pooling": about.pooling,
        "dimensions": about.dimensions,
    }


def _counted(key: str, counts: Any) -> list[dict[str, Any]]:
    return [{key: name, "sightings": count} for name, count in sorted(counts.items())]
