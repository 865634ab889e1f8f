"""Images whose persons and cameras have names, ``anna`` and ``cam 3``, and the numbers they get."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace

from passerby.data.reading.name_spellings import (
    camera_number_of,
    camera_spellings,
    first_places,
    integer_of,
    is_nobody,
    person_spellings,
    spelling_note,
)
from passerby.data.reading.parts import Division, refuse_half_cameras
from passerby.tables.records import JUNK, Crop, Record, Split

_NO_CAMERAS = "no cameras are known"


def split_of(
    images: Sequence[Crop],
    source: str,
    division: Division,
    *,
    notes: Sequence[str] = (),
    ignored: Sequence[str] = (),
) -> Split:
    """Number persons and cameras and fill the parts, by ``division`` when undivided.

    Person -1 is junk, also among names: kept in the gallery, left out elsewhere.

    Raises:
        ValueError: Only some images have a camera or a part, one of query and gallery has no
            image, or two names may be one person or camera.
    """
    persons = person_spellings(first_places((image.person, image.image) for image in images))
    cameras = camera_spellings(
        first_places((image.camera, image.image) for image in images if image.camera)
    )
    person_numbers = number_persons(persons.values())
    camera_numbers = number_cameras(cameras.values())
    parts: dict[str, list[Record]] = {}
    for image in images:
        record = Record(
            image.image,
            person_numbers[persons[image.person]],
            camera_numbers[cameras[image.camera]] if image.camera else None,
            source,
            tracklet=image.tracklet,
            frame=image.frame,
            time=image.time,
        )
        parts.setdefault(image.part, []).append(record)
    refuse_half_cameras([record for records in parts.values() for record in records])
    told = (spelling_note(cameras), camera_note(camera_numbers)) if cameras else (_NO_CAMERAS,)
    names = {person_numbers[name]: name for name in persons.values() if name}
    split = Split(
        source,
        person_names={} if are_numbers(person_numbers) else names,
        camera_names={}
        if are_numbers(camera_numbers)
        else {number: name for name, number in camera_numbers.items()},
        notes=(*notes, *filter(None, told)),
        ignored=tuple(ignored),
    )
    undivided = parts.pop("", [])
    if not parts:
        # By a name as it was written: which persons train must not follow from its spelling here.
        written = {person_numbers[persons[name]]: name for name in sorted(persons, reverse=True)}
        return division.applied(split, undivided, written.__getitem__)
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

    Names are in their one spelling (`person_spellings`). Nobody is `JUNK`.
    """
    named = {name for name in names if not is_nobody(name)}
    nobody = {name: JUNK for name in {*names} - named}
    return (_own_numbers(named, integer_of) or _by_order(named)) | nobody


def number_cameras(names: Iterable[str]) -> dict[str, int]:
    """The same for cameras, where ``cam3``, ``camera_3`` and ``c3`` also carry a number."""
    distinct = set(names)
    return _own_numbers(distinct, camera_number_of) or _by_order(distinct)


def lasting_number(name: str, number_of: Callable[[str], int | None]) -> int:
    """A number that depends on a name alone, so that tables numbered apart can be compared.

    >>> lasting_number("7", integer_of), lasting_number("anna", integer_of)
    (7, 93834756585622)
    """
    number = number_of(name)
    if number is not None:
        return number
    return int.from_bytes(hashlib.sha256(name.encode(errors="surrogatepass")).digest()[:6], "big")


def are_numbers(numbers: Mapping[str, int]) -> bool:
    """Whether the names are the numbers that were given."""
    return all(integer_of(name) == number for name, number in numbers.items() if name)


def camera_note(numbers: Mapping[str, int]) -> str:
    """Which camera got which number, in words; empty when the names are numbers."""
    if are_numbers(numbers):
        return ""
    return "cameras: " + ", ".join(f"{name!r} is {n}" for name, n in sorted(numbers.items()))


def _own_numbers(names: set[str], number_of: Callable[[str], int | None]) -> dict[str, int]:
    """The numbers of the names; empty unless every name has one and no two have the same."""
    found = {name: number_of(name) for name in sorted(names)}
    numbers = {name: number for name, number in found.items() if number is not None}
    return numbers if len(set(numbers.values())) == len(found) else {}


def _by_order(names: set[str]) -> dict[str, int]:
    return {name: number for number, name in enumerate(sorted(names), 1)}
