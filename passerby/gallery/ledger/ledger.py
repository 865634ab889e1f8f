"""The ledger of a gallery: decisions about who is who, made, listed and undone."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from passerby.gallery.ledger import deciding as kinds
from passerby.gallery.ledger.applying import carry_out, finish, take_back
from passerby.gallery.ledger.deciding import Before
from passerby.gallery.ledger.events import Changes, Event, Kind
from passerby.gallery.ledger.file import LedgerFile
from passerby.gallery.ledger.place import deciding, reading
from passerby.stores import Store
from passerby.stores.about import Answer

_LONGEST = 200  # characters of who decides


class BuiltUpon(ValueError):
    """A decision cannot be undone before later ones; later: their numbers, the newest first."""

    def __init__(self, message: str, later: tuple[int, ...]) -> None:
        super().__init__(message)
        self.later = later


class Ledger:
    """Decisions of people about the sightings of one gallery.

    Each is on the disk before anything changes, and is finished by whoever opens the gallery next
    where a kill fell between; of several who decide at once one waits for the other. ``by`` is who
    decides, in any words. All raise ValueError where what they name is not there or nothing would
    change, and leave everything as it was where they raise anything.

    Args:
        store: The gallery's, plain or seen through what it learnt.

    Examples:
        ``gallery.ledger.merge(["linked/3", "linked/7"]); gallery.ledger.undo()``
    """

    def __init__(self, store: Store) -> None:
        self.store = store.plain

    def name(self, sightings: Sequence[str], person: str, *, by: str = "") -> Event:
        """These sightings, by id, are of this person, known before or not."""
        return self._decide("name", by, lambda now: kinds.naming(now, sightings, person))

    def rename(self, person: str, new: str, *, by: str = "") -> Event:
        """A person has another name. Raises ValueError where somebody has it already."""
        return self._decide("rename", by, lambda now: kinds.renaming(now, person, new))

    def merge(self, persons: Sequence[str], into: str = "", *, by: str = "") -> Event:
        """Persons by name are one, named ``into``: by default as the first of them."""
        return self._decide("merge", by, lambda now: kinds.merging(now, persons, into))

    def split(self, sightings: Sequence[str], person: str = "", *, by: str = "") -> Event:
        """Sightings are not of the person whose name they bear, but of ``person``, "" for nobody
        known. Neither side is linked with the other again."""
        return self._decide("split", by, lambda now: kinds.splitting(now, sightings, person))

    def not_a_person(
        self, sightings: Sequence[str] = (), person: str = "", *, by: str = ""
    ) -> Event:
        """Sightings, or all of a person, show none: searches, links, counts, alerts and questions
        leave them out."""
        return self._decide(
            "not a person", by, lambda now: kinds.setting_aside(now, sightings, person)
        )

    def tell_apart(self, one: str, other: str, *, by: str = "") -> Event:
        """Two persons by name are two: never linked, never asked about again."""
        return self._decide("apart", by, lambda now: kinds.telling_apart(now, one, other))

    def answer(self, answers: Iterable[Answer], *, by: str = "") -> Event:
        """Keep what was said of pairs (`passerby.gallery.reviewed_pairs.answer`), in place of
        earlier answers about the same pairs."""
        given = [*answers]
        return self._decide("answer", by, lambda now: kinds.answering(now, given))

    def undo(self, number: int | None = None, *, by: str = "") -> Event:
        """Take a decision back, by default the last that holds: all is as it was before it.

        Raises:
            BuiltUpon: Later decisions are built upon it.
            ValueError: There is no such decision, or it was taken back already.
        """

        def undone(file: LedgerFile) -> int:
            which = file.last_in_force() if number is None else number
            if which is None:
                raise ValueError("there is no decision to undo")
            _require_undoable(file, which)
            return file.begin("undo", _checked(by), Changes(), which)

        return self._carried_out(undone)

    def event(self, number: int) -> Event:
        """One decision, with all that it changed. Raises ValueError where there is none."""
        with reading(self.store) as file:
            found = None if file is None else file.event(number)
        if found is None:
            raise ValueError(f"there is no decision {number}")
        return found

    def events(
        self,
        newest: int | None = None,
        *,
        before: int | None = None,
        person: str = "",
        whole: bool = False,
    ) -> tuple[Event, ...]:
        """Decisions, the last first.

        newest: at most so many; before: only earlier ones than this number; person: that a person
        of this name takes part in; whole: with all that they changed.
        """
        with reading(self.store) as file:
            if file is None:
                return ()
            last = file.newest() if before is None else before - 1
            if person:
                numbers = [one for one in file.numbers_naming(person) if one <= last]
                chosen = numbers[::-1][:newest]
                found = [event for one in chosen for event in file.events(one, one)]
            else:
                first = 1 if newest is None else max(1, last - newest + 1)
                found = file.events(first, last)
            if whole:
                found = [replace(each, changes=file.changes(each.number)) for each in found]
            return tuple(found)

    def _decide(self, kind: Kind, by: str, changes_of: Callable[[Before], Changes]) -> Event:
        def decided(file: LedgerFile) -> int:
            answers = self.store.refresh_about().answers
            return file.begin(kind, _checked(by), changes_of(Before(self.store, file, answers)))

        return self._carried_out(decided)

    def _carried_out(self, write: Callable[[LedgerFile], int]) -> Event:
        with deciding(self.store) as file:
            finish(self.store, file)
            number = write(file)
            try:
                carry_out(self.store, file, number)
            except Exception:
                take_back(self.store, file, number)
                raise
            event = file.event(number)
        assert event is not None
        return event


def _require_undoable(file: LedgerFile, number: int) -> None:
    event = file.event(number)
    if event is None:
        raise ValueError(f"there is no decision {number}")
    if event.kind == "undo":
        raise ValueError(f"{number} took decision {event.undoes} back: decide anew instead")
    if event.undone_by is not None:
        raise ValueError(f"decision {number} was taken back already (by {event.undone_by})")
    later = file.built_upon(number)
    if later:
        raise BuiltUpon(
            f"later decisions are built upon decision {number}: undo first "
            f"{', '.join(map(str, later))}",
            tuple(later),
        )


def _checked(by: str) -> str:
    if len(by) > _LONGEST or not by.isprintable():
        raise ValueError(f"who decides is a line of at most {_LONGEST} characters, got {by[:40]!r}")
    return by
