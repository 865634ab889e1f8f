"""Sightings: stored embeddings with what is known of where, when and who. Columns, not objects."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

UNKNOWN = ""
"""The person, camera or source of a sighting for which it is not known."""

_TEXTS = ("persons", "cameras", "sources", "images")


@dataclass(frozen=True, init=False, eq=False)
class Sightings:
    """N sightings, column by column.

    ids [N]: 32 hexadecimal digits, the hash of the image's content, so that the same crop is the
    same sighting; vectors [N, D] float32 of length 1, or [N, 0] where they were not asked for;
    persons, cameras, sources [N]: names, "" where not known; times [N] datetime64[us] in UTC, NaT
    where not known; frames [N] int64 of their video and tracklets [N] int64, −1 where there is
    none; qualities [N] float32 from 0 to 1, NaN where not known; images [N]: paths or addresses of
    the pictures, "" where there is none; thumbnails [N]: small JPEGs, b"" where none is kept.
    """

    ids: NDArray[np.str_]
    vectors: NDArray[np.float32]
    persons: NDArray[np.str_]
    cameras: NDArray[np.str_]
    sources: NDArray[np.str_]
    times: NDArray[np.datetime64]
    frames: NDArray[np.int64]
    tracklets: NDArray[np.int64]
    qualities: NDArray[np.float32]
    images: NDArray[np.str_]
    thumbnails: tuple[bytes, ...]

    def __init__(
        self,
        ids: Sequence[str] | NDArray[np.str_],
        vectors: ArrayLike,
        *,
        persons: Sequence[str] | NDArray[np.str_] | None = None,
        cameras: Sequence[str] | NDArray[np.str_] | None = None,
        sources: Sequence[str] | NDArray[np.str_] | None = None,
        times: ArrayLike | None = None,
        frames: ArrayLike | None = None,
        tracklets: ArrayLike | None = None,
        qualities: ArrayLike | None = None,
        images: Sequence[str] | NDArray[np.str_] | None = None,
        thumbnails: Sequence[bytes] | None = None,
    ) -> None:
        names = np.asarray(ids, np.str_)
        count = len(names)
        matrix = np.ascontiguousarray(vectors, dtype=np.float32)
        if matrix.ndim != 2 or len(matrix) != count:
            raise ValueError(f"vectors must be [{count}, D], got {list(matrix.shape)}")
        jpegs = (b"",) * count if thumbnails is None else tuple(thumbnails)
        if len(jpegs) != count:
            raise ValueError(f"thumbnails must be {count}, got {len(jpegs)}")
        columns = {
            "ids": names,
            "vectors": matrix,
            "persons": _column("persons", persons, count, UNKNOWN, np.str_),
            "cameras": _column("cameras", cameras, count, UNKNOWN, np.str_),
            "sources": _column("sources", sources, count, UNKNOWN, np.str_),
            "times": _column("times", times, count, np.datetime64("NaT"), "datetime64[us]"),
            "frames": _column("frames", frames, count, -1, np.int64),
            "tracklets": _column("tracklets", tracklets, count, -1, np.int64),
            "qualities": _column("qualities", qualities, count, np.nan, np.float32),
            "images": _column("images", images, count, "", np.str_),
            "thumbnails": jpegs,
        }
        for name, value in columns.items():
            object.__setattr__(self, name, value)

    def __len__(self) -> int:
        return len(self.ids)

    def __getitem__(self, rows: ArrayLike | slice) -> Sightings:
        """The chosen rows (index array, mask or slice)."""
        index = np.arange(len(self))[rows if isinstance(rows, slice) else np.asarray(rows)]
        chosen = {
            field.name: getattr(self, field.name)[index]
            for field in fields(self)
            if field.name not in ("ids", "vectors", "thumbnails")
        }
        thumbnails = [self.thumbnails[row] for row in index.tolist()]
        return Sightings(self.ids[index], self.vectors[index], thumbnails=thumbnails, **chosen)

    @classmethod
    def joined(cls, parts: Sequence[Sightings]) -> Sightings:
        """Several batches as one. Raises ValueError when there is none."""
        if not parts:
            raise ValueError("expected at least one batch of sightings")
        columns = {
            field.name: np.concatenate([getattr(part, field.name) for part in parts])
            for field in fields(cls)
            if field.name not in ("ids", "vectors", "thumbnails")
        }
        return cls(
            np.concatenate([part.ids for part in parts]),
            np.concatenate([part.vectors for part in parts]),
            thumbnails=[jpeg for part in parts for jpeg in part.thumbnails],
            **columns,
        )


def without_vectors(sightings: Sightings) -> Sightings:
    """The same sightings with vectors [N, 0]."""
    return with_columns(sightings, vectors=np.empty((len(sightings), 0), np.float32))


def without_thumbnails(sightings: Sightings) -> Sightings:
    """The same sightings, thumbnails left out."""
    return with_columns(sightings, thumbnails=None)


def with_persons(sightings: Sightings, persons: Sequence[str] | NDArray[np.str_]) -> Sightings:
    """The same sightings with other persons [N]."""
    return with_columns(sightings, persons=persons)


def with_columns(sightings: Sightings, **columns: object) -> Sightings:
    """The same sightings with other columns, by name."""
    kept = {field.name: getattr(sightings, field.name) for field in fields(Sightings)}
    return Sightings(**{**kept, **columns})


def days(times: NDArray[np.datetime64]) -> NDArray[np.str_]:
    """The day [N] in UTC of each time, "" for NaT.

    >>> days(np.array(["2026-05-01T23:59", "NaT"], "datetime64[us]")).tolist()
    ['2026-05-01', '']
    """
    named = times.astype("datetime64[D]").astype(np.str_)
    return np.where(np.isnat(times), "", named)


def _column(
    name: str, values: ArrayLike | None, count: int, missing: object, dtype: type | str
) -> NDArray[Any]:
    if values is None:
        return np.full(count, missing, dtype)
    column = np.asarray(values, dtype=dtype)
    if column.shape != (count,):
        raise ValueError(f"{name} must be [{count}] like the ids, got {list(column.shape)}")
    if name in _TEXTS and any("\0" in text for text in column.tolist()):
        raise ValueError(f"{name} must not hold the character NUL")
    return column
