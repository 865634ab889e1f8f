"""Random decisions and undos, against a slow model that decides all anew from the beginning."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from passerby.gallery.ledger.ledger import BuiltUpon, Ledger
from passerby.gallery.ledger.obeyed import obeyed
from passerby.gallery.reviewed_pairs import answer
from passerby.stores.about import About
from passerby.stores.engines.memory import MemoryStore
from passerby.tables.sightings import NOT_A_PERSON, Sightings
from tests.gallery.ledger.conftest import name, persons

COUNT = 8
START = ["p", "p", "p", "q", "q", "r", "", ""]
NAMES = ["p", "q", "r", "s", "t"]
KINDS = ["name", "rename", "merge", "split", "not a person", "apart", "answer", "undo", "undo"]
steps_of = st.lists(
    st.tuples(st.sampled_from(KINDS), *[st.integers(0, 23)] * 3), min_size=4, max_size=14
)


def decision(model: Model, kind: str, a: int, b: int, c: int) -> tuple[str, object, object]:
    """A decision that is mostly possible as things are, chosen by three numbers."""
    known = sorted({*model.who.values()} - {"", NOT_A_PERSON}) or ["nobody"]
    one, other = known[a % len(known)], known[b % len(known)]
    free = sorted({*NAMES} - {*known}) or known
    some = sorted({a % COUNT, b % COUNT}) if c % 2 else [a % COUNT]
    own = sorted(model.of(one)) or [0]
    return {
        "name": (kind, some, NAMES[c % len(NAMES)]),
        "rename": (kind, one, free[c % len(free)]),
        "merge": (kind, [one, other], ""),
        "split": (kind, own[: 1 + b % 2], ["", *NAMES][c % 6]),
        "not a person": (kind, some, ""),
        "apart": (kind, one, other),
        "answer": (kind, (a % COUNT, b % COUNT), [True, False, False, None][c % 4]),
    }[kind]


@dataclass
class Model:
    """Persons by sighting; answers by pair, in order; for each decision, the pairs of sightings
    that it holds apart."""

    who: dict[int, str] = field(default_factory=lambda: dict(enumerate(START)))
    answers: dict[tuple[int, int], bool | None] = field(default_factory=dict)
    apart: dict[int, tuple[set[int], set[int]]] = field(default_factory=dict)

    def decide(self, number: int, kind: str, one: object, other: object) -> bool:
        """Whether the decision is possible; then it is made."""
        return bool(getattr(self, "_" + kind.replace(" ", "_"))(number, one, other))

    def of(self, person: str) -> set[int]:
        return {n for n, who in self.who.items() if who == person}

    def _name(self, number, given, person):
        return self._become(given, person)

    def _become(self, given, person):
        for n in given:
            self.who[n] = person
        if person not in ("", NOT_A_PERSON):
            together = self.of(person)
            for pair in [*self.answers]:
                if self.answers[pair] is False and {*pair} <= together and {*pair} & {*given}:
                    del self.answers[pair]
            for sides in self.apart.values():
                if sides[0] & together and sides[1] & together:
                    sides[0].difference_update(given)
                    sides[1].difference_update(given)
        return True

    def _rename(self, number, person, new):
        if not self.of(person) or self.of(new):
            return False
        return self._become(self.of(person), new)

    def _merge(self, number, given, _):
        wanted = [*dict.fromkeys(given)]
        if len(wanted) < 2 or not all(map(self.of, wanted)):
            return False
        return self._become(set().union(*map(self.of, wanted)), wanted[0])

    def _split(self, number, given, person):
        whose = {self.who[n] for n in given}
        rest = self.of(min(whose)) - {*given}
        if len(whose) > 1 or whose & {"", NOT_A_PERSON, person} or not rest:
            return False
        self._become(given, person)
        self._contrary({*given}, rest)
        self.apart[number] = ({*given}, rest)
        return True

    def _contrary(self, one, other):
        for pair in [*self.answers]:
            if self.answers[pair] is True and any(
                a in one and b in other for a, b in itertools.permutations(pair)
            ):
                del self.answers[pair]

    def _not_a_person(self, number, given, _):
        if all(self.who[n] == NOT_A_PERSON for n in given):
            return False
        return self._become(given, NOT_A_PERSON)

    def _apart(self, number, one, other):
        if one == other or not self.of(one) or not self.of(other):
            return False
        self._contrary(self.of(one), self.of(other))
        self.apart[number] = (self.of(one), self.of(other))
        return True

    def _answer(self, number, pair, same):
        if pair[0] == pair[1]:
            return False
        key = (min(pair), max(pair))
        if key in self.answers and self.answers[key] is same:
            return False
        self.answers[key] = same
        return True


def made(ledger: Ledger, kind: str, one, other) -> Callable[[], object]:
    """The call of a decision."""
    given = [name(n) for n in one] if isinstance(one, list) and kind != "merge" else one
    return {
        "name": lambda: ledger.name(given, other),
        "rename": lambda: ledger.rename(one, other),
        "merge": lambda: ledger.merge(one),
        "split": lambda: ledger.split(given, other),
        "not a person": lambda: ledger.not_a_person(given),
        "apart": lambda: ledger.tell_apart(one, other),
        "answer": lambda: ledger.answer([answer(name(one[0]), name(one[1]), other)]),
    }[kind]


def state(store: MemoryStore) -> Model:
    """What the gallery holds, as the model has it."""
    told = obeyed(store, [name(n) for n in range(COUNT)]).apart
    return Model(
        persons(store),
        {(int(a.first, 16), int(a.second, 16)): a.same for a in store.about.answers},
        {n: tuple({*side.tolist()} for side in sides) for n, sides in enumerate(told)},
    )


def alike(found: Model, expected: Model, *, order: bool) -> None:
    assert found.who == expected.who
    assert found.answers == expected.answers
    if order:
        assert [*found.answers] == [*expected.answers]
    whole = [sides for _, sides in sorted(expected.apart.items()) if all(sides)]
    assert [*found.apart.values()] == whole


def anew(kept: list[tuple[int, str, object, object]]) -> Model:
    """All decisions that hold, from the beginning; each is possible."""
    model = Model()
    for number, *decision in kept:
        assert model.decide(number, *decision), decision
    return model


@given(steps_of)
@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
def test_all_is_as_if_only_what_holds_had_been_decided(steps):
    store = MemoryStore(About("model", "plain", 8))
    store.write(Sightings([name(n) for n in range(COUNT)], np.eye(8), persons=START))
    ledger = Ledger(store)
    kept: list[tuple[int, str, object, object]] = []
    events = 0
    for kind, *numbers in steps:
        before = store.about, persons(store)
        last = True
        if kind == "undo" and not kept:
            continue
        if kind == "undo":
            done, last = _undone(ledger, kept, numbers[0])
        else:
            done = _decided(ledger, kept, decision(anew(kept), kind, *numbers), events + 1)
        events += done is not None
        if done is None:
            assert (store.about, persons(store)) == before
        alike(state(store), anew(kept), order=last)
        assert store.about.decisions == len(kept)
        assert store.about.not_persons == len(anew(kept).of(NOT_A_PERSON))


def _decided(ledger, kept, wanted, number):
    """The event, None where it cannot be."""
    possible = anew(kept).decide(number, *wanted)
    try:
        done = made(ledger, *wanted)()
    except ValueError as error:
        reason = str(error)
    else:
        assert possible
        kept.append((done.number, *wanted))
        return done
    # Saying once more what people have decided is no decision.
    assert not possible or "already, as people decided" in reason
    return None


def _undone(ledger, kept, chosen):
    """The event, None where it cannot be; and whether it was the last decision that held."""
    numbers = [each[0] for each in kept]
    number = None if chosen % 4 == 0 or not numbers else numbers[chosen % len(numbers)]
    try:
        event = ledger.undo(number)
    except BuiltUpon as error:
        later = {*error.later}
    else:
        assert number in (None, event.undoes)
        last = event.undoes == numbers[-1]
        kept[:] = [each for each in kept if each[0] != event.undoes]
        return event, last
    assert later
    assert later <= {n for n in numbers if n > number}
    return None, True
