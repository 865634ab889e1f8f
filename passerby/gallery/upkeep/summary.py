"""What a gallery holds, counted: by camera, day and person, with its model, size and index."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass

from passerby.gallery.adapted import back_end_of
from passerby.process.sizes import size_text
from passerby.process.spelling import count_of
from passerby.stores import IndexState, Store
from passerby.stores.about import About
from passerby.tables.sightings import NOT_A_PERSON, UNKNOWN, whole_passages

_SHOWN = 12


@dataclass(frozen=True)
class Summary:
    """sightings: in all; passages: how many are a whole stay; cameras, days (UTC), persons:
    sightings by name, "" for those without, and none of those set aside; bytes: on disk, None where
    the engine does not say."""

    about: About
    sightings: int
    passages: int
    cameras: Mapping[str, int]
    days: Mapping[str, int]
    persons: Mapping[str, int]
    bytes: int | None
    index: IndexState

    @property
    def known(self) -> int:
        """Sightings whose person is known."""
        return sum(count for name, count in self.persons.items() if name != UNKNOWN)

    @property
    def set_aside(self) -> int:
        """Sightings that people said are no person."""
        return self.sightings - sum(self.persons.values())

    def to_text(self) -> str:
        """For reading: the largest groups, the rest counted."""
        about = self.about
        known = f"{self.known} of {len(set(self.persons) - {UNKNOWN})} known persons"
        unknown = self.persons.get(UNKNOWN, 0)
        none = f", {self.set_aside} set aside as no person" if self.set_aside else ""
        single = self.sightings - self.passages
        kinds = f" ({count_of(self.passages, 'passage')}, {count_of(single, 'single picture')})"
        kinds = kinds if self.passages else ""
        calibrated = ", ".join(about.calibrations) or "none of its own"
        lines = [
            f"{count_of(self.sightings, 'sighting')}{kinds}: {known}, {unknown} of unknown "
            f"ones{none}",
            f"model: {about.name or '?'} {about.model} ({about.pooling}, {about.dimensions} "
            f"numbers), from {about.place or '?'}; calibration: {calibrated}",
            f"created: {about.created or '?'}; on disk: {_size(self.bytes)}",
            f"index: {_index(self.index)}",
            _listed("cameras", self.cameras, by_count=True),
            _listed("days (UTC)", self.days, by_count=False),
            _listed("persons", self.persons, by_count=True),
        ]
        learnt = back_end_of(about)
        if learnt is not None:
            lines[3:3] = [f"adapted: {each}" for each in learnt.decided]
        return "\n".join(lines)

    def to_json(self) -> str:
        """All of it, as one JSON object."""
        learnt = back_end_of(self.about)
        decided = () if learnt is None else learnt.decided
        about = {**asdict(self.about), "adapted": decided}  # in words, not as it is stored
        content = {**asdict(self), "about": about, "known": self.known, "set_aside": self.set_aside}
        return json.dumps(content, indent=1, ensure_ascii=False)


def summarise(store: Store) -> Summary:
    """Count what a store holds."""
    cameras, days, persons = (store.groups(by) for by in ("camera", "day", "person"))
    count = sum(persons.values())
    persons.pop(NOT_A_PERSON, None)
    return Summary(
        store.about,
        count,
        sum(int(whole_passages(part).sum()) for part in store.read(with_vectors=False)),
        cameras,
        days,
        persons,
        store.disk_bytes(),
        store.index_state(),
    )


def _listed(title: str, counts: Mapping[str, int], *, by_count: bool) -> str:
    named = [(name, count) for name, count in counts.items() if name != UNKNOWN]
    named.sort(key=lambda item: (-item[1], item[0]) if by_count else (0, item[0]))
    # Of days the last are shown: what came in lately.
    shown = named[:_SHOWN] if by_count else named[-_SHOWN:]
    more = [f"{len(named) - len(shown)} more"] if len(named) > len(shown) else []
    missing = [f"not known: {counts[UNKNOWN]}"] if counts.get(UNKNOWN) else []
    told = [f"{name}: {count}" for name, count in shown]
    told = told + more if by_count else more + told
    return f"{title} ({len(named)}): " + (", ".join(told + missing) or "none")


def _index(state: IndexState) -> str:
    if not state.kind:
        return "none, every sighting is compared"
    effort = f", {state.effort}" if state.effort else ""
    recall = "" if state.recall is None else f", recall at 10: {state.recall:.3f}"
    return (
        f"{state.kind} over {state.indexed} of {count_of(state.rows, 'sighting')}{effort}{recall}"
    )


def _size(size: int | None) -> str:
    return "not known" if size is None else size_text(size)
