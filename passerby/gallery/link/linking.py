"""Linking: which sightings of a gallery, over its cameras, show one person.

Agglomerative clustering with average linkage, on calibrated log-likelihood ratios. Each passage
begins as a group; the two groups whose pairs have the greatest mean LLR become one, as long as that
mean outweighs the prior odds against any two passages being of one person. Only groups with near
neighbours among their sightings are looked at, so that neither memory nor time grow with the square
of what is joined. Never together: different known persons, and passages by two cameras at one time.

A mean and not a sum: frames of a passage, and passages of one walk, resemble each other, and their
ratios are no independent evidence.
"""

from __future__ import annotations

import heapq
import json
import math
from collections import Counter
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from passerby.evaluation.decisions.calibration import Calibration
from passerby.evaluation.ranking.neighbours import UnitVectors, neighbours
from passerby.gallery.known_names import nearest
from passerby.gallery.link.agreement import Agreement, agreement
from passerby.gallery.link.passages import (
    Passages,
    Stays,
    in_two_places,
    passages_of,
    places_of,
    stays_of,
)
from passerby.gallery.link.persons import (
    LinkedPerson,
    linked_persons,
    persons_json,
    persons_text,
)
from passerby.gallery.pair_evidence import NOT_KNOWN, OTHER, SAME, pair_llrs
from passerby.gallery.search.population import Populations
from passerby.gallery.stored_calibrations import judge_of
from passerby.gallery.tracklets import GAP
from passerby.stores import Store
from passerby.tables.filters import EVERYTHING, Where
from passerby.tables.sightings import UNKNOWN, Sightings, without_vectors

_MOST = 32  # sightings of a group that are compared with those of another


@dataclass(frozen=True)
class Rules:
    """How sightings are linked.

    passages: in how many of them a person is expected to be seen, from which the prior odds follow;
    least_ratio: the mean likelihood ratio to link above, in place of that; tolerance: seconds that
    a person needs from one camera to another at least; overlapping: pairs of cameras that see the
    same place, where one person may be at one time; neighbours: near sightings looked at of each;
    over_known: also group known persons anew; prefix: of the names given. Names that begin with it
    were given by an earlier linking and bind nothing; gap: seconds without a sighting that end a
    tracklet, as trackers give their numbers again.
    """

    passages: float = 4.0
    least_ratio: float | None = None
    tolerance: float = 1.0
    overlapping: tuple[tuple[str, str], ...] = ()
    neighbours: int = 30
    over_known: bool = False
    prefix: str = "linked/"
    gap: float = GAP

    def __post_init__(self) -> None:
        if not self.passages > 1 or not self.tolerance >= 0 or self.neighbours < 1:
            raise ValueError(
                "expected more than 1 passage of a person, a tolerance of 0 seconds or more and at "
                f"least 1 neighbour, got {self.passages}, {self.tolerance} and {self.neighbours}"
            )
        if self.least_ratio is not None and not self.least_ratio >= 1:
            raise ValueError(f"a least likelihood ratio must be 1 or more, got {self.least_ratio}")
        if not self.gap > 0:
            raise ValueError(f"a gap that ends a tracklet takes some seconds, got {self.gap}")
        if not self.prefix:
            raise ValueError("names of linked persons need a prefix, such as linked/")


