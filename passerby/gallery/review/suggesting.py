"""Suggestions: two persons who may be one, and sightings that may not be of their person.

Whoever has a name, given by people or by linking, is compared by some sightings of as many stays.
Two persons are suggested to be one where the mean log-likelihood ratio of these is above, or not
far below, what linking joins at; a sighting is doubtful where its mean with the others of its
person is below, or not far above it. The likeliest to change something come first. Never suggested:
what was answered or decided, and two who were in two places at once.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import product

import numpy as np
from numpy.typing import NDArray

from passerby.evaluation.ranking.neighbours import UnitVectors, neighbours
from passerby.gallery.ledger.obeyed import Obeyed, obeyed
from passerby.gallery.link.linking import worth_in
from passerby.gallery.link.merging import place_kinds, place_pairs, seeing_the_same
from passerby.gallery.link.passages import Passages, in_two_places, passages_of, places_of, stays_of
from passerby.gallery.link.rules import Rules
from passerby.gallery.link.worth import Worth
from passerby.gallery.review.asking import Picture
from passerby.gallery.reviewed_pairs import sightings_of
from passerby.stores import Store
from passerby.tables.filters import Where
from passerby.tables.sightings import UNKNOWN, Sightings, without_thumbnails

MOST_PERSONS = 4000
"""Persons that are compared at once; of more some, others after the next decision."""

MARGIN = math.log(20)
"""How far below what linking joins at two persons are still suggested, above it a doubt."""

_SHOWN = 6  # sightings of a person that are compared
_NEAR = 20  # sightings near to each that are looked at
_CANDIDATES = 500  # pairs of persons whose means are worked out


@dataclass(frozen=True)
class Suggestion:
    """Two sightings, and whose: of two persons who may be one, or a doubtful one and another of
    its person. llr: mean log-likelihood ratio; distance: of the two sightings, cosine."""

    first: Picture
    second: Picture
    persons: tuple[str, str]
    llr: float
    distance: float


@dataclass(frozen=True, eq=False)
class Faces:
    """What stands for the named persons of a gallery.

    named [N]: all their sightings, without vectors; passages: of these, one a person; shown [R]:
    some of them, with vectors; owners [R]: the passage of each; least: what linking joins at; said:
    what people decided of the named.
    """

    named: Sightings
    passages: Passages
    shown: Sightings
    owners: NDArray[np.int64]
    worth: Worth
    least: float
    said: Obeyed

    @classmethod
    def of(cls, store: Store, rules: Rules) -> Faces:
        """Of a gallery as it is seen. Raises ValueError where nothing tells what a distance is
        worth, or nobody has a name."""
        worth, _ = worth_in(store)
        parts = [part for part in store.read(Where(known=True), with_vectors=False) if len(part)]
        if not parts:
            raise ValueError("nobody in the gallery has a name: link it, or name somebody")
        joined = without_thumbnails(Sightings.joined(parts))
        named = joined[np.argsort(joined.ids, kind="stable")]
        said = obeyed(store, named.ids)
        passages = passages_of(named, named.persons, rules.gap, said.apart)
        rows = _some(passages, said.newest)
        shown = sightings_of(store, named.ids[rows].tolist())  # by id, as the rows are
        least = rules.least_llr(len(np.unique(passages.tracklets)))
        return cls(named, passages, shown, passages.of[rows], worth, least, said)

    @cached_property
    def _places(self) -> NDArray[np.int64]:
        return np.where(self.shown.cameras == UNKNOWN, -1, places_of(self.shown))

    @cached_property
    def _between(self) -> NDArray[np.int64]:
        return place_pairs(self.shown, self._places, self.worth)

    @cached_property
    def vectors(self) -> NDArray[np.float32]:
        """Of the shown sightings, to measure them by [R, D]."""
        return self.worth.vectors(self.shown)

    def llrs(self, one: NDArray[np.int64], other: NDArray[np.int64]) -> NDArray[np.float64]:
        """Log-likelihood ratios of shown sightings, broadcast; NaN where not known."""
        cosines = np.einsum("...d,...d->...", self.vectors[one], self.vectors[other])
        places = self._places[one], self._places[other]
        distances = np.maximum(1 - cosines.astype(np.float64), 0)
        return self.worth.llrs(distances, place_kinds(*places), self._between[places])

    def suggestion(self, first: int, second: int, llr: float) -> Suggestion:
        """Of two shown sightings."""
        cosine = float(self.shown.vectors[first] @ self.shown.vectors[second])
        one, other = (str(self.passages.names[self.owners[row]]) for row in (first, second))
        pictures = Picture.of(self.shown, first), Picture.of(self.shown, second)
        return Suggestion(*pictures, (one, other), llr, max(0.0, 1 - cosine))


def suggested_merges(
    store: Store, faces: Faces, rules: Rules, count: int
) -> tuple[Suggestion, ...]:
    """Pairs of persons who may be one, the likeliest first, nobody twice."""
    settled = _settled(store, faces)
    joined = seeing_the_same(faces.named, rules)
    mirrored = np.zeros(len(joined), bool)
    stays = stays_of(faces.named, faces.passages)
    found: list[tuple[float, int, int]] = []
    for one, other, nearest in _near(faces):
        if (one, other) in settled:
            continue
        rows = [np.flatnonzero(faces.owners == person) for person in (one, other)]
        llrs = faces.llrs(rows[0][:, None], rows[1])
        mean = float(np.nanmean(llrs)) if not np.isnan(llrs).all() else -math.inf
        if mean > faces.least - MARGIN and not in_two_places(
            stays[one], stays[other], rules.tolerance, joined, mirrored
        ):
            found.append((mean, *nearest))
    taken: set[int] = set()
    chosen: list[Suggestion] = []
    for llr, first, second in sorted(found, reverse=True):
        pair = {int(faces.owners[first]), int(faces.owners[second])}
        if not pair & taken and len(chosen) < count:
            taken |= pair
            chosen.append(faces.suggestion(first, second, llr))
    return tuple(chosen)


def suggested_splits(store: Store, faces: Faces, count: int) -> tuple[Suggestion, ...]:
    """Doubtful sightings of persons of three stays or more, the most doubtful first, one a person;
    none that people named."""
    decided = dict(zip(faces.named.ids.tolist(), faces.said.decided.tolist(), strict=True))
    person = dict(zip(faces.named.ids.tolist(), faces.passages.of.tolist(), strict=True))
    answered = {
        one
        for each in store.about.answers
        if each.first in person and person[each.first] == person.get(each.second)
        for one in (each.first, each.second)
    }
    found = []
    for rows in _by_owner(faces):
        if len(rows) < 3:
            continue
        llrs = faces.llrs(rows[:, None], rows)
        np.fill_diagonal(llrs, np.nan)
        known = ~np.isnan(llrs)
        means = np.where(known, llrs, 0).sum(1) / np.maximum(known.sum(1), 1)
        free = [not decided[one] and one not in answered for one in faces.shown.ids[rows].tolist()]
        asked = known.any(1) & np.array(free)
        if asked.any():
            weakest = int(np.argmin(np.where(asked, means, np.inf)))
            surest = int(np.argmax(np.where(known.any(1), means, -np.inf)))
            found.append((float(means[weakest]), int(rows[weakest]), int(rows[surest])))
    doubtful = [each for each in sorted(found) if each[0] < faces.least + MARGIN]
    return tuple(faces.suggestion(first, second, llr) for llr, first, second in doubtful[:count])


def _some(passages: Passages, seed: int) -> NDArray[np.int64]:
    """Rows of some sightings of some persons, ascending: of as many stays as there are."""
    people = np.arange(len(passages))
    if len(people) > MOST_PERSONS:
        people = np.sort(np.random.default_rng([seed, 29]).permutation(people)[:MOST_PERSONS])
    order = np.argsort(passages.shown, kind="stable")
    cuts = np.searchsorted(passages.shown[order], np.arange(len(passages) + 1))
    chosen = []
    for person in people.tolist():
        own = passages.representatives[order[cuts[person] : cuts[person + 1]]]
        own = own[np.unique(passages.tracklets[own], return_index=True)[1]]
        spread = np.linspace(0, len(own) - 1, min(len(own), _SHOWN)).round().astype(np.int64)
        chosen.append(own[spread])
    return np.sort(np.concatenate(chosen))


def _by_owner(faces: Faces) -> list[NDArray[np.int64]]:
    """Rows of what is shown of each person."""
    order = np.argsort(faces.owners, kind="stable")
    return np.split(order, np.flatnonzero(np.diff(faces.owners[order])) + 1)


def _near(faces: Faces) -> Iterator[tuple[int, int, tuple[int, int]]]:
    """Pairs of persons with near sightings, the lesser first, and the nearest rows of each."""
    if len(faces.shown) < 2:
        return
    near = neighbours(UnitVectors([faces.vectors]), _NEAR + 1).nearest
    one = np.repeat(np.arange(len(near)), near.shape[1])
    other = near.ravel().astype(np.int64)
    swapped = faces.owners[one] > faces.owners[other]
    one, other = np.where(swapped, other, one), np.where(swapped, one, other)
    kept = faces.owners[one] < faces.owners[other]
    llrs = faces.llrs(one[kept], other[kept])
    rows = np.stack([one[kept], other[kept]], axis=1)[~np.isnan(llrs)]
    seen: set[tuple[int, int]] = set()
    for first, second in rows[np.argsort(-llrs[~np.isnan(llrs)], kind="stable")].tolist():
        pair = int(faces.owners[first]), int(faces.owners[second])
        if pair not in seen and len(seen) < _CANDIDATES:
            seen.add(pair)
            yield (*pair, (first, second))


def _settled(store: Store, faces: Faces) -> Collection[tuple[int, int]]:
    """Pairs of persons, the lesser first, that were told apart or asked about."""
    person = faces.passages.of
    pairs: set[tuple[int, int]] = set()
    for one, other in faces.said.apart:
        sides = ({*person[side].tolist()} for side in (one, other))
        pairs.update(product(*sides))
    rows = {name: row for row, name in enumerate(faces.named.ids.tolist())}
    for each in store.about.answers:
        if each.same is not True and each.first in rows and each.second in rows:
            pairs.add((int(person[rows[each.first]]), int(person[rows[each.second]])))
    return {(min(pair), max(pair)) for pair in pairs}
