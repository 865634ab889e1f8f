"""Is a gallery whole, and does its index find what there is to be found?"""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from passerby.gallery.adapted import view
from passerby.gallery.ledger.people import people
from passerby.gallery.upkeep.reliability import OwnReliability, judges_of, own_reliability
from passerby.process.reporting import progress
from passerby.process.spelling import count_of
from passerby.stores import Hits, IndexState, Store
from passerby.stores.recall import Truth
from passerby.tables.filters import Where
from passerby.tables.sightings import Sightings
from passerby.tables.unit_length import is_unit

K = 10
RECALL_PROMISED = 0.99
TAIL_TOLERATED = 0.2


@dataclass(frozen=True)
class Trial:
    """Searches under one filter: recall at 10 against exact search, and milliseconds of a single
    query by either (the median, and what 95 of 100 stay below)."""

    filter: str
    recall: float
    p50: float
    p95: float
    exact_p50: float
    exact_p95: float


@dataclass(frozen=True)
class Check:
    """What a check found. problems: in words, each with what to do; none when all is well.

    sampled: sightings of the gallery itself that were searched for, each to find others;
    reliability: of its probabilities, None where it has none or nobody known to judge them by;
    judges: what says in it what a distance is worth, in words.
    """

    rows: int
    problems: tuple[str, ...]
    index: IndexState
    trials: tuple[Trial, ...]
    sampled: int
    reliability: OwnReliability | None = None
    judges: tuple[str, ...] = ()

    @property
    def whole(self) -> bool:
        """Whether nothing is wrong."""
        return not self.problems

    def __str__(self) -> str:
        lines = [f"{count_of(self.rows, 'sighting')}: " + ("whole" if self.whole else "NOT whole")]
        lines += [f"  problem: {problem}" for problem in self.problems]
        lines.append(f"index: {_described(self.index)}")
        if self.trials:
            lines.append(f"searches for {self.sampled} of its own sightings, top {K}:")
            lines.append("  filter         recall   p50 / p95 ms      exact p50 / p95 ms")
        lines += [
            f"  {trial.filter:13}  {trial.recall:.4f}  {trial.p50:6.1f} / {trial.p95:6.1f}"
            f"  {trial.exact_p50:8.1f} / {trial.exact_p95:6.1f}"
            for trial in self.trials
        ]
        lines += self.judges
        if self.reliability is not None:
            lines.append(str(self.reliability))
        return "\n".join(lines)


def check_store(store: Store, *, sample: int = 50, seed: int = 0) -> Check:
    """Read every sighting once, then search for some of them with and without the index.

    Raises nothing for what is wrong with the gallery: that is the result.
    """
    survey = _Survey(store, sample, np.random.default_rng(seed))
    try:
        survey.read()
        trials = _trials(store, survey.sampled) if survey.sampled is not None else ()
    except ValueError as error:
        survey.problems.append(f"it cannot be read to its end: {error}")
        trials = ()
    index = _index_of(store, survey.problems)
    for trial in trials:
        if trial.recall < RECALL_PROMISED:
            survey.problems.append(
                f"recall under the filter {trial.filter!r} is {trial.recall:.4f}, below "
                f"{RECALL_PROMISED}: compact it, which builds the index again"
            )
    found, judges = _reliability(store, survey.problems)
    return Check(survey.rows, tuple(survey.problems), index, trials, survey.drawn, found, judges)


def _reliability(
    store: Store, problems: list[str]
) -> tuple[OwnReliability | None, tuple[str, ...]]:
    """Of the gallery as searches see it, after what it learnt."""
    try:
        shown = view(people(store))
        return own_reliability(shown), judges_of(shown)
    except ValueError as error:
        problems.append(f"its probabilities cannot be judged: {error}")
        return None, ()