@dataclass(frozen=True, eq=False)
class Linking:
    """What belongs together, of N sightings.

    sightings [N]: as stored, without vectors; tracklets [N]: a number for each stay; weakest [N]:
    of the joins that made its group the least mean LLR, NaN where there was none; groups [N]: equal
    for one person; names [N]: of the groups, "" for a sighting by itself; passages: before linking;
    least_llr: what a mean LLR
    had to exceed; kept_apart_by_time and kept_apart_by_name: merges that were refused; agreement:
    with the stored persons, where asked for; notes: what to know.
    """

    sightings: Sightings
    tracklets: NDArray[np.int64]
    weakest: NDArray[np.float64]
    groups: NDArray[np.int64]
    names: NDArray[np.str_]
    passages: int
    least_llr: float
    kept_apart_by_time: int
    kept_apart_by_name: int
    rules: Rules
    agreement: Agreement | None = None
    notes: tuple[str, ...] = field(default=())

    @property
    def ids(self) -> NDArray[np.str_]:
        """Of the sightings [N]."""
        return self.sightings.ids

    @cached_property
    def persons(self) -> tuple[LinkedPerson, ...]:
        """Everybody with a name, with their passages; without sightings that are alone."""
        return linked_persons(
            self.sightings, self.names, self.tracklets, self.weakest, self.rules.prefix
        )

    def changes(self, extend: bool = False) -> tuple[list[str], list[str]]:
        """Ids and the persons to give them, where these change.

        Sightings of known persons keep theirs unless they were linked anew. extend: sightings that
        were linked to a known person take the name; else they stay without one.
        """
        given = np.char.startswith(self.names, self.rules.prefix)
        before = self.sightings.persons
        ours = np.char.startswith(before, self.rules.prefix)
        new = np.where(given | extend, self.names, UNKNOWN)
        # A known person's sighting that was linked to nothing keeps its name even then.
        free = ours | (before == UNKNOWN) | (self.rules.over_known & (new != UNKNOWN))
        changed = (new != before) & free
        return self.ids[changed].tolist(), new[changed].tolist()

    def to_json(self) -> str:
        """Counts, rules, agreement, and each person with the passages and their sightings."""
        content = {
            "sightings": len(self.ids),
            "passages": self.passages,
            "groups": len(np.unique(self.groups)),
            "least_likelihood_ratio": math.exp(self.least_llr),
            "kept_apart_by_time": self.kept_apart_by_time,
            "kept_apart_by_name": self.kept_apart_by_name,
            "rules": asdict(self.rules),
            "agreement": None if self.agreement is None else asdict(self.agreement),
            "notes": self.notes,
            "persons": persons_json(self.persons),
        }
        return json.dumps(content, indent=1, allow_nan=False)

    @property
    def summary(self) -> str:
        """Counts and rules in two sentences."""
        sizes = np.bincount(self.groups)
        return (
            f"{len(self.ids):,} sightings in {self.passages:,} passages make {len(sizes):,} groups:"
            f" {int((sizes > 1).sum()):,} of two sightings or more, the largest of "
            f"{int(sizes.max(initial=0)):,}\n"
            f"linked where the mean likelihood ratio was above {math.exp(self.least_llr):.3g}; "
            f"kept apart: {self.kept_apart_by_time:,} by time, {self.kept_apart_by_name:,} by name"
        )

    def __str__(self) -> str:
        judged = [] if self.agreement is None else [str(self.agreement)]
        notes = [f"note: {note}" for note in self.notes]
        return "\n".join([self.summary, *judged, *persons_text(self.persons), *notes])


