"""Who and where, across data sets: persons and cameras are of their source.

Joined data sets number persons and cameras alike, so that camera 3 of one is not camera 3 of the
other. Everything that groups or compares by person or camera does it by the keys made here.
Between two tables sources tell apart only where both have them.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from passerby.tables.embeddings import Embeddings


def person_names(part: Embeddings) -> NDArray[np.str_]:
    """The name [N] of each image's person: "source/number", or the number where no source is known.

    >>> person_names(Embeddings([[1.0], [2.0]], [7, 7], sources=["a", "b"])).tolist()
    ['a/7', 'b/7']
    """
    return shared_person_names(part)[0]


def shared_person_names(*parts: Embeddings) -> tuple[NDArray[np.str_], ...]:
    """The same of several tables, without the source unless all of them have it."""
    numbers = [part.persons.astype(np.str_) for part in parts]
    sources = _sources(parts)
    if sources is None:
        return tuple(numbers)
    return tuple(
        np.char.add(np.char.add(named, "/"), own)
        for named, own in zip(sources, numbers, strict=True)
    )


def person_numbers(*parts: Embeddings) -> tuple[NDArray[np.int64], ...]:
    """For each table numbers [N] that are equal exactly for equal persons of equal sources."""
    return _numbered(parts, [[part.persons] for part in parts])


def camera_numbers(*parts: Embeddings) -> tuple[NDArray[np.int64], ...]:
    """For each table numbers [N] that are equal exactly for equal cameras of equal sources."""
    return _numbered(parts, [[_cameras(part)] for part in parts])


def view_numbers(*parts: Embeddings) -> tuple[NDArray[np.int64], ...]:
    """For each table numbers [N] equal exactly for equal persons by equal cameras; without cameras
    in a table, for equal persons."""
    views = [
        [part.persons, np.zeros(len(part), np.int64) if part.cameras is None else part.cameras]
        for part in parts
    ]
    return _numbered(parts, views)


def camera_keys(*parts: Embeddings) -> tuple[list[tuple[str, int]], ...]:
    """For each table (source, camera) of every image, to be shown; the source is "" unless all
    tables have it."""
    sources = _sources(parts) or [np.full(len(part), "") for part in parts]
    return tuple(
        list(zip(named.tolist(), _cameras(part).tolist(), strict=True))
        for named, part in zip(sources, parts, strict=True)
    )


def numbered(*columns: NDArray) -> NDArray[np.int64]:
    """A number [N] from 0 for each distinct row of columns [N], in the rows' order.

    >>> numbered(np.array(["b", "a", "b"]), np.array([1, 1, 1])).tolist()
    [1, 0, 1]
    """
    numbers = np.zeros(len(columns[0]), np.int64)
    for column in columns:
        values, inverse = np.unique(column, return_inverse=True)
        numbers = numbers * max(len(values), 1) + inverse.reshape(-1)
        numbers = np.unique(numbers, return_inverse=True)[1].reshape(-1)  # below N: no overflow
    return numbers.astype(np.int64, copy=False)


def _numbered(
    parts: tuple[Embeddings, ...], columns: list[list[NDArray[np.int64]]]
) -> tuple[NDArray[np.int64], ...]:
    joined = [np.concatenate(column) for column in zip(*columns, strict=True)]
    sources = _sources(parts)
    numbers = numbered(*([] if sources is None else [np.concatenate(sources)]), *joined)
    return tuple(np.split(numbers, np.cumsum([len(part) for part in parts])[:-1]))


def _sources(parts: tuple[Embeddings, ...]) -> list[NDArray[np.str_]] | None:
    sources = [part.sources for part in parts if part.sources is not None]
    return sources if len(sources) == len(parts) else None


def _cameras(part: Embeddings) -> NDArray[np.int64]:
    assert part.cameras is not None
    return part.cameras
