"""The path of a person: passages in order, over cameras, and what of it cannot be."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime

import numpy as np

from passerby.gallery.paths.gallery_transits import Transits
from passerby.gallery.search.matches import Matches
from passerby.gallery.text_tables import (
    LONGEST,
    aligned,
    csv_text,
    printable,
    printable_path,
    time_of,
    time_text,
)
from passerby.gallery.tracklets import tracklet_numbers
from passerby.process.spelling import count_of
from passerby.tables.sightings import Sightings, ends

TWO_PLACES = "in two places at once"
TOO_FAST = "faster than anybody"

_COLUMNS = (
    "passage", "camera", "source", "from", "to", "seconds_before", "likelihood_ratio", "impossible",
    "sightings", "image", "sighting",
)  # fmt: skip


@dataclass(frozen=True)
class Stay:
    """A passage of a path.

    camera, source, image: "" where not known; first, last: None where no time is known; sightings:
    how many; sighting, image: what is shown of it; llr: natural log-likelihood ratio to the image
    that was asked for, None for a person by name; seconds_before: since the end of the passage
    before, None for the first; impossible: why it and the one before it cannot both be, "" if they
    can.
    """

    camera: str
    source: str
    first: datetime | None
    last: datetime | None
    sightings: int
    sighting: str
    image: str
    llr: float | None = None
    seconds_before: float | None = None
    impossible: str = ""

    @property
    def place(self) -> str:
        """As "SOURCE/CAMERA"."""
        return f"{self.source}/{self.camera}"


@dataclass(frozen=True)
class Path:
    """Stays of a person in order of time, those without one last; name: whose path, in words."""

    name: str
    stays: tuple[Stay, ...]
    notes: tuple[str, ...] = ()

    @property
    def impossible(self) -> int:
        """How many passages cannot be, beside the one before."""
        return sum(bool(stay.impossible) for stay in self.stays)

    def to_json(self) -> str:
        """All of it."""
        content = asdict(self)
        for stay in content["stays"]:
            stay["first"], stay["last"] = time_text(stay["first"]), time_text(stay["last"])
        return json.dumps({**content, "impossible": self.impossible}, indent=1)

    def to_csv(self) -> str:
        """A row a passage."""
        rows = (
            {
                "passage": number,
                "camera": stay.camera,
                "source": stay.source,
                "from": time_text(stay.first),
                "to": time_text(stay.last),
                "seconds_before": "" if stay.seconds_before is None else stay.seconds_before,
                "likelihood_ratio": "" if stay.llr is None else f"{np.exp(stay.llr):.6g}",
                "impossible": stay.impossible,
                "sightings": stay.sightings,
                "image": stay.image,
                "sighting": stay.sighting,
            }
            for number, stay in enumerate(self.stays, 1)
        )
        return csv_text(_COLUMNS, rows)

    def __str__(self) -> str:
        cameras = len({stay.place for stay in self.stays})
        said = (
            f"{printable(self.name)}: {count_of(len(self.stays), 'passage')} by "
            f"{count_of(cameras, 'camera')}"
        )
        if self.impossible:
            said += f"; {self.impossible:,} cannot be"
        rows = [["from", "to", "after", "camera", "sightings", "file", ""]]
        rows += [
            [
                time_text(stay.first) or "–",
                time_text(stay.last) or "–",
                "–" if stay.seconds_before is None else duration(stay.seconds_before),
                printable(stay.camera, LONGEST) or "–",
                f"{stay.sightings:,}",
                printable_path(stay.image) or "–",
                stay.impossible and f"! {stay.impossible}",
            ]
            for stay in self.stays
        ]
        return "\n".join([said, *aligned(rows), *(f"note: {note}" for note in self.notes)])


def duration(seconds: float) -> str:
    """Seconds for people.

    >>> [duration(s) for s in (-3.2, 42, 4000, 200_000)]
    ['-0:03', '0:42', '1:06:40', '2 d 07:33:20']
    """
    whole = round(abs(seconds))
    days, rest = divmod(whole, 86_400)
    hours, rest = divmod(rest, 3_600)
    minutes, last = divmod(rest, 60)
    sign = "-" if seconds < 0 and whole else ""
    if days:
        return f"{sign}{days} d {hours:02}:{minutes:02}:{last:02}"
    return f"{sign}{hours}:{minutes:02}:{last:02}" if hours else f"{sign}{minutes}:{last:02}"


def path_of_sightings(name: str, sightings: Sightings) -> Path:
    """Of the sightings of one person, nothing of it judged. Raises ValueError for none."""
    if not len(sightings):
        raise ValueError("no sighting of this person satisfies the filter: there is no path")
    numbers = tracklet_numbers(sightings)
    stays = []
    for number in np.unique(numbers).tolist():
        rows = np.flatnonzero(numbers == number)
        times = np.sort(sightings.times[rows][~np.isnat(sightings.times[rows])])
        untils = np.sort(ends(sightings)[rows][~np.isnat(sightings.times[rows])])
        shown = int(rows[len(rows) // 2])
        stays.append(
            Stay(
                camera=str(sightings.cameras[shown]),
                source=str(sightings.sources[shown]),
                first=time_of(times[0]) if len(times) else None,
                last=time_of(untils[-1]) if len(times) else None,
                sightings=len(rows),
                sighting=str(sightings.ids[shown]),
                image=str(sightings.images[shown]),
            )
        )
    return _ordered(name, stays)


def path_of_matches(name: str, matches: Matches, least_llr: float) -> Path:
    """Of the passages of a search whose log-likelihood ratio is above ``least_llr``, nothing of it
    judged.

    Raises ValueError where the search has no ratios, or none is above.
    """
    if any(match.llr is None for match in matches):
        raise ValueError(
            "a path by an image needs to know what a distance is worth: "
            f"{'; '.join(matches.notes) or 'the gallery is not calibrated'}"
        )
    stays = [
        Stay(
            camera=match.camera,
            source=match.source,
            first=match.first or match.time,
            last=match.last or match.time,
            sightings=match.sightings,
            sighting=match.sighting,
            image=match.image,
            llr=match.llr,
        )
        for match in matches
        if match.llr is not None and match.llr > least_llr
    ]
    if not stays:
        raise ValueError(
            f"no passage is of this person with a likelihood ratio above {np.exp(least_llr):.3g}: "
            "there is no path (passerby gallery search shows the nearest)"
        )
    return _ordered(name, stays)


def judged(
    path: Path, transits: Transits | None, overlapping: Sequence[tuple[str, str]] = ()
) -> Path:
    """The same, with what lies between passages and what cannot be.

    transits: of others, to tell what is too fast, None where not known; overlapping: cameras that
    see one place.
    """
    stays: list[Stay] = []
    furthest: Stay | None = None  # of those before, the one that ends last
    for stay in path.stays:
        if furthest is None or stay.first is None:
            stays.append(stay)
        else:
            stays.append(_after(furthest, stay, transits, overlapping))
        if stay.first is not None and (furthest is None or _end(stay) >= _end(furthest)):
            furthest = stay
    notes = path.notes
    if transits is None or not transits.transits:
        notes += ("no transit times are known here: what is too fast is not told",)
    return replace(path, stays=tuple(stays), notes=notes)


def _ordered(name: str, stays: Iterable[Stay]) -> Path:
    far = datetime.max.replace(tzinfo=UTC)
    ordered = sorted(stays, key=lambda stay: (stay.first or far, stay.last or far, stay.place))
    untimed = sum(stay.first is None for stay in ordered)
    notes = (
        (f"{count_of(untimed, 'passage has', 'passages have')} no time: they stand last",)
        if untimed
        else ()
    )
    return Path(name, tuple(ordered), notes)


def _after(
    before: Stay, stay: Stay, transits: Transits | None, overlapping: Sequence[tuple[str, str]]
) -> Stay:
    """The same with what lies between it and the one before."""
    assert stay.first is not None
    seconds = (stay.first - _end(before)).total_seconds()
    reason = ""
    one_place = before.place == stay.place or any(
        {before.camera, stay.camera} == {*pair} for pair in overlapping
    )
    if not one_place:
        fastest = None if transits is None else transits.fastest(before.place, stay.place)
        if seconds < 0:
            reason = TWO_PLACES
        elif fastest is not None and seconds < fastest:
            reason = f"{TOO_FAST}: {duration(fastest)} at least"
    return replace(stay, seconds_before=seconds, impossible=reason)


def _end(stay: Stay) -> datetime:
    assert stay.last is not None
    return stay.last
