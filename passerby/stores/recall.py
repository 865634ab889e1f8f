"""Recall of an approximate search: what share of the nearest sightings it finds, under filters."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from passerby.stores import Hits, Store
from passerby.tables.filters import Where
from passerby.tables.sightings import Sightings

RARE = 0.005
"""Share of a gallery that the rare filter keeps."""

SearchWhere = Callable[[NDArray[np.float32], int, Where], Hits]


@dataclass(frozen=True)
class Truth:
    """Sightings of the gallery as queries, and by filter the nearest others of each, by exact
    search: sets of at most ``k`` ids, one per query."""

    queries: Sightings
    k: int
    filters: Mapping[str, Where]
    nearest: Mapping[str, list[set[str]]]

    @classmethod
    def of(cls, store: Store, queries: Sightings, k: int = 10) -> Truth:
        """Search exactly for given sightings of a store, with vectors, under `typical_filters`."""
        filters = typical_filters(store)
        nearest = {
            name: _others(store.search(queries.vectors, k + 1, where, exact=True), queries, k)
            for name, where in filters.items()
        }
        return cls(queries, k, filters, nearest)

    def recall(self, name: str, search: SearchWhere) -> float:
        """Share of the nearest that a search finds under the filter of that name; 1 for none."""
        truth = self.nearest[name]
        hits = search(self.queries.vectors, self.k + 1, self.filters[name])
        found = _others(hits, self.queries, self.k)
        wanted = sum(map(len, truth))
        met = sum(len(one & other) for one, other in zip(truth, found, strict=True))
        return met / wanted if wanted else 1.0


def typical_filters(store: Store) -> dict[str, Where]:
    """What recall is measured under: "plain"; "other cameras" than that with most sightings; "one
    camera", that with most; "rare", about 0.5 % of all, by camera and time. Those that a gallery
    cannot have are left out.
    """
    filters = {"plain": Where()}
    cameras = {name: count for name, count in store.groups("camera").items() if name}
    if len(cameras) > 1:
        most = max(cameras, key=lambda name: cameras[name])
        filters["other cameras"] = Where(not_cameras=(most,))
        filters["one camera"] = Where(cameras=(most,))
    rare = _rare(store, cameras)
    if rare is not None:
        filters["rare"] = rare
    return filters


def _rare(store: Store, cameras: Mapping[str, int]) -> Where | None:
    """The middle of the time of one camera, as long as to hold 0.5 % of all sightings."""
    wanted = int(np.ceil(RARE * store.count()))
    enough = {name: count for name, count in cameras.items() if count >= wanted}
    if not enough:
        return None
    where = Where(cameras=(min(enough, key=lambda name: (enough[name], name)),))
    parts = [part.times for part in store.read(where, with_vectors=False)]
    times = np.sort(np.concatenate(parts))
    times = times[~np.isnat(times)]
    if len(times) <= wanted:
        return where
    first = (len(times) - wanted) // 2
    since, until = times[first], times[first + wanted]
    if since == until:
        return where
    return Where(cameras=where.cameras, since=_zoned(since), until=_zoned(until))


def _zoned(time: np.datetime64) -> datetime:
    moment: datetime = time.astype("datetime64[us]").item()
    return moment.replace(tzinfo=UTC)


def _others(hits: Hits, queries: Sightings, k: int) -> list[set[str]]:
    """The first k hits of each query, itself left out."""
    found = []
    for number, own in enumerate(queries.ids.tolist()):
        names = hits.of(number)[0].ids.tolist()
        found.append({*[name for name in names if name != own][:k]})
    return found
