"""The review queue: the questions that help most, of all kinds, and what their answers do."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import chain, zip_longest
from typing import Literal

import numpy as np

from passerby.gallery.ledger.events import Event
from passerby.gallery.ledger.ledger import Ledger
from passerby.gallery.link.rules import PREFIX, Rules
from passerby.gallery.review.asking import Picture, questions
from passerby.gallery.review.suggesting import (
    Faces,
    Suggestion,
    suggested_merges,
    suggested_splits,
)
from passerby.gallery.reviewed_pairs import answer
from passerby.gallery.text_tables import time_text
from passerby.gallery.tracklets import tracklet_numbers
from passerby.stores import Store
from passerby.tables.filters import Where
from passerby.tables.sightings import Sightings

Kind = Literal["pair", "merge", "split"]

KINDS: tuple[Kind, ...] = ("merge", "split", "pair")


@dataclass(frozen=True)
class Asked:
    """Are these of one person?

    kind: "pair": what distances are worth is learnt from the answer; "merge": the two persons may
    be one; "split": the first sighting may not be of the person; persons: by name, "" of a pair;
    distance: cosine; probability: of a pair, that they are, as known so far; likelihood_ratio: the
    mean of what the two persons, or the sighting and the others of its person, are worth.
    """

    kind: Kind
    first: Picture
    second: Picture
    persons: tuple[str, str]
    distance: float
    probability: float | None = None
    likelihood_ratio: float | None = None

    @property
    def words(self) -> str:
        """In words."""
        one, other = self.persons
        return {
            "pair": "one person?",
            "merge": f"{one!r} and {other!r}: one person?",
            "split": f"is the first of {one!r}, as the second is?",
        }[self.kind]

    def to_json(self) -> dict[str, object]:
        """For JSON; times as ISO 8601 in UTC, or null."""
        pictures = {
            name: {**asdict(picture), "time": time_text(picture.time) or None}
            for name, picture in (("first", self.first), ("second", self.second))
        }
        return {**asdict(self), **pictures}


def queue(
    store: Store,
    count: int = 10,
    *,
    kinds: Sequence[Kind] = KINDS,
    rules: Rules | None = None,
    one_camera: bool = False,
) -> tuple[Asked, ...]:
    """The next questions about a gallery as it is seen (`Gallery.view`).

    Kinds take turns in the order given, as long as each has questions. one_camera: pairs by one
    camera in place of those by two.

    Raises:
        ValueError: There is nothing to ask.
    """
    if not 1 <= count <= 1000:
        raise ValueError(f"expected 1 to 1,000 questions, got {count}")
    store.refresh_about()
    found: dict[Kind, list[Asked]] = {kind: [] for kind in kinds}
    reasons: list[str] = []
    try:
        _suggest(store, found, rules or Rules(), count)
    except ValueError as error:
        reasons.append(str(error))
    if "pair" in found:
        try:
            asked = questions(store, count, one_camera=one_camera)
            found["pair"] = [
                Asked("pair", each.first, each.second, ("", ""), each.distance, each.probability)
                for each in asked
            ]
        except ValueError as error:
            reasons.append(str(error))
    turns = chain.from_iterable(zip_longest(*found.values()))
    chosen = tuple(each for each in turns if each is not None)[:count]
    if not chosen:
        raise ValueError("; ".join(reasons) or "nothing is left to ask: no two persons are alike")
    return chosen


@dataclass(frozen=True)
class Said:
    """The answer to a question: its kind, the ids of its sightings, its persons; same: of one
    person, or not, None where it cannot be said."""

    kind: Kind
    first: str
    second: str
    persons: tuple[str, str]
    same: bool | None

    def __post_init__(self) -> None:
        if self.kind not in KINDS or len(self.persons) != 2:
            raise ValueError(
                f"expected a question of a kind {', '.join(KINDS)} about two persons, got "
                f"{self.kind!r:.40} about {self.persons!r:.80}"
            )


def reply(ledger: Ledger, said: Said, *, by: str = "") -> Event:
    """Do what follows from an answer.

    Of a pair it is kept. Of persons who are one these are merged, into the one that people named,
    else into the first; of others they are told apart. A sighting that is not of its person is
    split from it, with all of its stay. What cannot be said is not asked again.

    Raises:
        ValueError: It is otherwise by now, or was answered before.
    """
    if said.kind == "merge" and said.same is not None:
        one, other = said.persons
        if not said.same:
            return ledger.tell_apart(one, other, by=by)
        if one.startswith(PREFIX) and not other.startswith(PREFIX):
            one, other = other, one
        return ledger.merge((one, other), by=by)
    if said.kind == "split" and said.same is False:
        return ledger.split(_stay_of(ledger.store, said.first, said.persons[0]), by=by)
    return ledger.answer([answer(said.first, said.second, said.same)], by=by)


def queue_json(asked: Sequence[Asked]) -> str:
    """All of them, as one JSON object."""
    content = {"questions": [each.to_json() for each in asked]}
    return json.dumps(content, indent=1, ensure_ascii=False)


def _suggest(store: Store, found: dict[Kind, list[Asked]], rules: Rules, count: int) -> None:
    if not {"merge", "split"} & {*found}:
        return
    faces = Faces.of(store, rules)
    if "merge" in found:
        merges = suggested_merges(store, faces, rules, count)
        found["merge"] = [_asked("merge", each) for each in merges]
    if "split" in found:
        found["split"] = [_asked("split", each) for each in suggested_splits(store, faces, count)]


def _asked(kind: Kind, each: Suggestion) -> Asked:
    ratio = math.exp(min(each.llr, 700.0))
    return Asked(kind, each.first, each.second, each.persons, each.distance, likelihood_ratio=ratio)


def _stay_of(store: Store, sighting: str, person: str) -> list[str]:
    """The sightings of a person that are of one stay with this one; this one alone where that is
    all of them."""
    parts = [*store.read(Where(persons=(person,)), with_vectors=False)]
    own = Sightings.joined(parts) if parts else None
    if own is None or sighting not in own.ids:
        raise ValueError(f"{sighting!r} is not a sighting of {person!r} by now: ask again")
    stays = tracklet_numbers(own)
    same = stays == stays[np.flatnonzero(own.ids == sighting)[0]]
    return [sighting] if same.all() else own.ids[same].tolist()
