"""Sightings and searches as JSON: what is not known is null, and no path of the server is told."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from typing import Any

from passerby.gallery.search.matches import Matches, Shown
from passerby.gallery.search.searching import shown_of
from passerby.gallery.text_tables import time_of, time_text
from passerby.serve.asking.chosen import Chosen
from passerby.tables.sightings import Sightings


def sighting_answers(found: Sightings | None, chosen: Chosen) -> list[dict[str, Any]]:
    """Each sighting as JSON holds it."""
    return [] if found is None else [_sighting(found, row, chosen) for row in range(len(found))]


def _sighting(found: Sightings, row: int, chosen: Chosen) -> dict[str, Any]:
    name, quality = str(found.ids[row]), float(found.qualities[row])
    looks, jpegs = found.looks[row], found.pictures[row]
    shown = () if looks is None else shown_of(looks, jpegs)
    pictured = bool(jpegs or found.thumbnails[row] or found.images[row])
    return {
        "sighting": name,
        "person": str(found.persons[row]) or None,
        "camera": str(found.cameras[row]) or None,
        "source": str(found.sources[row]) or None,
        "time": time_text(time_of(found.times[row])) or None,
        "until": time_text(time_of(found.untils[row])) or None,
        "frame": _number(int(found.frames[row])),
        "tracklet": _number(int(found.tracklets[row])),
        "quality": None if math.isnan(quality) else round(quality, 4),
        "picture": chosen.picture(name) if pictured else None,
        "pictures": pictures_of(name, shown, chosen),
    }


def pictures_of(sighting: str, shown: Sequence[Shown], chosen: Chosen) -> list[dict[str, Any]]:
    """The pictures of a passage, and where they are."""
    return [
        {
            "second": each.second,
            "frame": each.frame,
            "time": time_text(each.time) or None,
            "box": list(each.box),
            "url": chosen.picture(sighting, number) if each.jpeg else None,
        }
        for number, each in enumerate(shown)
    ]


def found_answer(found: Matches, chosen: Chosen) -> dict[str, Any]:
    """A search as JSON holds it."""
    plain: dict[str, Any] = json.loads(found.to_json())
    for match, each in zip(found.matches, plain["matches"], strict=True):
        pictured = bool(match.pictures or match.thumbnail or match.image)
        del each["image"], each["llr_interval"]
        each["person_probability"] = found.probability(match)
        each["picture"] = chosen.picture(match.sighting) if pictured else None
        each["pictures"] = pictures_of(match.sighting, match.pictures, chosen)
        for name in ("person", "camera", "source"):
            each[name] = each[name] or None
        for name in ("frame", "tracklet"):
            each[name] = _number(each[name])
    del plain["files"], plain["hashes"]
    plain["query"] = f"{found.images} images" if found.images > 1 else found.query
    return {"gallery": chosen.name, **plain}


def _number(value: int) -> int | None:
    return None if value < 0 else value