def link(
    store: Store,
    where: Where = EVERYTHING,
    rules: Rules = Rules(),
    *,
    judge: bool = False,
) -> Linking:
    """Group the sightings that satisfy ``where``; nothing is written.

    judge: link as if no person were known, and say how well it agrees with those that are.
    Raises ValueError for a gallery without a calibration.
    """
    judge_here = judge_of(store.about, 1, Populations(store).cameras)
    calibration = judge_here.calibration
    if calibration is None:
        raise ValueError(
            f"linking needs to know what a distance is worth, and nothing says so: "
            f"{'; '.join(judge_here.notes)}"
        )
    rules = replace(rules, over_known=True) if judge else rules
    parts = [*store.read(where)]
    if not parts:
        raise ValueError("no sighting satisfies the filter: there is nothing to link")
    # In an order of their own: engines return them in any.
    joined = Sightings.joined(parts)
    sightings = joined[np.argsort(joined.ids, kind="stable")]
    free = np.char.startswith(sightings.persons, rules.prefix) | rules.over_known
    passages = passages_of(sightings, np.where(free, UNKNOWN, sightings.persons), rules.gap)
    least = math.log(rules.least_ratio or max(1.0, (len(passages) - 1) / (rules.passages - 1)))
    merging = _Merging(sightings, passages, calibration, rules, least)
    merging.run()
    roots = merging.groups()[passages.of]
    groups = _numbered(roots, sightings)
    known = None
    if judge:
        # What an earlier linking named is no truth to judge by.
        true = (sightings.persons != UNKNOWN) & ~np.char.startswith(sightings.persons, rules.prefix)
        views = places_of(sightings)
        known = agreement(sightings.persons[true], groups[true], views[true])
    taken = Counter(store.groups("person"))
    taken.subtract(Counter(sightings.persons.tolist()))
    outside = {name for name, count in taken.items() if count > 0}
    return Linking(
        sightings=without_vectors(sightings),
        tracklets=passages.tracklets,
        weakest=merging.weakest[roots],
        groups=groups,
        names=_names(sightings, passages, groups, outside, rules.prefix),
        passages=len(passages),
        least_llr=least,
        kept_apart_by_time=merging.apart_by_time,
        kept_apart_by_name=merging.apart_by_name,
        rules=rules,
        agreement=known,
        notes=_notes(sightings, passages, calibration, least),
    )


def write_links(store: Store, linking: Linking, *, extend: bool = False) -> int:
    """Give sightings the persons of a linking (`Linking.changes`); returns how many changed."""
    ids, persons = linking.changes(extend)
    written = 0
    for start in range(0, len(ids), 10_000):
        part = slice(start, start + 10_000)
        written += store.name_persons(ids[part], persons[part])
    return written


