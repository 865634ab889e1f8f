"""Who can be found by a search: counted once for each filter, as long as nobody writes."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from passerby.gallery.upkeep.removal import count_timeless
from passerby.stores import Store
from passerby.tables.filters import EVERYTHING, Where
from passerby.tables.sightings import UNKNOWN

NAMES = 500_000
"""Names of persons that the populations kept in memory may have together."""


@dataclass(frozen=True)
class Population:
    """Who can be found: sightings of each known person, and unlabelled sightings."""

    persons: Mapping[str, int]
    unlabelled: int

    @cached_property
    def sightings(self) -> int:
        """Of known persons and of others."""
        return sum(self.persons.values()) + self.unlabelled

    @property
    def candidates(self) -> int:
        """Known persons and unlabelled sightings."""
        return len(self.persons) + self.unlabelled


def population(store: Store, where: Where = EVERYTHING) -> Population:
    """The population of a search with this filter."""
    groups = store.groups("person", where)
    persons = {name: count for name, count in groups.items() if name != UNKNOWN}
    return Population(persons, groups.get(UNKNOWN, 0))


@dataclass(frozen=True)
class Counted:
    """What a search says of its filter. timeless: sightings that satisfy all but the condition on
    time, because theirs is not known."""

    population: Population
    timeless: int


def _cameras(store: Store) -> Iterator[str]:
    """Every source with the cameras that it has. Stores do not count both together: of the fewer,
    each is asked for the others."""
    sources, cameras = store.groups("source"), store.groups("camera")
    if min(len(sources), len(cameras)) == 1:
        yield from (f"{source}/{camera}" for source in sources for camera in cameras)
    elif len(sources) < len(cameras):
        for source in sources:
            there = store.groups("camera", Where(sources=(source,)))
            yield from (f"{source}/{camera}" for camera in there)
    else:
        for camera in cameras:
            there = store.groups("source", Where(cameras=(camera,)))
            yield from (f"{source}/{camera}" for source in there)


class Populations:
    """Populations of one store by filter. Counting one costs more than a search, so it is kept
    until the store's version changes, by whatever process; of a store without versions it is
    counted at every search."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._version: str | None = None
        self._kept: dict[Where, Counted] = {}
        self._cameras: frozenset[str] | None = None

    def cameras(self) -> Collection[str]:
        """All cameras of the gallery, as "SOURCE/CAMERA"."""
        self._forget_if_written()
        if self._cameras is None:
            self._cameras = frozenset(_cameras(self._store))
        return self._cameras

    def _forget_if_written(self) -> None:
        # Read before counting: what is written meanwhile has a later version, and is counted then.
        version = self._store.version()
        if version is None or version != self._version:
            self._version = version
            self._kept.clear()
            self._cameras = None

    def under(self, where: Where) -> Counted:
        """The population of a search with this filter, now."""
        self._forget_if_written()
        if where not in self._kept:
            found = Counted(population(self._store, where), count_timeless(self._store, where))
            kept = [*self._kept.values(), found]
            if sum(len(each.population.persons) for each in kept) > NAMES:
                self._kept.clear()
            self._kept[where] = found
        return self._kept[where]
