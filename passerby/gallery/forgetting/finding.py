"""All sightings of a person who is to be forgotten, by pictures and by name; nothing is removed.

What was found is shown and chosen among before anything goes: who was found too often is noticed by
looking, who was missed stays. So passages that are doubtful are listed too, not chosen.
"""

from __future__ import annotations

import math
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from passerby.data.images import contents
from passerby.gallery.forgetting.alerts_like import alerts_like
from passerby.gallery.forgetting.found import Basis, Found, FoundPassage, Why
from passerby.gallery.forgetting.set_aside import set_aside_like, worth_aside
from passerby.gallery.forgetting.very_pictures import of_very_pictures
from passerby.gallery.forgetting.worth import Worth, worths
from passerby.gallery.link.rules import Rules
from passerby.gallery.search.matches import Matches
from passerby.gallery.search.options import SearchOptions
from passerby.gallery.text_tables import time_of
from passerby.gallery.tracklets import tracklet_numbers
from passerby.tables.filters import EVERYTHING, Where
from passerby.tables.sightings import NOT_A_PERSON, UNKNOWN, Sightings, ends

if TYPE_CHECKING:
    from passerby.gallery.gallery import Gallery

_PASSAGES = 1000  # that a picture may find
_DOUBTFUL = 30  # passages that are listed without being chosen
_DOUBTFUL_RATE = 10.0  # times the most false-match rate, up to which a passage is doubtful
_LINKED_AT_MOST = 50_000  # sightings that are linked for it

Image = str | os.PathLike[str] | bytes
"""A file, or the bytes of one."""


@dataclass(frozen=True)
class Question:
    """Who is to be forgotten.

    images: of the person; person: and a name that they have in the gallery; where: among which
    sightings; least_ratio: from which likelihood ratio on a passage is chosen, None for where it is
    likelier than not, a person being seen in four passages; most_false_match_rate: up to which it
    is, where no calibration holds; link: look also at who is linked to those found.

    Raises:
        ValueError: Neither images nor a name, or numbers out of range.
    """

    images: tuple[Image, ...] = ()
    person: str = ""
    where: Where = EVERYTHING
    least_ratio: float | None = None
    most_false_match_rate: float = 1e-3
    link: bool = True

    def __post_init__(self) -> None:
        if not self.images and not self.person:
            raise ValueError("expected images of the person to forget, or their name")
        if self.least_ratio is not None and not self.least_ratio >= 1:
            raise ValueError(f"a least likelihood ratio must be 1 or more, got {self.least_ratio}")
        if not 0 < self.most_false_match_rate < 1:
            raise ValueError(
                f"a false-match rate must be between 0 and 1, got {self.most_false_match_rate}"
            )


def find(gallery: Gallery, question: Question) -> Found:
    """Find all that may be of the person.

    Raises:
        ValueError: A name that the gallery does not know, or as `Gallery.search`.
        UnreadableImage: An image cannot be read.
    """
    if question.person:
        gallery.count(Where(persons=(question.person,)))  # or the name is not known
    gallery.count(question.where)
    images = [one if isinstance(one, bytes) else contents(one) for one in question.images]
    options = SearchOptions(_PASSAGES, question.where, exact=True)
    searches = [gallery.search_with([image], options) for image in images]
    aside = set_aside_like(gallery, images, question.where)
    rows = _Rows(gallery, question.where)
    choice = _Choice(rows, question, searches)
    choice.take_pictures(of_very_pictures(gallery.store, images, [*searches, *aside]))
    choice.take_named()
    if question.link:
        choice.take_linked(gallery)
    choice.spare_other_names()
    choice.show_set_aside(
        worth_aside(gallery, aside, choice.shown(), rows.passage_of, question.where)
    )
    passages = choice.passages()
    chosen = [one for passage in passages if passage.chosen for one in passage.sightings]
    return Found(
        choice.basis,
        math.exp(choice.least_llr) if choice.basis == "likelihood ratio" else None,
        question.most_false_match_rate if choice.basis == "false-match rate" else None,
        len(rows.sightings),
        passages,
        alerts_like(gallery, images, chosen, question.person),
        choice.notes(),
    )


