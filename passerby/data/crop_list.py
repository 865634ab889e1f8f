"""What is said of a list of crops as a whole: what tells it from others, and the numbers in it."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from passerby.data.reading.name_spellings import camera_number_of, integer_of
from passerby.data.reading.numbering import stable_number
from passerby.tables.records import JUNK, Crop


def digest_of(crops: Sequence[Crop]) -> str:
    """Tells lists of images apart, with all that is said of each."""
    digest = hashlib.sha256()
    for crop in crops:
        digest.update(repr(crop).encode("utf-8", "surrogateescape"))
    return digest.hexdigest()


def persons_of(crops: Sequence[Crop]) -> list[int]:
    """The data set's numbers; names get lasting ones, so that two files agree; nobody is junk."""
    named = {c.person: stable_number(c.person, integer_of) for c in crops if c.person}
    return [
        crop.number if crop.number is not None else named.get(crop.person, JUNK) for crop in crops
    ]


def cameras_of(crops: Sequence[Crop]) -> list[int] | None:
    """The data set's numbers, or lasting ones; None unless all are known, as evaluations need."""
    views = [crop.view for crop in crops if crop.view is not None]
    if len(views) == len(crops):
        return views
    if not all(crop.camera for crop in crops):
        return None
    named = {crop.camera: stable_number(crop.camera, camera_number_of) for crop in crops}
    return [named[crop.camera] for crop in crops]


def view_of(crop: Crop) -> int:
    """The number of its camera as systems that look at cameras get it; −1: not known."""
    return -1 if crop.view is None else crop.view
