"""What each kind of decision changes, worked out from what is so before it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from passerby.gallery.known_names import nearest
from passerby.gallery.ledger.applying import persons_of
from passerby.gallery.ledger.events import AnswerChange, Changes, NameChange, listed
from passerby.gallery.ledger.file import LedgerFile
from passerby.process.spelling import count_of
from passerby.stores import Store
from passerby.stores.about import Answer
from passerby.tables.filters import Where
from passerby.tables.sightings import NOT_A_PERSON, UNKNOWN
from passerby.tables.text import normal_name, normal_names


@dataclass(frozen=True)
class Before:
    """A gallery and its ledger as they are before a decision."""

    store: Store
    file: LedgerFile
    answers: tuple[Answer, ...] = field(default=())

    def persons(self, ids: Sequence[str]) -> dict[str, str]:
        """Persons by sighting. Raises ValueError for none, and for ids that are not there."""
        if not ids:
            raise ValueError("expected sightings that this is about, got none")
        found = persons_of(self.store, ids)
        missing = sorted({*ids} - {*found})
        if missing:
            raise ValueError(
                f"{count_of(len(missing), 'sighting is', 'sightings are')} not in the gallery, the "
                f"first: {missing[0]!r}; expected ids as passerby gallery search shows them"
            )
        return found

    def sightings(self, person: str) -> list[str]:
        """All sightings of a person by name. Raises ValueError where nobody is named so."""
        name = normal_name(person)
        if name not in (UNKNOWN, NOT_A_PERSON):
            found = self.members(name)
            if found:
                return found
        known = {*self.store.groups("person")} - {UNKNOWN, NOT_A_PERSON}
        raise ValueError(f"no person is named {person!r}{nearest(person, known)}")

    def members(self, name: str) -> list[str]:
        """The same, of a name that may be nobody's."""
        parts = self.store.read(Where(persons=(name,)), with_vectors=False)
        return sorted(one for part in parts for one in part.ids.tolist())


def naming(before: Before, ids: Sequence[str], person: str) -> Changes:
    """These sightings are of this person."""
    name = _new_name(person)
    now = before.persons(ids)
    decided = before.file.decided()
    if all(was == name and decided.get(one) == name for one, was in now.items()):
        raise ValueError(
            f"these {count_of(len(now), 'sighting is', 'sightings are')} {name!r} already, as "
            "people decided"
        )
    return _settled(before, _named(now, name))


def renaming(before: Before, person: str, new: str) -> Changes:
    """A person has another name."""
    name = _new_name(new)
    own = before.sightings(person)
    if name == normal_name(person):
        raise ValueError(f"{person!r} is the name already")
    if before.members(name):
        raise ValueError(
            f"somebody is named {name!r} already: if the two are one person, merge them"
        )
    return _settled(before, _named(dict.fromkeys(own, normal_name(person)), name))


def merging(before: Before, persons: Sequence[str], into: str) -> Changes:
    """These persons are one."""
    names = [*dict.fromkeys(map(normal_name, persons))]
    if len(names) < 2:
        raise ValueError(f"expected two persons or more to merge, got {listed(names) or 'none'}")
    name = _new_name(into or names[0])
    now = {one: who for who in names for one in before.sightings(who)}
    if name not in names and before.members(name):
        raise ValueError(
            f"somebody else is named {name!r}: merge with them too, or say another name"
        )
    return _settled(before, _named(now, name))


