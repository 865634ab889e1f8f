"""Decisions as events: who, when, what, and what was so before and after."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from passerby.process.spelling import count_of
from passerby.stores.about import Answer
from passerby.tables.sightings import UNKNOWN

Kind = Literal["name", "rename", "merge", "split", "not a person", "apart", "answer", "undo"]

_SHOWN = 3  # names that are said one by one


@dataclass(frozen=True)
class NameChange:
    """The person of a sighting, "" where not known; both alike where it was confirmed."""

    sighting: str
    before: str
    after: str


@dataclass(frozen=True)
class AnswerChange:
    """What is said of a pair, None for nothing; place: of the answer before among all, −1 where
    there was none."""

    before: Answer | None
    after: Answer | None
    place: int = -1

    @property
    def pair(self) -> tuple[str, str]:
        """The two sightings, the lesser first."""
        answer = self.before or self.after
        assert answer is not None
        return answer.first, answer.second


@dataclass(frozen=True)
class Changes:
    """What an event does. apart: two sides of which no sighting of one is of a person of the other,
    both empty for none; whose: the persons of the sides by name, as these had it; dropped:
    sightings that are no longer of the sides of earlier events, as (event, sighting): what was said
    later holds."""

    names: tuple[NameChange, ...] = ()
    answers: tuple[AnswerChange, ...] = ()
    apart: tuple[tuple[str, ...], tuple[str, ...]] = ((), ())
    whose: tuple[str, str] = ("", "")
    dropped: tuple[tuple[int, str], ...] = ()

    @property
    def sightings(self) -> set[str]:
        """All that it names or tells apart; those of answers are not among them."""
        return {each.sighting for each in self.names}.union(*self.apart)

    @property
    def moved(self) -> dict[tuple[str, str], int]:
        """Sightings by person before and after."""
        return Counter((each.before, each.after) for each in self.names)


@dataclass(frozen=True)
class Event:
    """A decision.

    number: in the order of decisions, from 1; by: who decided, as they said; at: when, in UTC;
    undoes: the event that this one takes back; undone_by: the one that took this one back; moved:
    sightings by person before and after; answered: how many pairs were answered, and answer the
    only one; overruled: earlier answers and separations that no longer hold for it; sides: how many
    sightings were told apart from how many, and whose: of whom; changes: all of it, where it was
    asked for.
    """

    number: int
    kind: Kind
    by: str
    at: datetime
    undoes: int | None = None
    undone_by: int | None = None
    moved: dict[tuple[str, str], int] = field(default_factory=dict)
    answered: int = 0
    answer: Answer | None = None
    overruled: int = 0
    sides: tuple[int, int] = (0, 0)
    whose: tuple[str, str] = ("", "")
    changes: Changes | None = None

    @property
    def in_force(self) -> bool:
        """Whether it is a decision that nobody took back."""
        return self.kind != "undo" and self.undone_by is None

    @property
    def persons_before(self) -> tuple[str, ...]:
        """Names that its sightings had, without "not known"."""
        return tuple(sorted({before for before, _ in self.moved} - {UNKNOWN}))

    @property
    def persons_after(self) -> tuple[str, ...]:
        """Names that its sightings have since."""
        return tuple(sorted({after for _, after in self.moved} - {UNKNOWN}))

    @property
    def said(self) -> str:
        """In a line of words."""
        more = f" ({self.overruled} earlier statements no longer hold)" if self.overruled else ""
        return self._words() + more

    def _words(self) -> str:
        count = sum(self.moved.values())
        before = listed(self.persons_before) or "nobody known"
        after = listed(self.persons_after) or "not known"
        if self.kind == "undo":
            return f"decision {self.undoes} is undone"
        if self.kind == "answer":
            return self._answer()
        if self.kind == "apart" and all(self.sides):
            counted = zip(self.whose, self.sides, strict=True)
            both = " and ".join(
                f"{name!r} ({count_of(count, 'sighting')})" for name, count in counted
            )
            return f"{both} are two persons"
        if not count:
            return "of sightings that were removed since"
        return {
            "name": f"{count_of(count, 'sighting is', 'sightings are')} {after}",
            "rename": f"{before} is {after} ({count_of(count, 'sighting')})",
            "merge": f"{before} are one person: {after} ({count_of(count, 'sighting')})",
            "split": f"{count_of(count, 'sighting is', 'sightings are')} not {before}: {after}",
            "not a person": f"{count_of(count, 'sighting is', 'sightings are')} no person",
        }[self.kind]

    def _answer(self) -> str:
        if self.answer is None:
            return (
                f"{count_of(self.answered, 'pair of sightings was', 'pairs of sightings were')} "
                "answered"
            )
        said = {True: "are of one person", False: "are of two persons", None: "cannot be told"}
        return f"{self.answer.first} and {self.answer.second} {said[self.answer.same]}"

    def to_json(self, whole: bool = False) -> dict[str, object]:
        """For JSON; whole: with every sighting, where the event was read with its changes."""
        content: dict[str, object] = {
            "number": self.number,
            "kind": self.kind,
            "by": self.by,
            "at": self.at.isoformat(),
            "undoes": self.undoes,
            "undone_by": self.undone_by,
            "said": self.said,
            "sightings": sum(self.moved.values()),
            "answers": self.answered,
            "persons_before": self.persons_before,
            "persons_after": self.persons_after,
        }
        if whole and self.changes is not None:
            content |= {
                "changes": [
                    {"sighting": each.sighting, "before": each.before, "after": each.after}
                    for each in self.changes.names
                ],
                "answered": [
                    {
                        "first": each.pair[0],
                        "second": each.pair[1],
                        "before": verdict(each.before),
                        "after": verdict(each.after),
                    }
                    for each in self.changes.answers
                ],
                "apart": self.changes.apart,
            }
        return content


def verdict(answer: Answer | None) -> str:
    """In a word: same, different, cannot say; "" for no answer."""
    if answer is None:
        return ""
    return {True: "same", False: "different", None: "cannot say"}[answer.same]


def listed(names: Sequence[str]) -> str:
    """Names in words, the rest counted."""
    shown = [repr(name) for name in names[:_SHOWN]]
    if len(names) > _SHOWN:
        shown.append(f"{len(names) - _SHOWN} more")
    return " and ".join(filter(None, [", ".join(shown[:-1]), *shown[-1:]]))
