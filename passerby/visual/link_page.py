"""The page of a linking: each person with a picture of every passage, in one HTML file.

A picture is the file of the sighting only while it is the one that was enrolled. The template
(``link.html``) escapes all names.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from PIL import Image

from passerby.data.evidence import picture_of
from passerby.data.images import UnreadableImage
from passerby.gallery.link.linking import Linking
from passerby.gallery.link.persons import LinkedPerson, Passage
from passerby.gallery.search.matches import Shown
from passerby.gallery.text_tables import seconds_text, span_text
from passerby.process.whole_files import write_whole
from passerby.version import __version__
from passerby.visual.drawing import data_uri
from passerby.visual.found.strips import cells
from passerby.visual.report_page import TEMPLATES

MOST_PERSONS = 200
"""Persons on one page; more would make it too large to open."""

_SIZE = (144, 288)  # pixels within which a picture is drawn


def shown_sightings(linking: Linking) -> tuple[str, ...]:
    """The ids of the sightings whose pictures the page shows."""
    persons = linking.persons[:MOST_PERSONS]
    return tuple(passage.sighting for person in persons for passage in person.passages)


def write_link_page(
    linking: Linking,
    path: str | os.PathLike[str],
    thumbnails: Mapping[str, bytes],
    strips: Mapping[str, tuple[Shown, ...]] | None = None,
) -> Path:
    """Write the page of a linking; thumbnails: of sightings by id, where some are kept; strips: the
    pictures of those that are whole passages."""
    target = Path(path)
    page = TEMPLATES.get_template("link.html").render(
        version=__version__,
        summary=linking.summary,
        persons=[
            _person(person, thumbnails, strips or {}) for person in linking.persons[:MOST_PERSONS]
        ],
        left=max(0, len(linking.persons) - MOST_PERSONS),
    )
    write_whole(target, page)
    return target


def _person(
    person: LinkedPerson,
    thumbnails: Mapping[str, bytes],
    strips: Mapping[str, tuple[Shown, ...]],
) -> dict[str, object]:
    return {
        "name": person.name,
        "known": person.known,
        "sure": person.sure,
        "stays": [
            _stay(stay, thumbnails.get(stay.sighting, b"")) | _strip(strips.get(stay.sighting, ()))
            for stay in person.passages
        ],
    }


def _strip(shown: tuple[Shown, ...]) -> dict[str, object]:
    seconds = [one.second for one in shown]
    return {
        "strip": cells(shown),
        "clip": seconds_text(min(seconds), max(seconds)) if seconds else "",
    }


def _stay(stay: Passage, thumbnail: bytes) -> dict[str, object]:
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
        "where": stay.camera or "no camera known",
        "when": span_text(stay.first, stay.last) or "no time known",
        "sightings": len(stay.sightings),
        "file": stay.image,
        "frame": None if stay.frame < 0 else stay.frame,
    }