def splitting(before: Before, ids: Sequence[str], person: str) -> Changes:
    """These sightings are not of the person whose name they bear, but of another or unknown."""
    now = before.persons(ids)
    names = {*now.values()}
    if len(names) > 1 or names <= {UNKNOWN, NOT_A_PERSON}:
        raise ValueError(
            "expected sightings of one person to split from the rest of theirs, got sightings of "
            f"{listed(sorted(names - {UNKNOWN})) or 'nobody known'}"
        )
    (whole,) = names
    name = _new_name(person) if person else UNKNOWN
    rest = tuple(one for one in before.members(whole) if one not in now)
    if not rest:
        raise ValueError(
            f"these are all sightings of {whole!r}: there is nothing to split them from; give them "
            "another name"
        )
    if name == whole:
        raise ValueError(f"these sightings are of {whole!r}: name somebody else")
    own = tuple(sorted(now))
    changes = _settled(before, _named(now, name))
    contrary = _lost(before.answers, True, ({*own}, {*rest}))
    return Changes(
        changes.names,
        (*changes.answers, *contrary),
        (own, rest),
        (whole, whole),
        changes.dropped,
    )


def setting_aside(before: Before, ids: Sequence[str], person: str) -> Changes:
    """These sightings, or all of a person, show no person."""
    if bool(ids) == bool(person):
        raise ValueError("expected either sightings or a person that are none")
    now = before.persons([*ids] or before.sightings(person))
    if {*now.values()} == {NOT_A_PERSON}:
        raise ValueError(
            f"these {count_of(len(now), 'sighting is', 'sightings are')} set aside already"
        )
    return Changes(_named(now, NOT_A_PERSON))


def telling_apart(before: Before, one: str, other: str) -> Changes:
    """Two persons by name are two."""
    sides = tuple(before.sightings(one)), tuple(before.sightings(other))
    if normal_name(one) == normal_name(other):
        raise ValueError(f"expected two persons, got {one!r} twice; to tell sightings apart, split")
    lost = _lost(before.answers, True, ({*sides[0]}, {*sides[1]}))
    return Changes(answers=lost, apart=sides, whose=(normal_name(one), normal_name(other)))


def answering(before: Before, answers: Iterable[Answer]) -> Changes:
    """Pairs are of one person, or of two, or it cannot be said."""
    given = {(each.first, each.second): each for each in answers}
    before.persons([one for pair in given for one in pair])
    known = {(each.first, each.second): each for each in before.answers}
    places = {pair: place for place, pair in enumerate(known)}
    changes = tuple(
        AnswerChange(known.get(pair), each, places.get(pair, -1))
        for pair, each in given.items()
        if known.get(pair) != each
    )
    if not changes:
        raise ValueError("all of these answers were given already")
    return Changes(answers=changes)


def _new_name(person: str) -> str:
    (name,) = normal_names("a person", (person,))
    if not name.strip():
        raise ValueError("expected the name of a person, got nothing")
    if name == NOT_A_PERSON:
        raise ValueError(f"{NOT_A_PERSON!r} is no name of a person: set the sightings aside")
    return name


def _named(now: Mapping[str, str], name: str) -> tuple[NameChange, ...]:
    return tuple(NameChange(one, now[one], name) for one in sorted(now))


def _settled(before: Before, names: tuple[NameChange, ...]) -> Changes:
    """With the earlier statements that say otherwise, which no longer hold."""
    own = {each.sighting for each in names}
    name = names[0].after
    if name == UNKNOWN:
        return Changes(names)
    all_of = own.union(before.members(name))
    lost = [each for each in _lost(before.answers, False, (all_of, all_of)) if own & {*each.pair}]
    dropped = []
    for number in sorted(before.file.told_apart_of(own)):
        sides = before.file.sides(number)
        if all(side & all_of for side in sides):
            dropped += [(number, one) for one in sorted((sides[0] | sides[1]) & own)]
    return Changes(names, tuple(lost), dropped=tuple(dropped))


def _lost(
    answers: tuple[Answer, ...], same: bool, sides: tuple[Collection[str], Collection[str]]
) -> tuple[AnswerChange, ...]:
    """Answers of this kind about a sighting of one side and one of the other, taken out."""
    one, other = sides
    return tuple(
        AnswerChange(each, None, place)
        for place, each in enumerate(answers)
        if each.same is same
        and (
            (each.first in one and each.second in other)
            or (each.first in other and each.second in one)
        )
    )