class _Rows:
    """All sightings that are meant, without vectors, and the passage of each."""

    def __init__(self, gallery: Gallery, where: Where) -> None:
        parts = [Sightings([], np.empty((0, 0), np.float32))]
        parts += [*gallery.store.read(where, with_vectors=False)]
        self.sightings = Sightings.joined(parts)
        self.numbers = tracklet_numbers(self.sightings)
        self.passage_of = dict(zip(self.sightings.ids.tolist(), self.numbers.tolist(), strict=True))

    def passages(self, mask: NDArray[np.bool_]) -> set[int]:
        """Of the chosen rows."""
        return {*np.unique(self.numbers[mask]).tolist()}


class _Choice:
    """Which passages were found, why, and which of them are chosen."""

    def __init__(self, rows: _Rows, question: Question, searches: Sequence[Matches]) -> None:
        self._rows, self._question, self._searches = rows, question, searches
        self._worth = worths(searches, rows.passage_of)
        self._why: dict[int, Why] = {}
        self._chosen: set[int] = set()
        self._notes: list[str] = []
        self.basis = self._basis_of()
        rules = Rules(cost=1.0, least_ratio=question.least_ratio)
        self.least_llr = rules.least_llr(len(rows.sightings))

    def take_pictures(self, very: Sequence[str]) -> None:
        """What is like the pictures, and the sightings that these are of for certain."""
        for one in very:
            if one in self._rows.passage_of:
                self._take(self._rows.passage_of[one], "the picture itself")
        for passage, worth in self._worth.items():
            if self._is_like(worth):
                self._take(passage, "like the picture")
        doubtful = [p for p, worth in self._worth.items() if self._is_doubtful(worth)]
        doubtful = [one for one in doubtful if one not in self._chosen]
        for passage in sorted(doubtful, key=self._order)[:_DOUBTFUL]:
            self._why.setdefault(passage, "like the picture")

    def take_named(self) -> None:
        """Those of the name given; and those that bear a name of chosen ones."""
        persons = self._rows.sightings.persons
        if self._question.person:
            for passage in self._rows.passages(persons == self._question.person):
                self._take(passage, "named")
        found = np.isin(self._rows.numbers, [*self._chosen])
        for name in np.unique(persons[found]).tolist():
            if name not in (UNKNOWN, NOT_A_PERSON, self._question.person):
                told = not name.startswith(Rules().prefix)
                self._take_group(self._rows.passages(persons == name), "named alike", told=told)

    def take_linked(self, gallery: Gallery) -> None:
        """Those whom a linking by appearance joins with chosen ones."""
        count = len(self._rows.sightings)
        if not self._chosen or count > _LINKED_AT_MOST:
            if count > _LINKED_AT_MOST:
                self._notes.append(
                    f"nobody was linked for this: {count:,} sightings are more than "
                    f"{_LINKED_AT_MOST:,} (what passerby gallery link --write named counts)"
                )
            return
        try:
            linking = gallery.link(self._question.where)
        except ValueError as error:
            self._notes.append(f"nobody could be linked: {error}")
            return
        numbers = np.array([self._rows.passage_of.get(i, -1) for i in linking.ids.tolist()])
        for group in np.unique(linking.groups[np.isin(numbers, [*self._chosen])]).tolist():
            passages = {*np.unique(numbers[linking.groups == group]).tolist()} - {-1}
            self._take_group(passages, "linked")

    def spare_other_names(self) -> None:
        """Whom people named otherwise than most of those chosen is doubtful, however alike."""
        name = self._question.person or self._common_name()
        if not name:
            return
        persons = self._rows.sightings.persons
        others = ~np.isin(persons, [UNKNOWN, NOT_A_PERSON, name])  # set aside is no other's name
        others &= ~np.char.startswith(persons, Rules().prefix)
        self._chosen -= self._rows.passages(others)

    def show_set_aside(self, worth: Mapping[int, Worth]) -> None:
        """What people set aside as no person is doubtful at most, as what they named otherwise is:
        they looked at it. Listed where it may be the person, or nothing says that it is not."""
        may_be = {one: each for one, each in worth.items() if self._may_be(each)}
        new = [one for one in may_be if one not in self._why]
        self._worth |= {one: may_be[one] for one in new}
        for passage in sorted(new, key=self._order)[:_DOUBTFUL]:
            self._why[passage] = "set aside as no person"

    def shown(self) -> list[str]:
        """Ids of a sighting of each chosen passage."""
        return [self._shown(passage)[0] for passage in sorted(self._chosen)]

    def _common_name(self) -> str:
        """That people gave to more than half of the chosen passages, "" for none."""
        mine = np.isin(self._rows.numbers, [*self._chosen])
        names: list[str] = []
        persons = self._rows.sightings.persons
        for passage in self._chosen:
            names += {*persons[mine & (self._rows.numbers == passage)].tolist()}
        nobody = UNKNOWN, NOT_A_PERSON
        counted = Counter(n for n in names if n not in nobody and not n.startswith(Rules().prefix))
        name, count = counted.most_common(1)[0] if counted else ("", 0)
        return name if 2 * count > len(self._chosen) else ""

    def passages(self) -> tuple[FoundPassage, ...]:
        """All that was found, the chosen first, the likeliest first."""
        ordered = sorted(self._why, key=lambda one: (one not in self._chosen, *self._order(one)))
        return tuple(self._passage(number, one) for number, one in enumerate(ordered, 1))

    def notes(self) -> tuple[str, ...]:
        """What to know."""
        notes = list(dict.fromkeys(note for search in self._searches for note in search.notes))
        if self.basis == "nothing":
            notes.append(
                "nothing says here what a distance is worth: the nearest are listed, and none of "
                "them is chosen for its likeness"
            )
        if any(len(search) == _PASSAGES for search in self._searches):
            notes.append(f"a picture finds {_PASSAGES:,} passages at most: look again afterwards")
        return (*notes, *self._notes)

    def _basis_of(self) -> Basis:
        known = self._worth.values()
        if any(worth.llr is not None for worth in known):
            return "likelihood ratio"
        if any(worth.false_match_rate is not None for worth in known):
            return "false-match rate"
        return "nothing" if self._searches else "name"

    def _is_like(self, worth: Worth) -> bool:
        if self.basis == "likelihood ratio":
            return worth.llr is not None and worth.llr > self.least_llr
        rate = worth.false_match_rate
        return rate is not None and rate <= self._question.most_false_match_rate

    def _is_doubtful(self, worth: Worth) -> bool:
        if self.basis == "likelihood ratio":
            return worth.llr is not None and worth.llr > 0
        return self.basis == "nothing" or self._is_rare(worth)

    def _may_be(self, worth: Worth) -> bool:
        if worth.llr is not None:
            return worth.llr > 0
        return worth.false_match_rate is None or self._is_rare(worth)

    def _is_rare(self, worth: Worth) -> bool:
        most = _DOUBTFUL_RATE * self._question.most_false_match_rate
        return worth.false_match_rate is not None and worth.false_match_rate <= most

    def _is_unlike(self, passage: int) -> bool:
        worth = self._worth.get(passage)
        return worth is not None and worth.llr is not None and worth.llr < 0

    def _take(self, passage: int, why: Why) -> None:
        self._why.setdefault(passage, why)
        self._chosen.add(passage)

    def _take_group(self, passages: set[int], why: Why, *, told: bool = False) -> None:
        """Passages of one person: chosen where most of them are already, for then the group is of
        the person, and else a wrong one may be among them. Where no people told so, but a linking,
        none is chosen that is likelier somebody else's by the pictures themselves."""
        of_ours = len(passages & self._chosen)
        for passage in passages - self._chosen:
            if 2 * of_ours >= len(passages) and (told or not self._is_unlike(passage)):
                self._why.pop(passage, None)
                self._take(passage, why)
            else:
                self._why.setdefault(passage, why)

    def _order(self, passage: int) -> tuple[float, float]:
        worth = self._worth.get(passage)
        if worth is None:
            return 1.0, float(passage)
        return 0.0, worth.distance if worth.llr is None else -worth.llr

    def _shown(self, passage: int) -> tuple[str, Sightings]:
        """The id of the sighting that is shown of a passage, and all of its sightings."""
        mine = self._rows.sightings[np.flatnonzero(self._rows.numbers == passage)]
        return str(mine.ids[len(mine) // 2]), mine

    def _passage(self, number: int, passage: int) -> FoundPassage:
        name, mine = self._shown(passage)
        timed = mine[~np.isnat(mine.times)]
        names = sorted({*mine.persons.tolist()} - {UNKNOWN})
        return FoundPassage(
            number,
            name,
            tuple(mine.ids.tolist()),
            ", ".join(names),
            str(mine.cameras[0]),
            str(mine.sources[0]),
            time_of(timed.times.min()) if len(timed) else None,
            time_of(ends(timed).max()) if len(timed) else None,
            str(mine.images[len(mine) // 2]),
            self._why[passage],
            self._worth.get(passage),
            passage in self._chosen,
        )