class _Merging:
    """Groups, joined two by two; a new group takes a new number."""

    def __init__(
        self,
        sightings: Sightings,
        passages: Passages,
        calibration: Calibration,
        rules: Rules,
        least: float,
    ) -> None:
        self.apart_by_time = self.apart_by_name = 0
        self._vectors = sightings.vectors[passages.representatives]
        self._owners, self._count = passages.shown, len(passages)
        self._calibration, self._rules, self._least = calibration, rules, least
        shown = sightings[passages.representatives]
        self._places = np.where(shown.cameras == UNKNOWN, -1, places_of(shown))
        count = self._count
        self._parent = list(range(count))
        self._weakest = [math.nan] * count
        self._names = passages.names.tolist()
        order = np.argsort(passages.shown, kind="stable")
        cuts = np.searchsorted(passages.shown[order], np.arange(1, count))
        self._rows: list[NDArray[np.int64]] = np.split(order, cuts) if count else []
        self._stays: list[Stays] = stays_of(sightings, passages)
        self._joined = _seeing_the_same(sightings, rules)
        self._seen: set[tuple[int, int]] = set()

    def run(self) -> None:
        """Join the two groups of the greatest mean LLR until none is above the least."""
        # A mean over joined groups is never above the greater of those of its parts, so that what
        # was computed before a join may wait in the queue as a bound until it comes first.
        queue = [(-llr, a, b, False) for llr, a, b in self._near()]
        heapq.heapify(queue)
        while queue:
            bound, a, b, exact = heapq.heappop(queue)
            one, other = sorted((self._root(a), self._root(b)))
            if one == other:
                continue
            if exact and (one, other) == (a, b):
                self._join(one, other, -bound)
            elif (one, other) not in self._seen:
                self._seen.add((one, other))
                llr = self._mean(one, other)
                if llr > self._least:
                    heapq.heappush(queue, (-llr, one, other, True))

    def groups(self) -> NDArray[np.int64]:
        """The group [P] of each passage."""
        return np.array([self._root(passage) for passage in range(self._count)], np.int64)

    @property
    def weakest(self) -> NDArray[np.float64]:
        """The least mean LLR of the joins that made each group, by its number; NaN without one."""
        return np.array(self._weakest, np.float64)

    def _near(self) -> list[tuple[float, int, int]]:
        """Pairs of passages with near sightings: the greatest LLR among these, and the two."""
        if len(self._vectors) < 2:
            return []
        vectors = UnitVectors([self._vectors])
        # Where pairs by one camera say nothing, many of the nearest are of no use.
        widened = 1 if self._calibration.for_pairs(one_camera=True) is not None else 3
        near = neighbours(vectors, widened * self._rules.neighbours + 1).nearest
        one = np.repeat(np.arange(len(near)), near.shape[1])
        other = near.ravel().astype(np.int64)
        a, b = self._owners[one], self._owners[other]
        apart = a != b
        one, other = one[apart], other[apart]
        pairs = np.sort(np.stack([a[apart], b[apart]]), axis=0)
        # |a − b|² = 2 (1 − cosine) for vectors of length one.
        kinds = _kinds(self._places[one], self._places[other])
        llrs = pair_llrs(self._calibration, vectors.squared_distances(one, other) / 2, kinds)
        kept = llrs > self._least
        llrs, pairs = llrs[kept], pairs[:, kept]
        order = np.lexsort((-llrs, pairs[1], pairs[0]))
        llrs, pairs = llrs[order], pairs[:, order]
        first = np.append(True, (np.diff(pairs) != 0).any(axis=0))[: len(llrs)]
        return list(
            zip(
                llrs[first].tolist(),
                pairs[0, first].tolist(),
                pairs[1, first].tolist(),
                strict=True,
            )
        )

    def _mean(self, one: int, other: int) -> float:
        """Mean LLR of the pairs of two groups, of some sightings of each where there are many.

        Pairs of which the calibration says nothing do not count; −inf where none does.
        """
        a, b = (_spread(self._rows[group]) for group in (one, other))
        kinds = _kinds(self._places[a][:, None], self._places[b])
        distances = np.maximum(1 - self._vectors[a] @ self._vectors[b].T, 0)
        llrs = pair_llrs(self._calibration, distances, kinds)
        return float(np.nanmean(llrs)) if not np.isnan(llrs).all() else -math.inf

    def _join(self, one: int, other: int, llr: float) -> None:
        names = {self._names[one], self._names[other]} - {UNKNOWN}
        if len(names) > 1:
            self.apart_by_name += 1
            return
        stays = self._stays[one], self._stays[other]
        if in_two_places(*stays, self._rules.tolerance, self._joined):
            self.apart_by_time += 1
            return
        new = len(self._parent)
        self._parent[one] = self._parent[other] = new
        self._parent.append(new)
        weakest = np.fmin(llr, np.fmin(self._weakest[one], self._weakest[other]))
        self._weakest.append(float(weakest))
        self._names.append(names.pop() if names else UNKNOWN)
        self._rows.append(np.concatenate([self._rows[one], self._rows[other]]))
        self._stays.append(stays[0].joined_with(stays[1]))
        # Their parts are not looked at again.
        for part in (one, other):
            self._rows[part] = self._rows[part][:0]

    def _root(self, group: int) -> int:
        while self._parent[group] != group:
            self._parent[group] = self._parent[self._parent[group]]
            group = self._parent[group]
        return group


def _kinds(one: NDArray[np.int64], other: NDArray[np.int64]) -> NDArray[np.int64]:
    """Whether places, −1 where not known, are equal; both are broadcast against each other."""
    kinds = np.where(one == other, SAME, OTHER)
    return np.where((one < 0) | (other < 0), NOT_KNOWN, kinds)


def _spread(rows: NDArray[np.int64]) -> NDArray[np.int64]:
    if len(rows) <= _MOST:
        return rows
    return rows[np.linspace(0, len(rows) - 1, _MOST).round().astype(np.int64)]