class _Survey:
    """One pass over all sightings: what is wrong with them, and an even sample with vectors."""

    def __init__(self, store: Store, sample: int, rng: np.random.Generator) -> None:
        self.problems: list[str] = []
        self.rows = 0
        self._store, self._sample, self._rng = store, sample, rng
        self._ids: list[NDArray[np.bytes_]] = []
        self.sampled: Sightings | None = None
        self._lots: NDArray[np.float64] = np.empty(0)
        self._long = self._missing = 0

    def read(self) -> None:
        """Look at every sighting."""
        expected = self._store.count()
        with progress("checking") as advance:
            for part in self._store.read():
                self.rows += len(part)
                self._check_part(part)
                self._draw_from(part)
                advance(self.rows, expected)
        self._sum_up(expected)

    @property
    def drawn(self) -> int:
        """How many are in the sample."""
        return 0 if self.sampled is None else len(self.sampled)

    def _check_part(self, part: Sightings) -> None:
        self._ids.append(np.char.encode(part.ids, "utf-8"))
        finite = np.isfinite(part.vectors).all(1)
        wanted = self._store.about.dimensions
        if part.vectors.shape[1] != wanted:
            self.problems.append(
                f"vectors have {part.vectors.shape[1]} dimensions, its description says {wanted}"
            )
        self._missing += int(np.sum(~finite))
        self._long += int(np.sum(finite & ~is_unit(part.vectors)))

    def _draw_from(self, part: Sightings) -> None:
        """Keep those with the smallest lots so far: every sighting has the same chance."""
        lots = self._rng.random(len(part))
        joined = part if self.sampled is None else Sightings.joined([self.sampled, part])
        lots = np.concatenate([self._lots, lots])
        chosen = np.argsort(lots)[: self._sample]
        self.sampled, self._lots = joined[chosen], lots[chosen]

    def _sum_up(self, expected: int) -> None:
        ids = np.concatenate(self._ids) if self._ids else np.empty(0, "S1")
        twice = len(ids) - len(np.unique(ids))
        for count, one, several, what_to_do in (
            (
                twice,
                "sighting is there more than once",
                "sightings are there more than once",
                "remove by id and add again",
            ),
            (
                self._missing,
                "vector holds NaN or infinity",
                "vectors hold NaN or infinity",
                "remove what has them",
            ),
            (
                self._long,
                "vector is not of length 1",
                "vectors are not of length 1",
                "remove what has them",
            ),
        ):
            if count:
                self.problems.append(f"{count_of(count, one, several)}: {what_to_do}")
        grouped = sum(self._store.groups("camera").values())
        if not self.rows == expected == grouped:
            self.problems.append(
                f"{count_of(self.rows, 'sighting was', 'sightings were')} read, {expected:,} "
                f"counted and {grouped:,} grouped by camera: check again while nobody writes; if "
                "it stays, restore a copy"
            )


def _index_of(store: Store, problems: list[str]) -> IndexState:
    try:
        index = store.index_state()
    except ValueError as error:
        problems.append(f"the state of its index cannot be read: {error}")
        return IndexState("", 0, 0)
    outside = index.rows - index.indexed
    if index.kind and outside > TAIL_TOLERATED * index.rows:
        problems.append(
            f"{outside:,} of {count_of(index.rows, 'sighting')} {'is' if outside == 1 else 'are'} "
            "newer than the index, which makes searches slow: compact it"
        )
    return index


def _trials(store: Store, queries: Sightings) -> tuple[Trial, ...]:
    truth = Truth.of(store, queries, K)
    trials = []
    for name, where in truth.filters.items():
        recall = truth.recall(name, store.search)
        quick = _milliseconds(store, queries, where, exact=False)
        exact = _milliseconds(store, queries[:10], where, exact=True)
        trials.append(Trial(name, recall, *quick, *exact))
    return tuple(trials)


def _milliseconds(
    store: Store, queries: Sightings, where: Where, *, exact: bool
) -> tuple[float, float]:
    """Median and 95th percentile of single searches."""

    def search(row: int) -> Hits:
        return store.search(queries.vectors[row : row + 1], K, where, exact=exact)

    search(0)  # what the first one loads is not what a search takes
    seconds = []
    for row in range(len(queries)):
        began = time.perf_counter()
        search(row)
        seconds.append(time.perf_counter() - began)
    median, slow = np.percentile(1e3 * np.array(seconds), [50, 95])
    return float(median), float(slow)


def _described(index: IndexState) -> str:
    if not index.kind:
        return "none, every search compares all sightings"
    stated = "" if index.recall is None else f"; recall stated {index.recall:.4f}"
    held = f"{index.kind}, {index.indexed:,} of {index.rows:,} in it"
    return f"{held}; searches {index.effort}{stated}"
