"""The page of a review: the pictures of each pair that is asked about, in one HTML file."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from PIL import Image

from passerby.data.evidence import picture_of
from passerby.data.images import UnreadableImage
from passerby.gallery.review.asking import Picture, Question
from passerby.gallery.review.queue import Asked
from passerby.gallery.text_tables import time_text
from passerby.process.whole_files import write_whole
from passerby.version import __version__
from passerby.visual.drawing import data_uri
from passerby.visual.report_page import TEMPLATES

_SIZE = (192, 384)  # pixels within which a picture is drawn


def write_review_page(
    questions: Sequence[Question | Asked],
    path: str | os.PathLike[str],
    thumbnails: Mapping[str, bytes],
) -> Path:
    """Write the pictures of some questions; thumbnails: of sightings by id, where some are kept."""
    target = Path(path)
    page = TEMPLATES.get_template("review.html").render(
        version=__version__,
        questions=[
            {
                "words": each.words if isinstance(each, Asked) else "one person?",
                "pictures": [_shown(one, thumbnails) for one in (each.first, each.second)],
            }
            for each in questions
        ],
    )
    write_whole(target, page)
    return target


def _shown(one: Picture, thumbnails: Mapping[str, bytes]) -> dict[str, str]:
    picture, reason = "", ""
    try:
        kept = thumbnails.get(one.sighting, b"")
        image = Image.fromarray(picture_of(one.image, one.sighting, kept))
        image.thumbnail(_SIZE)
        picture = data_uri(image)
    except UnreadableImage as error:
        reason = error.reason
    return {
        "picture": picture,
        "reason": reason,
        "sighting": one.sighting,
        "where": one.camera or "no camera known",
        "when": time_text(one.time) or "no time known",
    }