def _seeing_the_same(sightings: Sightings, rules: Rules) -> NDArray[np.bool_]:
    """Which places [places, places] one person may be seen at in one moment: equal ones, and those
    of overlapping cameras. Raises ValueError for a camera that nothing was seen by."""
    places = places_of(sightings)
    count = int(places.max(initial=-1)) + 1
    joined = np.eye(count, dtype=bool)
    for pair in rules.overlapping:
        seen = [np.unique(places[sightings.cameras == camera]) for camera in pair]
        for camera, there in zip(pair, seen, strict=True):
            if len(there) == 0:
                raise ValueError(
                    f"no sighting is by the camera {camera!r} that is to overlap"
                    + nearest(camera, set(sightings.cameras.tolist()) - {UNKNOWN})
                )
        joined[np.ix_(seen[0], seen[1])] = joined[np.ix_(seen[1], seen[0])] = True
    return joined


def _numbered(groups: NDArray[np.int64], sightings: Sightings) -> NDArray[np.int64]:
    """Groups [N] numbered from 0 in the order in which they were first seen."""
    numbers = np.unique(groups, return_inverse=True)[1].reshape(-1)
    times = sightings.times.astype("datetime64[us]").astype(np.int64)
    times = np.where(np.isnat(sightings.times), np.iinfo(np.int64).max, times)
    order = np.lexsort((np.arange(len(times)), times))
    first = np.unique(numbers[order], return_index=True)[1]
    return first.argsort().argsort()[numbers] if len(numbers) else numbers


def _names(
    sightings: Sightings,
    passages: Passages,
    groups: NDArray[np.int64],
    outside: set[str],
    prefix: str,
) -> NDArray[np.str_]:
    """Names [N]: of the known person, of an earlier linking, or new; "" for single sightings."""
    sizes = np.bincount(groups)
    names = [UNKNOWN] * len(sizes)
    for group, name in zip(groups.tolist(), passages.names[passages.of].tolist(), strict=True):
        names[group] = name or names[group]
    earlier: list[Counter[str]] = [Counter() for _ in names]
    for group, name in zip(groups.tolist(), sightings.persons.tolist(), strict=True):
        if name.startswith(prefix):
            earlier[group][name] += 1
    taken = set(outside)
    nameless = [g for g in np.argsort(-sizes, kind="stable").tolist() if not names[g]]
    linked = [group for group in nameless if sizes[group] > 1]
    for group in linked:
        names[group] = next((n for n, _ in earlier[group].most_common() if n not in taken), UNKNOWN)
        taken.add(names[group])
    used = taken.union(*earlier)
    numbers = [int(n) for n in (name.removeprefix(prefix) for name in used) if n.isdecimal()]
    following = max(numbers, default=0) + 1
    for group in sorted(group for group in linked if not names[group]):
        names[group] = f"{prefix}{following}"
        following += 1
    return np.array(names, np.str_)[groups] if names else sightings.persons


def _notes(
    sightings: Sightings, passages: Passages, calibration: Calibration, least: float
) -> tuple[str, ...]:
    notes = [*calibration.warnings]
    if calibration.for_pairs(one_camera=True) is None:
        unknown = int(np.sum(sightings.cameras == UNKNOWN))
        notes.append(
            "passages by one camera are not compared: the calibration is of pairs by two cameras"
            + (f"; {unknown:,} sightings without a camera are linked to nothing" if unknown else "")
        )
    if calibration.curve.llrs[0] <= least:
        notes.append(
            f"{len(passages):,} passages need a likelihood ratio above {math.exp(least):.3g}, and "
            f"the calibration shows none above {math.exp(calibration.curve.llrs[0]):.3g}: it is of "
            "too few persons to link so many"
        )
    untimed = int(np.sum(np.isnat(sightings.times) | (sightings.cameras == UNKNOWN)))
    if untimed:
        notes.append(
            f"{untimed:,} sightings have no time or no camera: they are not kept from being in two "
            "places at once"
        )
    timeless = int(np.sum(np.isnat(sightings.times) & (sightings.tracklets >= 0)))
    if timeless:
        notes.append(
            f"{timeless:,} sightings have a tracklet and no time: a number that was given twice "
            "cannot be told from one (give times, or a session: --session)"
        )
    if passages.torn:
        notes.append(f"{passages.torn:,} tracklets bear several names and hold nothing together")
    return tuple(notes)
