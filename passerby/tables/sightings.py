"""Sightings: stored embeddings with what is known of where, when and who. Columns, not objects."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import ArrayLike, NDArray

from passerby.tables.columns import IDS, PERSONS, SIGHTING_COLUMNS, matrix
from passerby.tables.text import require_text

UNKNOWN = PERSONS.missing
"""The person, camera or source of a sighting for which it is not known."""

NOBODY = "-1"
"""The person of images that data sets mark as showing none: never a name."""


@dataclass(frozen=True, init=False, eq=False)
class Sightings:
    """N sightings, column by column.

    ids [N]: 32 hexadecimal digits, the hash of the image's content, so that the same crop is the
    same sighting; vectors [N, D] float32 of length 1, or [N, 0] where they were not asked for;
    persons, cameras, sources [N]: names, "" where not known, as for the person "-1"; times [N]
    datetime64[us] in UTC, NaT where not known; frames [N] int64 of their video and tracklets [N]
    int64, −1 where there is none; qualities [N] float32 from 0 to 1, NaN where not known; images
    [N]: paths or addresses of the pictures, "" where there is none; thumbnails [N]: small JPEGs,
    b"" where none is kept.
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
        count = len(ids)
        vectors_given = matrix("vectors", vectors, f"{count}, D")
        if len(vectors_given) != count:
            raise ValueError(f"vectors must be [{count}, D], got {list(vectors_given.shape)}")
        jpegs = (b"",) * count if thumbnails is None else tuple(thumbnails)
        if len(jpegs) != count:
            raise ValueError(f"thumbnails must be {count}, got {len(jpegs)}")
        given = {
            "ids": ids,
            "persons": persons,
            "cameras": cameras,
            "sources": sources,
            "times": times,
            "frames": frames,
            "tracklets": tracklets,
            "qualities": qualities,
            "images": images,
        }
        columns: dict[str, object] = {"vectors": vectors_given, "thumbnails": jpegs}
        for column in SIGHTING_COLUMNS:
            values = given[column.name]
            columns[column.name] = (
                column.absent(count) if values is None else column.checked(values, count, IDS.name)
            )
        people = np.asarray(columns["persons"])
        columns["persons"] = np.where(people == NOBODY, UNKNOWN, people)
        _set(self, columns)
        require_text("images", self.images)  # in no file name's stead either: stores keep text

    def __len__(self) -> int:
        return len(self.ids)

    def __getitem__(self, rows: ArrayLike | slice) -> Sightings:
        """The chosen rows (index array, mask or slice)."""
        index = np.arange(len(self))[rows if isinstance(rows, slice) else np.asarray(rows)]
        chosen: dict[str, object] = {
            field.name: getattr(self, field.name)[index]
            for field in fields(self)
            if field.name != "thumbnails"
        }
        return _of_checked({**chosen, "thumbnails": _picked(self.thumbnails, index)})

    @classmethod
    def joined(cls, parts: Sequence[Sightings]) -> Sightings:
        """Several batches as one. Raises ValueError when there is none."""
        if not parts:
            raise ValueError("expected at least one batch of sightings")
        columns: dict[str, object] = {
            field.name: np.concatenate([getattr(part, field.name) for part in parts])
            for field in fields(cls)
            if field.name != "thumbnails"
        }
        return _of_checked(
            {**columns, "thumbnails": tuple(jpeg for part in parts for jpeg in part.thumbnails)}
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


def _of_checked(columns: dict[str, object]) -> Sightings:
    """Sightings of columns that were checked before: every answer of a search makes some."""
    made = object.__new__(Sightings)
    _set(made, columns)
    return made


def _set(sightings: Sightings, columns: dict[str, object]) -> None:
    for name, value in columns.items():
        object.__setattr__(sightings, name, value)


def _picked(thumbnails: tuple[bytes, ...], index: NDArray[np.int64]) -> tuple[bytes, ...]:
    return tuple(thumbnails[row] for row in index.tolist())
