"""Exhibits: the pictures of a case as they were enrolled, each with what is known of it.

An enrolled file is taken byte for byte while its hash is that of the sighting, else the pictures
that the gallery keeps; the reason stands beside it. Names of files are ours: nothing that comes
from outside becomes a path.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from passerby.data.evidence import checked_contents
from passerby.data.images import UnreadableImage, contents
from passerby.evaluation.bootstrap import Interval
from passerby.gallery.case.folders import last_part
from passerby.gallery.paths.path import Stay
from passerby.gallery.search.matches import Match, Shown

Kind = Literal["asked with", "enrolled file", "kept thumbnail", "kept picture"]

_BEGINNINGS = (
    (b"\xff\xd8\xff", "jpg"), (b"\x89PNG", "png"), (b"GIF8", "gif"), (b"BM", "bmp"),
    (b"II*\0", "tif"), (b"MM\0*", "tif"),
)  # fmt: skip


@dataclass(frozen=True)
class Picture:
    """A picture of a case. name: of its file there; content: the file; kind: what it is; second: of
    the video, None where it is of none."""

    name: str
    content: bytes = field(repr=False)
    kind: Kind
    second: float | None = None


@dataclass(frozen=True)
class Exhibit:
    """A passage of a case: as in `Match` or `Stay`, and pictures; missing: why there are none.

    probability: of its person at the prior of the search, None where nothing says it; impossible:
    why it cannot be beside the passage before.
    """

    number: int
    sighting: str
    pictures: tuple[Picture, ...]
    missing: str = ""
    person: str = ""
    camera: str = ""
    source: str = ""
    file: str = ""
    first: datetime | None = None
    last: datetime | None = None
    clip: str = ""
    sightings: int = 1
    distance: float | None = None
    llr: float | None = None
    llr_interval: Interval | None = None
    false_match_rate: float | None = None
    probability: float | None = None
    impossible: str = ""


def asked_with(images: Sequence[str | os.PathLike[str] | bytes]) -> tuple[Picture, ...]:
    """The pictures of a question. Raises UnreadableImage for a file that cannot be read."""
    found = [one if isinstance(one, bytes) else contents(one) for one in images]
    return tuple(
        Picture(f"pictures/query-{number:02d}.{ending_of(content)}", content, "asked with")
        for number, content in enumerate(found, 1)
    )


def exhibit_of_match(match: Match, number: int, probability: float | None) -> Exhibit:
    """A passage that a search found."""
    pictures, missing = _pictures(
        f"match-{number:03d}", (match.sighting, match.image), match.thumbnail, match.pictures
    )
    return Exhibit(
        number,
        match.sighting,
        pictures,
        missing,
        person=match.person,
        camera=match.camera,
        source=last_part(match.source),
        file=last_part(match.image),
        first=match.first or match.time,
        last=match.last or match.time,
        clip=match.clip,
        sightings=match.sightings,
        distance=match.distance,
        llr=match.llr,
        llr_interval=match.llr_interval,
        false_match_rate=match.false_match_rate,
        probability=probability,
    )


def exhibit_of_stay(
    stay: Stay,
    number: int,
    person: str,
    kept: tuple[Mapping[str, bytes], Mapping[str, Sequence[Shown]]],
) -> Exhibit:
    """A passage of a person's path; kept: thumbnails and strips of sightings by id."""
    thumbnails, strips = kept
    pictures, missing = _pictures(
        f"passage-{number:03d}",
        (stay.sighting, stay.image),
        thumbnails.get(stay.sighting, b""),
        strips.get(stay.sighting, ()),
    )
    return Exhibit(
        number,
        stay.sighting,
        pictures,
        missing,
        person=person,
        camera=stay.camera,
        source=last_part(stay.source),
        file=last_part(stay.image),
        first=stay.first,
        last=stay.last,
        sightings=stay.sightings,
        llr=stay.llr,
        impossible=stay.impossible,
    )


def ending_of(content: bytes) -> str:
    """Of a file of that content, "bin" where it is not known."""
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return "webp"
    return next((end for begin, end in _BEGINNINGS if content.startswith(begin)), "bin")


def _pictures(
    name: str, of: tuple[str, str], thumbnail: bytes, strip: Sequence[Shown]
) -> tuple[tuple[Picture, ...], str]:
    """Those of a passage, the best there are, or why there are none; of: sighting, and its file."""
    sighting, file = of
    kept = [one for one in strip if one.jpeg]
    if kept:
        shown = [
            Picture(f"pictures/{name}-{n}.jpg", one.jpeg, "kept picture", one.second)
            for n, one in enumerate(kept, 1)
        ]
        return tuple(shown), ""
    reason = "no picture is kept of it"
    if file:
        try:
            content = checked_contents(file, sighting)
            return (Picture(f"pictures/{name}.{ending_of(content)}", content, "enrolled file"),), ""
        except UnreadableImage as error:
            reason = error.reason
    if thumbnail:
        return (Picture(f"pictures/{name}.jpg", thumbnail, "kept thumbnail"),), ""
    return (), reason
