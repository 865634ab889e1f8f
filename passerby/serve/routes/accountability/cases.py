"""Evidence for others: a search or a person as one zip with a report."""

from __future__ import annotations

import io
from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from passerby.gallery.case.case import Asked, case_of_images, case_of_person
from passerby.gallery.case.writing import CaseWritten
from passerby.gallery.gallery import Gallery
from passerby.serve.asking.chosen import ChosenGallery, Started
from passerby.serve.asking.pictures import BODY, is_json, pictures_of, with_json
from passerby.serve.asking.told import tell
from passerby.serve.asking.who import READ, who_of
from passerby.serve.routes.accountability.forgetting import NOBODY, Nothing
from passerby.serve.routes.search import Options
from passerby.visual.case.case_page import write_case_file

router = APIRouter(prefix="/v1", tags=["evidence"])


@router.post(
    "/case",
    dependencies=[READ],
    response_class=Response,
    responses={200: {"content": {"application/zip": {}}}},
    openapi_extra=with_json(BODY, Nothing),
)
async def case(
    *,
    request: Request,
    chosen: ChosenGallery,
    settings: Started,
    options: Options,
    reason: Annotated[str, Query(min_length=1, max_length=2000, description="why it is asked")],
) -> Response:
    """The search by pictures, or the passages of person=NAME, with its worth and who asked."""
    pictures = [] if is_json(request) else await pictures_of(request, settings.limits.images)
    asked = Asked(who_of(request).name or NOBODY, reason, "POST /v1/case")
    where = options.where
    if not pictures and len(where.persons) != 1:
        raise ValueError("expected pictures of one person, or one person by name (person=NAME)")
    file = io.BytesIO()

    def work(gallery: Gallery) -> CaseWritten:
        if pictures:
            made = case_of_images(gallery, pictures, options, asked)
        else:
            others = replace(where, persons=())
            made = case_of_person(gallery, where.persons[0], asked, others)
        return write_case_file(made, file)

    written = await chosen.run(work)
    tell(request, {"manifest": written.sha256})
    headers = {
        "Content-Disposition": 'attachment; filename="case.zip"',
        "X-Manifest-SHA256": written.sha256,
    }
    return Response(file.getvalue(), headers=headers, media_type="application/zip")
