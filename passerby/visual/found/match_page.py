"""The page of searches: the query, and each passage that was found with its strip of pictures.

One HTML file; the template (``matches.html``) escapes all names. Files are shown only while they
are those that were enrolled.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from itertools import zip_longest
from pathlib import Path

from PIL import Image

from passerby.data.evidence import picture_of
from passerby.data.images import UnreadableImage
from passerby.evaluation.decisions.wording import likelihood_ratio, percent, ratio_with_ends
from passerby.gallery.search.matches import Match, Matches
from passerby.gallery.text_tables import span_text, time_text
from passerby.process.whole_files import write_whole
from passerby.version import __version__
from passerby.visual.drawing import data_uri
from passerby.visual.found.strips import cells
from passerby.visual.report_page import TEMPLATES

MOST_SEARCHES = 50
"""Searches on one page; more would make it too large to open."""

_SIZE = (144, 288)  # pixels within which a picture is drawn


def write_match_page(found: Sequence[Matches], path: str | os.PathLike[str]) -> Path:
    """Write the page of some searches. Raises ValueError where there is none."""
    if not found:
        raise ValueError("expected at least one search to show")
    page = TEMPLATES.get_template("matches.html").render(
        version=__version__,
        searches=[_search(one) for one in found[:MOST_SEARCHES]],
        left=max(0, len(found) - MOST_SEARCHES),
    )
    target = Path(path)
    write_whole(target, page)
    return target


def _search(found: Matches) -> dict[str, object]:
    asked = [pair for pair in zip_longest(found.files, found.hashes, fillvalue="") if pair[0]]
    return {
        "query": found.query,
        "pictures": [_picture(*pair) for pair in asked[:5]],
        "searched": found.searched,
        "answer": "" if found.decision is None else str(found.decision),
        "matches": [_match(found, match) for match in found],
        "notes": found.notes,
    }


def _match(found: Matches, match: Match) -> dict[str, object]:
    strip = cells(match.pictures)
    probability = found.probability(match)
    worth = [f"distance {match.distance:.4f}"]
    if match.llr is not None:
        worth.append(f"likelihood ratio {ratio_with_ends(match.llr, match.llr_interval)}")
    if match.transit_llr is not None:
        worth.append(f"of the time between {likelihood_ratio(match.transit_llr)}")
    if match.joint_llr is not None:
        worth.append(f"of both {likelihood_ratio(match.joint_llr)}")
    if match.false_match_rate is not None:
        worth.append(f"false-match rate {match.false_match_rate:.2g}")
    if probability is not None:
        worth.append(f"probability {percent(probability)}")
    return {
        "rank": match.rank,
        "person": match.person or "not named",
        "where": match.camera or "no camera known",
        "when": span_text(match.first, match.last) or time_text(match.time) or "no time known",
        "clip": f"{match.source} {match.clip}" if match.clip else "",
        "worth": ", ".join(worth),
        "strip": strip,
        "picture": None if strip else _picture(match.image, match.sighting, match.thumbnail),
        "file": match.image,
    }


def _picture(file: str, expected: str, thumbnail: bytes = b"") -> dict[str, str]:
    try:
        image = Image.fromarray(picture_of(file, expected, thumbnail))
    except UnreadableImage as error:
        return {"picture": "", "reason": error.reason}
    image.thumbnail(_SIZE)
    return {"picture": data_uri(image), "reason": ""}
