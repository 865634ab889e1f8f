"""What a gallery has seen: how far each of its passages is from the persons it watches for.

Distances are measured as the gallery sees (`gallery.adapted`), less the mean of each camera, so
that no camera raises alarms for its light. The distance of a passage is the mean over its
sightings, to the mean of the reference images.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from passerby.adaptation.back_end import BackEnd
from passerby.adaptation.camera_means import CameraMeans, camera_means
from passerby.gallery.adapted import back_end_of
from passerby.gallery.own_distances import sample_of
from passerby.gallery.tracklets import tracklet_numbers
from passerby.stores import Store
from passerby.stores.about import Alert
from passerby.tables.sightings import UNKNOWN, Sightings
from passerby.tables.unit_length import unit

MOST = 200_000
"""Passages that are looked at: the newest."""


@dataclass(frozen=True, eq=False)
class Sight:
    """How vectors are seen: through what the gallery learnt, and less the mean of their camera."""

    back_end: BackEnd | None
    means: CameraMeans | None

    @classmethod
    def of(cls, store: Store) -> Sight:
        """As a gallery sees now, by a sample of its sightings."""
        learnt = back_end_of(store.about)
        sample = sample_of(store)
        if len(sample) < 2:
            return cls(learnt, None)
        vectors = cls(learnt, None).vectors(sample.vectors, sample.sources, sample.cameras)
        return cls(learnt, camera_means(vectors, sample.sources, sample.cameras))

    def vectors(
        self, given: NDArray[np.float32], sources: NDArray[np.str_], cameras: NDArray[np.str_]
    ) -> NDArray[np.float32]:
        """Unit vectors [N, D] as the network made them, seen so; of length 1 again."""
        found = given
        if self.back_end is not None:
            found = self.back_end.applied(found, sources, cameras)
        if self.means is not None:
            found = self.means.removed(found, sources, cameras)
        return unit(found)

    def references(self, given: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
        """For each of A sets of reference images [R, D] one vector, [A, D]."""
        pooled = np.stack([unit(one).mean(axis=0) for one in given])
        nowhere = np.full(len(pooled), UNKNOWN)
        return self.vectors(unit(pooled), nowhere, nowhere)

    def distances(self, rows: Sightings, references: NDArray[np.float32]) -> NDArray[np.float64]:
        """Of N sightings with vectors to A references, [N, A]."""
        seen = self.vectors(rows.vectors, rows.sources, rows.cameras)
        return np.asarray(1 - seen @ references.T, np.float64)


@dataclass(eq=False)
class History:
    """P passages, and A alerts: passages as the first id of each by time, times [P] when each
    began; distances [P, A]; known [P, A]: of the alert's own person, as far as that was said."""

    passages: NDArray[np.str_]
    times: NDArray[np.datetime64]
    distances: NDArray[np.float64]
    known: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.passages)

    def strangers(self, alert: int) -> NDArray[np.float64]:
        """Distances of those not known to be the person of an alert."""
        found: NDArray[np.float64] = self.distances[~self.known[:, alert], alert]
        return found


def first_of(passage: Sightings) -> int:
    """The row of the first sighting of a passage by time, of those without one by id."""
    return int(np.lexsort((passage.ids, passage.times))[0])


def history_of(
    store: Store, sight: Sight, alerts: Sequence[Alert], references: NDArray[np.float32]
) -> History:
    """What a gallery has seen, held against references [A, D] of A alerts."""
    seen = _without_vectors(store)
    if seen is None:
        return History(
            np.empty(0, np.str_),
            np.empty(0, "M8[us]"),
            np.empty((0, len(alerts))),
            np.empty((0, len(alerts)), bool),
        )
    numbers = tracklet_numbers(seen)
    # A stable order by passage, then time, then id: its first is the one that names it.
    order = np.lexsort((seen.ids, seen.times, numbers))
    starts = np.flatnonzero(np.diff(numbers[order], prepend=-1))
    firsts = order[starts]
    passage = np.empty(len(seen), np.int64)
    passage[order] = np.repeat(np.arange(len(starts)), np.diff([*starts, len(order)]))
    newest = np.argsort(seen.times[firsts], kind="stable")  # NaT comes last
    timed = int(np.sum(~np.isnat(seen.times[firsts])))
    kept = np.sort(np.concatenate([newest[timed:], newest[:timed]])[-MOST:])
    distances = _means(store, sight, references, seen.ids, passage)
    known = _known(seen, passage, len(starts), alerts)
    chosen = firsts[kept]
    return History(seen.ids[chosen], seen.times[chosen], distances[kept], known[kept])


def _without_vectors(store: Store) -> Sightings | None:
    parts = [part for part in store.read(with_vectors=False) if len(part)]
    return Sightings.joined(parts) if parts else None


def _means(
    store: Store,
    sight: Sight,
    references: NDArray[np.float32],
    ids: NDArray[np.str_],
    passage: NDArray[np.int64],
) -> NDArray[np.float64]:
    """The mean distance [P, A] of each passage, of which the sightings are passage [N], ids [N]."""
    order = np.argsort(ids)
    sums = np.zeros((int(passage.max()) + 1, len(references)))
    counts = np.zeros(len(sums))
    for part in store.read():
        at = np.minimum(np.searchsorted(ids, part.ids, sorter=order), len(ids) - 1)
        there = ids[order[at]] == part.ids  # not what another process has added meanwhile
        rows = passage[order[at[there]]]
        if len(rows):
            np.add.at(sums, rows, sight.distances(part[there], references))
            np.add.at(counts, rows, 1)
    made: NDArray[np.float64] = sums / np.maximum(counts, 1)[:, None]
    return made


def _known(
    seen: Sightings, passage: NDArray[np.int64], count: int, alerts: Sequence[Alert]
) -> NDArray[np.bool_]:
    known = np.zeros((count, len(alerts)), bool)
    for column, alert in enumerate(alerts):
        rows = np.isin(seen.ids, alert.confirmed) if alert.confirmed else np.zeros(len(seen), bool)
        if alert.person:
            rows |= seen.persons == alert.person
        known[passage[rows], column] = True
    return known
