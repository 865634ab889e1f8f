"""Names of persons and cameras: which spellings are one name, and which are nobody.

One person or camera in two spellings would silently become two, and the rule on cameras void.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping

from passerby.tables.records import JUNK
from passerby.tables.text import normal_name

_INTEGER = re.compile(r"([-−]?\d{1,18})(?:\.0*)?")  # pandas and spreadsheets write 3 as 3.0
_CAMERA = re.compile(r"(?:camera|cam|c)?[ _-]?(\d{1,18})", re.IGNORECASE)
_SEPARATORS = re.compile(r"(?<!\d)[\s_.-]+|[\s_.-]+(?!\d)")  # 1-11 is not 11-1
_LEADING_ZEROS = re.compile(r"(?<!\d)0+(?=\d)")


def spelled(name: str) -> str:
    """A name in its one spelling: integers in plain digits, all else in Unicode's normal form C.

    >>> [spelled(name) for name in ("007", "7.0", " ７ ", "Anna ", "-1.0")]
    ['7', '7', '7', 'Anna', '-1']
    """
    number = integer_of(name)
    return normal_name(name.strip()) if number is None else str(number)


def integer_of(name: str) -> int | None:
    """The integer that a name is, however it is written; None when it is none of 18 digits."""
    match = _INTEGER.fullmatch(name.strip())
    return int(match[1].replace("−", "-")) if match else None


def camera_number_of(name: str) -> int | None:
    """The number that a camera's name carries, as ``3``, ``cam3`` and ``camera_03`` do."""
    match = _CAMERA.fullmatch(spelled(name))
    return int(match[1]) if match else integer_of(name)


def is_nobody(name: str) -> bool:
    """Whether a person's name stands for nobody: empty, or -1 in any spelling (junk).

    >>> [is_nobody(name) for name in ("", "-1", "-1.0", "0", "anna")]
    [True, True, True, False, False]
    """
    return spelled(name) in ("", str(JUNK))


def first_places(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Each name with the place (an image) where it stands first, of pairs of both."""
    places: dict[str, str] = {}
    for name, place in pairs:
        places.setdefault(name, place)
    return places


def person_spellings(places: Mapping[str, str]) -> dict[str, str]:
    """The one spelling of each name of a person; "" for nobody. places: where each name stands.

    Raises:
        ValueError: Two names differ in case, spaces or the like alone. Whether they are one person
            only the user knows.
    """
    found = {name: "" if is_nobody(name) else spelled(name) for name in places}
    first: dict[str, str] = {}
    for name, spelling in found.items():
        other = first.setdefault(_likeness(spelling), name)
        if found[other] != spelling:
            raise ValueError(_ambiguous("person", other, name, places))
    return found


def camera_spellings(places: Mapping[str, str]) -> dict[str, str]:
    """The same of cameras, where names that differ in case, spaces or the like alone are one.

    Raises:
        ValueError: Two names carry one number in different words, as ``c1`` and ``cam1`` do.
    """
    found: dict[str, str] = {}
    first: dict[str, str] = {}
    numbers: dict[int, str] = {}
    for name in places:
        likeness = _likeness(spelled(name))
        found[name] = spelled(first.setdefault(likeness, name))
        number = camera_number_of(name)
        other = name if number is None else numbers.setdefault(number, name)
        if found[other] != found[name]:
            raise ValueError(_ambiguous("camera", other, name, places))
    return found


def spelling_note(spellings: Mapping[str, str]) -> str:
    """In words, which cameras stand in spellings that only look like one; often empty."""
    merged: dict[str, list[str]] = {}
    for name, spelling in spellings.items():
        if spelled(name) != spelling:
            merged.setdefault(spelling, []).append(repr(name))
    alike = [f"{spelling!r} and {' and '.join(names)}" for spelling, names in merged.items()]
    return f"spellings of one camera: {', '.join(alike)}" if alike else ""


def _likeness(spelling: str) -> str:
    """Equal for names that look alike: in case, separators, zeros and compatible characters."""
    if integer_of(spelling) is not None:
        return spelling
    text = unicodedata.normalize("NFKC", spelling).casefold()
    return _LEADING_ZEROS.sub("", _SEPARATORS.sub("", text)) or spelling


def _ambiguous(what: str, one: str, other: str, places: Mapping[str, str]) -> str:
    return (
        f"are {one!r} (first at {places[one]}) and {other!r} (first at {places[other]}) one "
        f"{what} or two? Write one {what} in one way, and two in ways that differ in more than "
        "case, spaces, leading zeros or such"
    )
