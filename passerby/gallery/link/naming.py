"""Numbers and names of linked groups: those that they have, or had, before new ones."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection

import numpy as np
from numpy.typing import NDArray

from passerby.gallery.link.passages import Passages
from passerby.tables.sightings import UNKNOWN, Sightings


def group_numbers(groups: NDArray[np.int64], sightings: Sightings) -> NDArray[np.int64]:
    """Groups [N] numbered from 0 in the order in which they were first seen."""
    numbers = np.unique(groups, return_inverse=True)[1].reshape(-1)
    times = sightings.times.astype("datetime64[us]").astype(np.int64)
    times = np.where(np.isnat(sightings.times), np.iinfo(np.int64).max, times)
    order = np.lexsort((np.arange(len(times)), times))
    first = np.unique(numbers[order], return_index=True)[1]
    return first.argsort().argsort()[numbers] if len(numbers) else numbers


def group_names(
    sightings: Sightings,
    passages: Passages,
    groups: NDArray[np.int64],
    outside: set[str],
    prefix: str,
    *,
    kept: Collection[str] = (),
) -> NDArray[np.str_]:
    """Names [N]: of the known person, of an earlier linking, or new; "" for single sightings.

    kept: names that are not given to anybody new, as a decision that is undone may bring them back.
    """
    sizes = np.bincount(groups)
    names = [UNKNOWN] * len(sizes)
    for group, name in zip(groups.tolist(), passages.names[passages.of].tolist(), strict=True):
        names[group] = name or names[group]
    earlier: list[Counter[str]] = [Counter() for _ in names]
    for group, name in zip(groups.tolist(), sightings.persons.tolist(), strict=True):
        if name.startswith(prefix):
            earlier[group][name] += 1
    taken = outside.union(filter(None, names))
    nameless = [g for g in np.argsort(-sizes, kind="stable").tolist() if not names[g]]
    linked = [group for group in nameless if sizes[group] > 1]
    for group in linked:
        names[group] = next((n for n, _ in earlier[group].most_common() if n not in taken), UNKNOWN)
        taken.add(names[group])
    used = taken.union(kept, *earlier)
    numbers = [int(n) for n in (name.removeprefix(prefix) for name in used) if n.isdecimal()]
    following = max(numbers, default=0) + 1
    for group in sorted(group for group in linked if not names[group]):
        names[group] = f"{prefix}{following}"
        following += 1
    return np.array(names, np.str_)[groups] if names else sightings.persons
