"""What the model says of pictures alone: vectors, two of one person, persons in a frame."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request

from passerby.assessment.compare import PairComparison, compare_images
from passerby.evaluation.decisions.wording import support
from passerby.gallery.gallery import Gallery
from passerby.gallery.stored_calibrations import calibration_of
from passerby.serve.asking.chosen import ChosenGallery, Started
from passerby.serve.asking.pictures import BODY, BODY_OF_TWO, pictures_of
from passerby.serve.asking.who import READ
from passerby.serve.problems import Problem
from passerby.serve.routes.search import Share
from passerby.tables.unit_length import unit

router = APIRouter(prefix="/v1", tags=["pictures"])


@router.post("/embed", dependencies=[READ], openapi_extra=BODY)
async def embed(request: Request, chosen: ChosenGallery, settings: Started) -> dict[str, Any]:
    """A vector of length 1 of each picture, by the gallery's model."""
    pictures = await pictures_of(request, settings.limits.images)

    def work(gallery: Gallery) -> dict[str, Any]:
        made = unit(gallery.embedder(pictures))
        about = gallery.about
        return {
            "vectors": made.tolist(),
            "model": about.model,
            "pooling": about.pooling,
            "dimensions": about.dimensions,
        }

    return await chosen.run(work)


@router.post("/compare", dependencies=[READ], openapi_extra=BODY_OF_TWO)
async def compare(
    request: Request,
    chosen: ChosenGallery,
    prior: Annotated[Share, Query(description="probability of one person before")] = 0.5,
    false_match_rate: Annotated[Share, Query(description="share of false yes")] = 1e-3,
    one_camera: Annotated[bool, Query(description="both are by one camera")] = False,
) -> dict[str, Any]:
    """Two pictures of one person? Evidence where the gallery is calibrated."""
    pictures = await pictures_of(request, 2)
    if len(pictures) != 2:
        raise Problem(422, f"expected two pictures, got {len(pictures)}")

    def work(gallery: Gallery) -> PairComparison:
        about = gallery.about
        if about.adapted:  # the calibrations of the distances as they came are set aside
            about = replace(about, calibrations=about.set_aside)
        known = calibration_of(about, "single") or calibration_of(about, "single", brought=True)
        return compare_images(
            gallery.embedder,
            pictures[0],
            pictures[1],
            known,
            prior=prior,
            false_match_rate=false_match_rate,
            one_camera=one_camera,
        )

    return _comparison(await chosen.run(work), prior)


@router.post("/detect", dependencies=[READ], openapi_extra=BODY)
async def detect(request: Request, chosen: ChosenGallery, settings: Started) -> dict[str, Any]:
    """The persons of a frame, best first."""
    frames = request.app.state.frames
    if frames is None:
        raise Problem(404, "no detector runs here: start the server with --detector FILE")
    pictures = await pictures_of(request, 1)
    found: dict[str, Any] = await chosen.run(lambda _: frames.persons(pictures[0]))
    return found


def _comparison(found: PairComparison, prior: float) -> dict[str, Any]:
    evidence = found.evidence
    content: dict[str, Any] = dict.fromkeys(
        (
            "likelihood_ratio",
            "likelihood_ratio_interval",
            "support",
            "probability",
            "same_person",
        )
    )
    if evidence is not None:
        spread = evidence.interval
        content = {
            "likelihood_ratio": evidence.likelihood_ratio,
            "likelihood_ratio_interval": spread and [math.exp(spread.low), math.exp(spread.high)],
            "support": support(evidence.llr),
            "probability": evidence.probability,
            "same_person": evidence.same_person,
        }
    return {
        "distance": found.distance,
        "metric": found.metric,
        **content,
        "prior": prior,
        "conclusions": [] if evidence is None else found.conclusions(),
        "warnings": found.warnings,
        "reasons": found.reasons,
    }
