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
from passerby.data.reading.parts import Division, require_cameras_of_all_or_none, without_junk
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
            joints=image.joints,
        )
        parts.setdefault(image.part, []).append(record)
    require_cameras_of_all_or_none([record for records in parts.values() for record in records])
    on_cameras = [spelling_note(cameras), camera_note(camera_numbers)]
    split = Split(
        source,
        person_names={} if are_numbers(person_numbers) else _named(person_numbers),
        camera_names={} if are_numbers(camera_numbers) else _named(camera_numbers),
        notes=(*notes, *filter(None, on_cameras if cameras else [_NO_CAMERAS])),
        ignored=tuple(ignored),
    )
    if parts.keys() <= {""}:
        # By a name as it was written: which persons train must not follow from its spelling here.
        written = {person_numbers[persons[name]]: name for name in sorted(persons, reverse=True)}
        return division.applied(split, parts.get("", []), written.__getitem__)
    return _of_parts(split, parts)


def _of_parts(split: Split, parts: Mapping[str, Sequence[Record]]) -> Split:
    """The split with the parts that the set has itself."""
    if undivided := parts.get(""):
        raise ValueError(
            f"{len(undivided)} images have no part (train, validation, query, gallery) and others "
            f"have; the first is {undivided[0].image}: expected a part for all or for none"
        )
    if ("query" in parts) != ("gallery" in parts):
        raise ValueError("there are images for only one of query and gallery: expected both")
    kept = {part: without_junk(part, records) for part, records in parts.items()}
    records_by_part = {part: records for part, (records, _) in kept.items()}
    junk_notes = [note for _, note in kept.values() if note]
    return replace(split, notes=(*split.notes, *junk_notes), **records_by_part)  # type: ignore[arg-type]


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


def stable_number(name: str, number_of: Callable[[str], int | None]) -> int:
    """A number that depends on a name alone, so that tables numbered apart can be compared.

    >>> stable_number("7", integer_of), stable_number("anna", integer_of)
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


def _named(numbers: Mapping[str, int]) -> dict[int, str]:
    return {number: name for name, number in numbers.items() if name}


def _own_numbers(names: set[str], number_of: Callable[[str], int | None]) -> dict[str, int]:
    """The numbers of the names; empty unless every name has one and no two have the same."""
    found = {name: number_of(name) for name in sorted(names)}
    numbers = {name: number for name, number in found.items() if number is not None}
    return numbers if len(set(numbers.values())) == len(found) else {}


def _by_order(names: set[str]) -> dict[str, int]:
    return {name: number for number, name in enumerate(sorted(names), 1)}
