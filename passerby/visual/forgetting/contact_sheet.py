"""The contact sheet of a person who is to be forgotten: every passage found, to be looked at first.

One HTML file; the template (``contact_sheet.html``) escapes all names.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image

from passerby.data.evidence import picture_of
from passerby.data.images import UnreadableImage
from passerby.evaluation.decisions.wording import ratio_with_ends, support
from passerby.gallery.forgetting.found import Found, FoundPassage
from passerby.gallery.text_tables import span_text
from passerby.process.whole_files import replacing
from passerby.version import __version__
from passerby.visual.drawing import data_uri
from passerby.visual.found.strips import cells
from passerby.visual.report_page import TEMPLATES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from passerby.gallery.search.matches import Shown

_SIZE = (144, 288)  # pixels within which a picture is drawn


def write_contact_sheet(
    found: Found,
    file: str | os.PathLike[str],
    thumbnails: Mapping[str, bytes],
    strips: Mapping[str, Sequence[Shown]],
) -> Path:
    """Write the page, for its owner's eyes alone; thumbnails, strips: that are kept of sightings,
    by id."""
    page = TEMPLATES.get_template("forgetting/contact_sheet.html").render(
        version=__version__,
        found=found,
        passages=[_passage(one, thumbnails, strips) for one in found.passages],
    )
    target = Path(file)
    with replacing(target, private=True) as opened:
        opened.write(page.encode())
    return target


def _passage(
    passage: FoundPassage,
    thumbnails: Mapping[str, bytes],
    strips: Mapping[str, Sequence[Shown]],
) -> dict[str, object]:
    worth = []
    if passage.worth is not None:
        llr, rate = passage.worth.llr, passage.worth.false_match_rate
        if llr is not None:
            spread = passage.worth.llr_interval
            worth.append(f"likelihood ratio {ratio_with_ends(llr, spread)}, {support(llr)}")
        if rate is not None:
            worth.append(f"false-match rate {rate:.2g}")
    strip = cells(strips.get(passage.shown, ()))
    picture, reason = "", ""
    try:
        if not strip:
            kept = thumbnails.get(passage.shown, b"")
            image = Image.fromarray(picture_of(passage.image, passage.shown, kept))
            image.thumbnail(_SIZE)
            picture = data_uri(image)
    except UnreadableImage as error:
        reason = error.reason
    return {
        "passage": passage,
        "worth": "; ".join(worth),
        "when": span_text(passage.first, passage.last) or "no time known",
        "strip": strip,
        "picture": picture,
        "reason": reason,
    }
