"""What was found of a person who is to be forgotten: passages to choose among, as text and JSON."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from passerby.evaluation.decisions.wording import ratio_with_ends, support
from passerby.gallery.forgetting.worth import Worth
from passerby.gallery.text_tables import LONGEST, aligned, printable, span_text, time_text
from passerby.process.spelling import count_of

FORMAT = 1

Why = Literal[
    "the picture itself", "like the picture", "named", "named alike", "linked",
    "set aside as no person",
]  # fmt: skip
Basis = Literal["likelihood ratio", "false-match rate", "name", "nothing"]


@dataclass(frozen=True)
class FoundPassage:
    """A passage that may be of the person.

    number: from 1, in this list; shown: id of the sighting that is shown; sightings: ids of all;
    person: names that they bear, "" for none; first, last: None where no time is known; image: file
    of the one shown, "" where there is none; why: it was found; worth: of its likeness to the
    pictures, None where it is none; chosen: whether it is taken for the person's.
    """

    number: int
    shown: str
    sightings: tuple[str, ...]
    person: str
    camera: str
    source: str
    first: datetime | None
    last: datetime | None
    image: str
    why: Why
    worth: Worth | None
    chosen: bool


@dataclass(frozen=True)
class FoundAlert:
    """An alert that watches for the person, it seems. name: its own; why: in words; chosen: whether
    it is to be removed as well."""

    name: str
    why: str
    chosen: bool


@dataclass(frozen=True)
class Found:
    """What was found.

    basis: of the choice; least_ratio: likelihood ratio above which passages are chosen, or
    most_false_match_rate up to which they are, None where it is the other or neither; searched:
    sightings; alerts: that watch for the person; notes: what to know.
    """

    basis: Basis
    least_ratio: float | None
    most_false_match_rate: float | None
    searched: int
    passages: tuple[FoundPassage, ...]
    alerts: tuple[FoundAlert, ...]
    notes: tuple[str, ...]

    @property
    def ids(self) -> tuple[str, ...]:
        """Of the sightings of chosen passages."""
        return tuple(one for each in self.passages if each.chosen for one in each.sightings)

    def to_json(self) -> str:
        """All of it, as JSON text."""
        content = {
            "format": FORMAT,
            "basis": self.basis,
            "least_likelihood_ratio": self.least_ratio,
            "most_false_match_rate": self.most_false_match_rate,
            "searched": self.searched,
            "sightings": len(self.ids),
            "passages": [_plain(passage) for passage in self.passages],
            "alerts": [vars(alert) for alert in self.alerts],
            "notes": self.notes,
        }
        return json.dumps(content, indent=1, allow_nan=False)

    def __str__(self) -> str:
        chosen = sum(passage.chosen for passage in self.passages)
        lines = [
            f"taken for the person's ({self._said()}): {count_of(len(self.ids), 'sighting')} in "
            f"{count_of(chosen, 'passage')}, of {count_of(self.searched, 'sighting')}; doubtful: "
            f"{len(self.passages) - chosen:,} more"
        ]
        rows = [["", "from, to", "camera", "LR", "FMR", "distance"]]
        rows[0] += ["why", "name", "sightings", "sighting"]
        rows += [_row(passage) for passage in self.passages]
        lines += aligned(rows) if self.passages else []
        lines += [f"alert {printable(alert.name)}: {alert.why}" for alert in self.alerts]
        return "\n".join([*lines, *(f"note: {printable(note)}" for note in self.notes)])

    def _said(self) -> str:
        if self.basis == "likelihood ratio":
            return f"a likelihood ratio above {self.least_ratio:.3g}"
        if self.basis == "false-match rate":
            return f"a false-match rate of {self.most_false_match_rate:g} at most"
        return "by name" if self.basis == "name" else "by hand"


def reviewed(found: Found, *, also: Sequence[str] = (), without: Sequence[str] = ()) -> Found:
    """The same with passages chosen and taken out, each by an id of its sightings or the beginning
    of one.

    Raises:
        ValueError: No passage, or several, have it.
    """
    chosen = {passage.number: passage.chosen for passage in found.passages}
    for ids, value in ((also, True), (without, False)):
        for one in ids:
            chosen[_passage_with(found, one)] = value
    passages = tuple(replace(one, chosen=chosen[one.number]) for one in found.passages)
    return replace(found, passages=passages)


def _passage_with(found: Found, sighting: str) -> int:
    numbers = {
        passage.number
        for passage in found.passages
        for one in passage.sightings
        if len(sighting) >= 4 and one.startswith(sighting)
    }
    if len(numbers) != 1:
        raise ValueError(
            f"expected the id of a sighting that was found, or its beginning, got {sighting!r}, "
            f"which {len(numbers) or 'no'} passages have"
        )
    return numbers.pop()


def _row(passage: FoundPassage) -> list[str]:
    worth = passage.worth
    llr = None if worth is None else worth.llr
    rate = None if worth is None else worth.false_match_rate
    spread = None if worth is None else worth.llr_interval
    return [
        "x" if passage.chosen else "?",
        span_text(passage.first, passage.last) or "–",
        printable(passage.camera, LONGEST) or "–",
        "–" if llr is None else ratio_with_ends(llr, spread),
        "–" if rate is None else f"{rate:.2g}",
        "–" if worth is None else f"{worth.distance:z.4f}",
        passage.why,
        printable(passage.person, LONGEST) or "–",
        f"{len(passage.sightings):,}",
        passage.shown[:12],
    ]


def _plain(passage: FoundPassage) -> dict[str, object]:
    worth = passage.worth or Worth(math.nan)
    spread = worth.llr_interval
    return {
        "number": passage.number,
        "shown": passage.shown,
        "sightings": passage.sightings,
        "person": passage.person,
        "camera": passage.camera,
        "source": passage.source,
        "first": time_text(passage.first) or None,
        "last": time_text(passage.last) or None,
        "why": passage.why,
        "likelihood_ratio": None if worth.llr is None else math.exp(worth.llr),
        "likelihood_ratio_interval": spread and [math.exp(spread.low), math.exp(spread.high)],
        "support": None if worth.llr is None else support(worth.llr),
        "false_match_rate": worth.false_match_rate,
        "distance": None if math.isnan(worth.distance) else worth.distance,
        "chosen": passage.chosen,
    }
