"""Who a sighting is like, in a message: names and what the likeness is worth, or that nobody is.

No picture is in a message, and a vector only where that was asked for: both are biometric data, and
whoever may read the topic has them.
"""

from __future__ import annotations

import math
from typing import Any

from passerby.evaluation.decisions.wording import support
from passerby.gallery.case.folders import last_part, without_folders
from passerby.gallery.gallery import Gallery
from passerby.gallery.search.by_sighting import search_like
from passerby.gallery.search.matches import Match, Matches
from passerby.gallery.search.options import SearchOptions
from passerby.gallery.search.posterior import Candidate
from passerby.gallery.text_tables import time_of, time_text
from passerby.tables.sightings import Sightings, ends

FORMAT = 1

_LIKE = 3  # earlier passages in a message


def passage_said(sighting: Sightings, row: int = 0) -> dict[str, Any]:
    """A passage: camera, from, to, seconds of its video, its sighting."""
    looks = sighting.looks[row]
    last = time_of(ends(sighting)[row])
    return {
        "format": FORMAT,
        "sighting": str(sighting.ids[row]),
        "camera": str(sighting.cameras[row]) or None,
        "source": last_part(str(sighting.sources[row])) or None,
        "from": time_text(time_of(sighting.times[row])) or None,
        "to": time_text(last) or None,
        "seconds": None if looks is None else list(looks.span),
    }


def identity_said(found: Matches) -> dict[str, Any]:
    """Who it is, as far as the gallery can say: person, None for nobody known; probability and
    likelihood ratio where a calibration holds; said: the answer in words; like: earlier passages,
    the likest first."""
    answer = found.answer
    person = answer.person or None if answer is not None else None
    known = isinstance(answer, Candidate)
    return {
        "person": person,
        "probability": round(answer.probability, 4) if isinstance(answer, Candidate) else None,
        "likelihood_ratio": _ratio(answer.llr) if isinstance(answer, Candidate) else None,
        "support": support(answer.llr) if isinstance(answer, Candidate) else None,
        "calibrated": known or found.posterior is not None,
        "said": None if found.decision is None else str(found.decision),
        "like": [_like(match) for match in found],
        "notes": [without_folders(note) for note in found.notes],
    }


def identity_of(gallery: Gallery, sighting: Sightings) -> dict[str, Any]:
    """Who a sighting is like; of an empty gallery nobody, in the same shape."""
    if len(gallery):
        return identity_said(search_like(gallery, sighting, SearchOptions(_LIKE)))
    nobody = Matches("", 1, (), (), 0, 0, True, None, None, ("the gallery is empty",))
    return identity_said(nobody)


def vector_said(gallery: Gallery, sighting: Sightings, row: int = 0) -> dict[str, Any]:
    """The vector of length 1, and of which model: distances are cosine, among one model's alone."""
    about = gallery.about
    return {
        "model": about.model,
        "pooling": about.pooling,
        "vector": [round(value, 6) for value in sighting.vectors[row].tolist()],
    }


def _like(match: Match) -> dict[str, Any]:
    return {
        "sighting": match.sighting,
        "person": match.person or None,
        "camera": match.camera or None,
        "from": time_text(match.first or match.time) or None,
        "to": time_text(match.last or match.time) or None,
        "distance": round(match.distance, 4),
        "likelihood_ratio": None if match.llr is None else _ratio(match.llr),
        "false_match_rate": match.false_match_rate,
    }


def _ratio(llr: float) -> float:
    return float(f"{math.exp(llr):.4g}")
