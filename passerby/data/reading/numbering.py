"""Images whose persons and cameras have names, ``anna`` and ``cam 3``, and the numbers they get."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from passerby.data.reading.parts import Division, refuse_half_cameras
from passerby.tables.records import JUNK, Record, Split

_INTEGER = re.compile(r"(-?[0-9]{1,18})(?:\.0*)?")  # spreadsheets write 3 as 3.0
_CAMERA = re.compile(r"(?:camera|cam|c)?[ _-]?([0-9]{1,18})", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class NamedImage:
    """What is known of an image before its person and camera have numbers.

    part: train, validation, query or gallery; empty when the set is not divided.
    """

    image: str
    person: str
    camera: str | None
    part: str = ""
    time: datetime | None = None
    tracklet: int | None = None
    frame: int | None = None


def split_of(
    images: Sequence[NamedImage],
    source: str,
    division: Division,
    *,
    notes: Sequence[str] = (),
    ignored: Sequence[str] = (),
) -> Split:
    """Number persons and cameras and fill the parts, by ``division`` when undivided.

    Raises ValueError when only some images have a camera or a part, or when one of query and
    gallery has no image. Person -1 is junk: kept in the gallery, left out elsewhere.
    """
    persons = number_persons(image.person for image in images)
    cameras = number_cameras(image.camera for image in images if image.camera is not None)
    parts: dict[str, list[Record]] = {}
    for image in images:
        record = Record(
            image.image,
            persons[image.person],
            None if image.camera is None else cameras[image.camera],
            source,
            tracklet=image.tracklet,
            frame=image.frame,
            time=image.time,
        )
        parts.setdefault(image.part, []).append(record)
    refuse_half_cameras([record for records in parts.values() for record in records])
    note = camera_note(cameras) if cameras else "no cameras are known"
    names = {number: name for name, number in persons.items()}
    split = Split(
        source,
        person_names={} if are_numbers(persons) else names,
        notes=(*notes, note) if note else tuple(notes),
        ignored=tuple(ignored),
    )
    undivided = parts.pop("", [])
    if not parts:
        return division.applied(split, undivided, names.__getitem__)
    if undivided:
        raise ValueError(
            f"{len(undivided)} images have no part (train, validation, query, gallery) and others "
            f"have; the first is {undivided[0].image}: expected a part for all or for none"
        )
    if ("query" in parts) != ("gallery" in parts):
        raise ValueError("there are images for only one of query and gallery: expected both")
    kept = {
        part: tuple(r for r in records if r.person != JUNK or part == "gallery")
        for part, records in parts.items()
    }
    return replace(split, **kept)  # type: ignore[arg-type]


def number_persons(names: Iterable[str]) -> dict[str, int]:
    """A number for every person's name: its own if all are integers, else by sorted order from 1.

    Names that are different texts of one integer (``7`` and ``007``) are numbered by order too.
    """
    distinct = set(names)
    return _own_numbers(distinct, _INTEGER) or _by_order(distinct)


def number_cameras(names: Iterable[str]) -> dict[str, int]:
    """The same for cameras, where ``cam3``, ``camera_3`` and ``c3`` also carry a number."""
    distinct = set(names)
    for expression in (_INTEGER, _CAMERA):
        if numbers := _own_numbers(distinct, expression):
            return numbers
    return _by_order(distinct)


def are_numbers(numbers: dict[str, int]) -> bool:
    """Whether the names are the numbers that were given."""
    return bool(_own_numbers(set(numbers), _INTEGER))


def camera_note(numbers: dict[str, int]) -> str:
    """Which camera got which number, in words; empty when the names are numbers."""
    if are_numbers(numbers):
        return ""
    return "cameras: " + ", ".join(f"{name!r} is {n}" for name, n in numbers.items())


def _own_numbers(names: set[str], expression: re.Pattern[str]) -> dict[str, int]:
    """The numbers in the names; empty unless every name has one and no two have the same."""
    found = {name: expression.fullmatch(name) for name in sorted(names)}
    numbers = {name: int(match[1]) for name, match in found.items() if match}
    return numbers if len(set(numbers.values())) == len(found) else {}


def _by_order(names: set[str]) -> dict[str, int]:
    return {name: number for number, name in enumerate(sorted(names), 1)}
