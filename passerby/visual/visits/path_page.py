"""The page of a path: lanes of cameras, and a picture of each passage."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path as File

from markupsafe import Markup
from PIL import Image

from passerby.data.evidence import picture_of
from passerby.data.images import UnreadableImage
from passerby.evaluation.decisions.wording import support
from passerby.gallery.paths.path import Path, Stay, duration
from passerby.gallery.text_tables import span_text
from passerby.process.whole_files import write_whole
from passerby.version import __version__
from passerby.visual.drawing import data_uri
from passerby.visual.report_page import TEMPLATES
from passerby.visual.svg.lane_charts import Block, lane_chart

_SIZE = (144, 288)  # pixels within which a picture is drawn


def write_path_page(
    path: Path, file: str | os.PathLike[str], thumbnails: Mapping[str, bytes]
) -> File:
    """Write the page; thumbnails: of sightings by id, where some are kept. The template
    (``path.html``) escapes all names."""
    target = File(file)
    blocks = [
        Block(_where(stay), stay.first, stay.last, _tip(stay), bool(stay.impossible))
        for stay in path.stays
        if stay.first is not None and stay.last is not None
    ]
    chart = lane_chart(blocks, title=path.name) if blocks else ""
    page = TEMPLATES.get_template("visits/path.html").render(
        version=__version__,
        name=path.name,
        impossible=path.impossible,
        chart=Markup(chart),
        stays=[_shown(stay, thumbnails.get(stay.sighting, b"")) for stay in path.stays],
        notes=path.notes,
    )
    write_whole(target, page)
    return target


def _shown(stay: Stay, thumbnail: bytes) -> dict[str, object]:
    picture, reason = "", ""
    try:
        image = Image.fromarray(picture_of(stay.image, stay.sighting, thumbnail))
        image.thumbnail(_SIZE)
        picture = data_uri(image)
    except UnreadableImage as error:
        reason = error.reason
    return {
        "picture": picture,
        "reason": reason,
        "where": _where(stay),
        "when": span_text(stay.first, stay.last) or "no time known",
        "after": "" if stay.seconds_before is None else duration(stay.seconds_before),
        "sure": "" if stay.llr is None else support(stay.llr),
        "impossible": stay.impossible,
    }


def _where(stay: Stay) -> str:
    return stay.camera or "no camera known"


def _tip(stay: Stay) -> str:
    said = f"{_where(stay)}, {span_text(stay.first, stay.last)}"
    return f"{said}, {stay.impossible}" if stay.impossible else said
