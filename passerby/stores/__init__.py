"""Stores: engines that keep sightings. `Store` is all that a gallery asks of one.

ONE FILE OR FOLDER EACH under engines/, named by the scheme of its addresses (``milvus://...``),
with its class as ``ENGINE``; the conformance suite under tests/stores says what it must do.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from passerby.stores.about import About, OptOut
from passerby.stores.opting_out import refusals
from passerby.tables.columns import IDS, PERSONS, SIGHTING_COLUMNS, Column, Kind
from passerby.tables.filters import EVERYTHING, Where
from passerby.tables.sightings import Sightings
from passerby.tables.unit_length import is_unit

Group = Literal["camera", "day", "person", "source"]

MOST_BYTES: Mapping[Kind, int] = {"name": 1024, "path": 8192, "hash": 64}
"""What a text may take as UTF-8, by the kind of its column: the same in every engine, so that what
one keeps another can restore."""


_AT_ONCE = 1000  # ids in one condition
_ADDED, _REPLACED, _PRESENT, _REFUSED = range(4)  # of a sighting, in the order of `Written`


@dataclass(frozen=True)
class Written:
    """added: sightings that were new; replaced: that were there and were asked to be replaced;
    present: that were there and stay as they were, or came twice in one batch; refused: that the
    opt-out list keeps out."""

    added: int
    replaced: int
    present: int
    refused: int = 0


@dataclass(frozen=True)
class Hits:
    """The nearest sightings of Q queries: those of query q are rows ``starts[q]:starts[q + 1]``.

    sightings: without vectors unless asked for; distances: cosine, float64, ascending for each
    query. A query has fewer than k where fewer satisfy the filter. exact: whether every sighting
    that satisfies it was compared.
    """

    starts: NDArray[np.int64]
    sightings: Sightings
    distances: NDArray[np.float64]
    exact: bool

    def of(self, query: int) -> tuple[Sightings, NDArray[np.float64]]:
        """The sightings and distances of one query."""
        rows = slice(int(self.starts[query]), int(self.starts[query + 1]))
        return self.sightings[rows], self.distances[rows]


@dataclass(frozen=True)
class IndexState:
    """kind: of the index, "" when searches compare every sighting; indexed, rows: sightings in it
    and in all; effort: what a search spends, in the engine's words; recall: at 10 against exact
    search, None when not measured."""

    kind: str
    indexed: int
    rows: int
    effort: str = ""
    recall: float | None = None


@dataclass(frozen=True)
class Erased:
    """What a compaction did: bytes on disk before and after (None where the engine does not say),
    and in words what is physically gone, or when it will be."""

    bytes_before: int | None
    bytes_after: int | None
    meaning: str

    def __str__(self) -> str:
        if self.bytes_before is None or self.bytes_after is None:
            return self.meaning
        before, after = self.bytes_before / 1e6, self.bytes_after / 1e6
        return f"{self.meaning}; on disk {after:.1f} MB, before {before:.1f} MB"


class Store(ABC):
    """Sightings of one gallery in one engine.

    Vectors are of length 1 and distances are cosine. Every name comes from outside and is escaped
    by the engine's own file. Several processes may write and search at the same time. Errors for
    users are ValueError; a lost server is StoreUnavailable.
    """

    about: About
    lasting = True
    """Whether it outlives the process."""

    @property
    def plain(self) -> Store:
        """What a view is a view of; anything else is plain itself."""
        return self

    @property
    def folder(self) -> Path | None:
        """The folder of a gallery that has one to itself on this machine."""
        return None

    @classmethod
    @abstractmethod
    def create(cls, place: str, about: About) -> Store:
        """Make an empty gallery at a place. Raises ValueError when there is something already."""

    @classmethod
    @abstractmethod
    def open(cls, place: str) -> Store:
        """Open the gallery at a place. Raises ValueError when there is none or a newer one."""

    @abstractmethod
    def change_about(self, change: Callable[[About], About]) -> About:
        """Replace the description by what ``change`` makes of it as it is now; returns that.

        The only way to change it: two processes that do so at once do not lose one another's
        changes. ``change`` may read the store, and may be called more than once; what it raises
        comes through, and nothing is changed then.
        """

    @abstractmethod
    def refresh_about(self) -> About:
        """The description as it is now, whatever process wrote it; `about` is that from now on."""

    def write(self, sightings: Sightings, *, replace: bool = False) -> Written:
        """Add sightings; on return they are on disk and every new search sees them.

        Ids that are there already stay as they are, or with ``replace`` take the new columns; the
        first of equal ids in one batch counts. A kill leaves all of a batch or nothing of it.
        Raises ValueError for vectors of another width or length, and names beyond `MOST_BYTES`.
        """
        return self.write_each([sightings], replace=replace)[0]

    def write_each(
        self, batches: Sequence[Sightings], *, replace: bool = False
    ) -> tuple[Written, ...]:
        """`write` of several batches at once, as if they were one, each of them counted by itself:
        of equal ids the first of all counts. Raises ValueError as `require_fitting`, of any."""
        for batch in batches:
            self.require_fitting(batch)
        sightings = batches[0] if len(batches) == 1 else Sightings.joined(batches)
        outcomes = np.full(len(sightings), _PRESENT)
        rows = np.sort(np.unique(sightings.ids, return_index=True)[1])
        listed = self.refresh_about().opt_outs
        if listed:
            refused = self.refusals(sightings[rows]) >= 0
            outcomes[rows[refused]] = _REFUSED
            rows = rows[~refused]
        kept = sightings if len(rows) == len(sightings) else sightings[rows]
        there = self._write(kept, replace=replace)
        outcomes[rows[~there]] = _ADDED
        outcomes[rows[there]] = _REPLACED if replace else _PRESENT
        outcomes[rows[self._take_back(kept, listed)]] = _REFUSED
        ends = np.cumsum([len(batch) for batch in batches])[:-1]
        return tuple(
            Written(*np.bincount(part, minlength=4).tolist()) for part in np.split(outcomes, ends)
        )

    def expect(self, count: int) -> None:  # noqa: B027 - most engines need no telling
        """About so many sightings are to be written from now on, those of the next write among
        them, and `update_index` is called at their end: an engine whose index takes longer to keep
        up to date meanwhile than to make anew may put it away. Said before each of the writes."""

    def require_fitting(self, sightings: Sightings) -> None:
        """Raises ValueError for vectors of another width or length, and names beyond
        `MOST_BYTES`."""
        self._require_width(sightings.vectors)
        if not is_unit(sightings.vectors).all():
            raise ValueError("the vectors of sightings must be of length 1 and without NaN")
        _require_looks(sightings, self.about.dimensions)
        for column in SIGHTING_COLUMNS:
            _require_short(column, getattr(sightings, column.name))

    def refusals(self, sightings: Sightings) -> NDArray[np.int64]:
        """For each of N sightings the entry of the opt-out list that refuses it [N], −1 for none;
        counted with the entry. `write` asks this; others may before they make use of a sighting."""
        found = refusals(sightings, self.about)
        if (found >= 0).any():
            names = [entry.id for entry in self.about.opt_outs]
            counts = Counter(names[number] for number in found[found >= 0].tolist())
            self.change_about(lambda about: _with_refused(about, counts))
        return found

    def _take_back(self, written: Sightings, listed: Sequence[OptOut]) -> NDArray[np.bool_]:
        """Delete again what an entry refuses that was made while it was written; returns which [N]:
        whoever is forgotten is not brought back by who was writing at that moment."""
        known = {entry.id for entry in listed}
        if {entry.id for entry in self.refresh_about().opt_outs} <= known or not len(written):
            return np.zeros(len(written), bool)
        found: NDArray[np.bool_] = self.refusals(written) >= 0
        ids = written.ids[found].tolist()
        for start in range(0, len(ids), _AT_ONCE):
            self._delete(Where(ids=tuple(ids[start : start + _AT_ONCE])))
        return found

    @abstractmethod
    def _write(self, sightings: Sightings, *, replace: bool) -> NDArray[np.bool_]:
        """`write` of N sightings that fit and whose ids differ; returns which of the ids were there
        before [N]."""

    def search(
        self,
        vectors: NDArray[np.float32],
        k: int,
        where: Where = EVERYTHING,
        *,
        exact: bool = False,
        with_vectors: bool = False,
    ) -> Hits:
        """The k nearest sightings that satisfy ``where`` for each of the unit vectors [Q, D]."""
        queries = np.ascontiguousarray(vectors, np.float32)
        self._require_width(queries)
        return self._search(queries, k, where, exact=exact, with_vectors=with_vectors)

    @abstractmethod
    def _search(
        self,
        vectors: NDArray[np.float32],
        k: int,
        where: Where,
        *,
        exact: bool,
        with_vectors: bool,
    ) -> Hits:
        """`search` with vectors of the right width."""

    @abstractmethod
    def read(
        self,
        where: Where = EVERYTHING,
        *,
        with_vectors: bool = True,
        with_thumbnails: bool = False,
        batch: int = 10_000,
    ) -> Iterator[Sightings]:
        """All sightings that satisfy ``where``, in batches, in no particular order."""

    @abstractmethod
    def count(self, where: Where = EVERYTHING) -> int:
        """How many sightings satisfy ``where``."""

    def version(self) -> str | None:
        """Changes with every change to the sightings, by whatever process; None where the engine
        cannot tell it for less than the answer that somebody would keep by it."""
        return None

    @abstractmethod
    def groups(self, by: Group, where: Where = EVERYTHING) -> dict[str, int]:
        """Sightings that satisfy ``where`` by camera, day (UTC, "2026-05-01"), person or source;
        "" for those without."""

    def name_persons(self, ids: Sequence[str], persons: Sequence[str]) -> int:
        """Give sightings their person ("" takes it away); returns how many were found."""
        count = len(ids)
        keys, names = IDS.checked(ids, count), PERSONS.checked(persons, count, IDS.name)
        _require_short(IDS, keys)
        _require_short(PERSONS, names)
        return self._name_persons(dict(zip(keys.tolist(), names.tolist(), strict=True)))

    @abstractmethod
    def _name_persons(self, named: Mapping[str, str]) -> int:
        """`name_persons`: persons by the id of a sighting, which every engine can keep."""

    def delete(self, where: Where) -> int:
        """Forget sightings, and what was said of them: no search sees them from now on. Returns how
        many.

        Raises ValueError for a filter without any condition.
        """
        if where.everything:
            raise ValueError(
                "a removal needs a condition (person, camera, time or sighting); to forget "
                "everything, delete the gallery itself"
            )
        count = self._delete(where)
        self.change_about(self._without_lost_answers)
        return count

    def _without_lost_answers(self, about: About) -> About:
        """Without the answers of which a sighting is no longer there, those about alerts too."""
        of_pairs = {one for answer in about.answers for one in (answer.first, answer.second)}
        asked = sorted(of_pairs.union(*(alert.confirmed for alert in about.alerts)))
        there: set[str] = set()
        for start in range(0, len(asked), _AT_ONCE):
            where = Where(ids=tuple(asked[start : start + _AT_ONCE]))
            there.update(*(part.ids.tolist() for part in self.read(where, with_vectors=False)))
        answers = tuple(a for a in about.answers if {a.first, a.second} <= there)
        alerts = tuple(
            replace(alert, confirmed=tuple(one for one in alert.confirmed if one in there))
            for alert in about.alerts
        )
        return replace(about, answers=answers, alerts=alerts)

    @abstractmethod
    def _delete(self, where: Where) -> int:
        """`delete` under a filter that has a condition."""

    @abstractmethod
    def compact(self) -> Erased:
        """Make deletion physical, join small pieces and bring the index up to date."""

    def update_index(self) -> IndexState:
        """Bring the index up to date if that pays by now, and say what searches use.

        Called at the end of adding. An engine that needs no telling only says it.
        """
        return self.index_state()

    @abstractmethod
    def index_state(self) -> IndexState:
        """What searches use now."""

    def recall(self) -> float | None:
        """Recall at 10 of searches against exact ones, as `index_state` says it, for less than the
        rest of that costs; None where it is not measured."""
        return None

    @abstractmethod
    def disk_bytes(self) -> int | None:
        """What the gallery takes on disk; None where the engine does not say."""

    @abstractmethod
    def close(self) -> None:
        """Give back what is held open."""

    def _require_width(self, vectors: NDArray[np.float32]) -> None:
        if vectors.ndim != 2 or vectors.shape[1] != self.about.dimensions:
            raise ValueError(
                f"the gallery holds vectors of {self.about.dimensions} dimensions, got the shape "
                f"{list(vectors.shape)}"
            )


def _with_refused(about: About, counts: Mapping[str, int]) -> About:
    """With so many more refusals of each entry, by its id."""
    entries = (replace(one, refused=one.refused + counts.get(one.id, 0)) for one in about.opt_outs)
    return replace(about, opt_outs=tuple(entries))


class StoreUnavailable(ValueError):
    """The server of a store does not answer after bounded retries; what it acknowledged is kept."""


def _require_looks(sightings: Sightings, dimensions: int) -> None:
    for looks in filter(None, sightings.looks):
        if looks.vectors.shape[1] != dimensions or not is_unit(looks.vectors).all():
            raise ValueError(
                f"the vectors of looks must be of length 1 and [K, {dimensions}], got "
                f"{list(looks.vectors.shape)}"
            )


def _require_short(column: Column, values: NDArray[Any]) -> None:
    most = MOST_BYTES.get(column.kind)
    if most is None or values.dtype.itemsize <= most:  # four bytes for each character: never less
        return
    for text in np.unique(values).tolist():
        if len(text.encode()) > most:
            raise ValueError(
                f"a gallery keeps a {column.row} of at most {most:,} bytes, got "
                f"{len(text.encode()):,}: {text[:40]!r}..."
            )
