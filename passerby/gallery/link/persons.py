"""Who was linked: each person with the passages they were seen in, as text, CSV and JSON."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from passerby.evaluation.bootstrap import Interval
from passerby.evaluation.decisions.wording import ratio_with_ends, support
from passerby.gallery.text_tables import (
    LONGEST,
    aligned,
    csv_text,
    printable,
    printable_path,
    ratio_cells,
    span_text,
    time_of,
    time_text,
)
from passerby.process.spelling import count_of
from passerby.tables.sightings import UNKNOWN, Sightings, ends

_SHOWN = 20  # persons in a table
_COLUMNS = (
    "person", "known", "weakest_likelihood_ratio", "weakest_likelihood_ratio_low",
    "weakest_likelihood_ratio_high", "weakest_support", "passage", "camera", "source", "from", "to",
    "sightings", "image", "frame", "sighting",
)  # fmt: skip


@dataclass(frozen=True)
class Passage:
    """A stay before one camera.

    first, last: of its sightings, None where no time is known; sightings: their ids; image, frame
    and sighting: of the one that is shown, of the best quality that is known or else the middle.
    """

    camera: str
    source: str
    first: datetime | None
    last: datetime | None
    sightings: tuple[str, ...]
    image: str
    frame: int
    sighting: str


@dataclass(frozen=True)
class LinkedPerson:
    """Passages that were taken for one person, in the order of time.

    name: theirs, or the one to be given; known: whether they had it before; weakest_llr: of the
    joins that brought them together the least mean log-likelihood ratio, None where there was none;
    weakest_interval: of it, None where it is not known.
    """

    name: str
    known: bool
    weakest_llr: float | None
    passages: tuple[Passage, ...]
    weakest_interval: Interval | None = None

    @property
    def sure(self) -> str:
        """The weakest ratio, with its interval and what it supports, "" where there is none."""
        if self.weakest_llr is None:
            return ""
        words = support(self.weakest_llr).partition(" for ")[0]
        return f"{ratio_with_ends(self.weakest_llr, self.weakest_interval)}, {words}"


def linked_persons(
    sightings: Sightings,
    names: NDArray[np.str_],
    tracklets: NDArray[np.int64],
    weakest: NDArray[np.float64],
    prefix: str,
) -> tuple[LinkedPerson, ...]:
    """The persons that N sightings were linked to, as they were first seen; names [N]: "" for none;
    tracklets [N]; weakest [3, N]: LLR and the ends of its interval, NaN where nothing was joined or
    it is not known; prefix: of names given here."""
    rows_of: dict[str, list[int]] = {}
    for row in np.argsort(sightings.times, kind="stable").tolist():  # NaT comes last
        if names[row] != UNKNOWN:
            rows_of.setdefault(str(names[row]), []).append(row)
    persons = []
    for name, rows in rows_of.items():
        stays: dict[int, list[int]] = {}
        for row in rows:
            stays.setdefault(int(tracklets[row]), []).append(row)
        llr, low, high = weakest[:, rows[0]].tolist()
        persons.append(
            LinkedPerson(
                name,
                not name.startswith(prefix),
                None if math.isnan(llr) else llr,
                tuple(_passage(sightings, np.array(own)) for own in stays.values()),
                None if math.isnan(low) else Interval(low, high),
            )
        )
    return tuple(persons)


def persons_text(persons: Sequence[LinkedPerson]) -> list[str]:
    """A table: who, how sure, where, when, file and frame; a line a passage."""
    heading = ["person", "weakest LR", "camera", "time", "sightings", "file", "frame"]
    rows = [heading]
    for person in persons[:_SHOWN]:
        sure = person.sure or "–"
        for number, passage in enumerate(person.passages):
            rows.append(
                [
                    *([printable(person.name, LONGEST), sure] if number == 0 else ["", ""]),
                    printable(passage.camera, LONGEST) or "–",
                    span_text(passage.first, passage.last) or "–",
                    f"{len(passage.sightings):,}",
                    printable_path(passage.image) or "–",
                    "–" if passage.frame < 0 else str(passage.frame),
                ]
            )
    left = len(persons) - _SHOWN
    more = (
        [f"  and {count_of(left, 'more person')}: --csv, --json or --out PAGE.html"]
        if left > 0
        else []
    )
    return [*aligned(rows), *more] if persons else []


def persons_csv(persons: Sequence[LinkedPerson]) -> str:
    """A row for each passage, with a heading."""
    rows = (
        {
            "person": person.name,
            "known": "yes" if person.known else "no",
            **ratio_cells(person.weakest_llr, person.weakest_interval, "weakest_"),
            "passage": number,
            "camera": passage.camera,
            "source": passage.source,
            "from": time_text(passage.first),
            "to": time_text(passage.last),
            "sightings": len(passage.sightings),
            "image": passage.image,
            "frame": "" if passage.frame < 0 else passage.frame,
            "sighting": passage.sighting,
        }
        for person in persons
        for number, passage in enumerate(person.passages, 1)
    )
    return csv_text(_COLUMNS, rows)


def persons_json(persons: Sequence[LinkedPerson]) -> list[dict[str, object]]:
    """What JSON can hold of each person."""
    return [
        {
            "name": person.name,
            "known": person.known,
            "weakest_likelihood_ratio": None
            if person.weakest_llr is None
            else math.exp(person.weakest_llr),
            "weakest_likelihood_ratio_interval": person.weakest_interval
            and [math.exp(person.weakest_interval.low), math.exp(person.weakest_interval.high)],
            "weakest_support": None if person.weakest_llr is None else support(person.weakest_llr),
            "passages": [
                {
                    "camera": passage.camera,
                    "source": passage.source,
                    "from": time_text(passage.first) or None,
                    "to": time_text(passage.last) or None,
                    "image": passage.image,
                    "frame": passage.frame,
                    "sighting": passage.sighting,
                    "sightings": passage.sightings,
                }
                for passage in person.passages
            ],
        }
        for person in persons
    ]


def _passage(sightings: Sightings, rows: NDArray[np.int64]) -> Passage:
    qualities = sightings.qualities[rows]
    best = len(rows) // 2 if np.isnan(qualities).all() else int(np.nanargmax(qualities))
    shown = rows[best]
    times = sightings.times[rows]
    last = ends(sightings)[rows][~np.isnat(times)]
    times = times[~np.isnat(times)]
    return Passage(
        camera=str(sightings.cameras[shown]),
        source=str(sightings.sources[shown]),
        first=time_of(times.min()) if len(times) else None,
        last=time_of(last.max()) if len(times) else None,
        sightings=tuple(sightings.ids[rows].tolist()),
        image=str(sightings.images[shown]),
        frame=int(sightings.frames[shown]),
        sighting=str(sightings.ids[shown]),
    )
