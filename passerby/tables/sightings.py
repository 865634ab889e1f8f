"""Sightings: stored embeddings with what is known of where, when and who. Columns, not objects."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from passerby.tables.columns import IDS, PERSONS, SIGHTING_COLUMNS, matrix
from passerby.tables.looks import MOST_PICTURES, Looks, evenly
from passerby.tables.text import require_text

UNKNOWN = PERSONS.missing

NOT_A_PERSON = "not a person"
"""In place of the person of a sighting that people set aside as showing none."""
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

    Of a whole passage (one person, one camera, one stay) as one sighting: untils [N]
    datetime64[us]: when it was seen last, NaT for a single moment; coherences [N] float32: see
    `looks.pool`, NaN for a single image; looks [N]: what its vector was pooled from, None otherwise
    and where not asked for; pictures [N]: up to five JPEGs, in the order of time, () where none is
    kept.
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
    untils: NDArray[np.datetime64]
    coherences: NDArray[np.float32]
    looks: tuple[Looks | None, ...]
    pictures: tuple[tuple[bytes, ...], ...]

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
        untils: ArrayLike | None = None,
        coherences: ArrayLike | None = None,
        looks: Sequence[Looks | None] | None = None,
        pictures: Sequence[Sequence[bytes]] | None = None,
    ) -> None:
        count = len(ids)
        vectors_given = matrix("vectors", vectors, f"{count}, D")
        if len(vectors_given) != count:
            raise ValueError(f"vectors must be [{count}, D], got {list(vectors_given.shape)}")
        kept = [()] * count if pictures is None else [tuple(each) for each in pictures]
        listed: dict[str, tuple[object, ...]] = {
            "thumbnails": (b"",) * count if thumbnails is None else tuple(thumbnails),
            "looks": (None,) * count if looks is None else tuple(looks),
            "pictures": tuple(kept),
        }
        for name, each in listed.items():
            if len(each) != count:
                raise ValueError(f"{name} must be {count}, got {len(each)}")
        if max(map(len, kept), default=0) > MOST_PICTURES:
            raise ValueError(f"a sighting has at most {MOST_PICTURES} pictures")
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
            "untils": untils,
            "coherences": coherences,
        }
        columns: dict[str, object] = {"vectors": vectors_given, **listed}
        for column in SIGHTING_COLUMNS:
            values = given[column.name]
            columns[column.name] = (
                column.absent(count) if values is None else column.checked(values, count, IDS.name)
            )
        people = np.asarray(columns["persons"])
        columns["persons"] = np.where(people == NOBODY, UNKNOWN, people)
        _set(self, columns)
        _require_after(self.times, self.untils)
        require_text("images", self.images)  # in no file name's stead either: stores keep text

    def __len__(self) -> int:
        return len(self.ids)

    def __getitem__(self, rows: ArrayLike | slice) -> Sightings:
        """The chosen rows (index array, mask or slice)."""
        index = np.arange(len(self))[rows if isinstance(rows, slice) else np.asarray(rows)]
        chosen = {field.name: _picked(getattr(self, field.name), index) for field in fields(self)}
        return _of_checked(chosen)

    @classmethod
    def joined(cls, parts: Sequence[Sightings]) -> Sightings:
        """Several batches as one. Raises ValueError when there is none."""
        if not parts:
            raise ValueError("expected at least one batch of sightings")
        names = [field.name for field in fields(cls)]
        return _of_checked({n: _joined([getattr(part, n) for part in parts]) for n in names})


def without_vectors(sightings: Sightings) -> Sightings:
    """The same sightings with vectors [N, 0], and without those of looks."""
    return with_columns(sightings, vectors=np.empty((len(sightings), 0), np.float32), looks=None)


def without_thumbnails(sightings: Sightings) -> Sightings:
    """The same sightings, thumbnails and pictures left out."""
    return with_columns(sightings, thumbnails=None, pictures=None)


def with_persons(sightings: Sightings, persons: Sequence[str] | NDArray[np.str_]) -> Sightings:
    """The same sightings with other persons [N]."""
    return with_columns(sightings, persons=persons)


def with_columns(sightings: Sightings, **columns: object) -> Sightings:
    """The same sightings with other columns, by name."""
    kept = {field.name: getattr(sightings, field.name) for field in fields(Sightings)}
    return Sightings(**{**kept, **columns})


def ends(sightings: Sightings) -> NDArray[np.datetime64]:
    """When each was seen last [N], in UTC; NaT where no time is known."""
    return np.where(np.isnat(sightings.untils), sightings.times, sightings.untils)


def whole_passages(sightings: Sightings) -> NDArray[np.bool_]:
    """Which are a whole stay [N]: seen until a later time, or pooled from several looks."""
    return ~np.isnat(sightings.untils) | ~np.isnan(sightings.coherences)


def by_look(sightings: Sightings, most: int = 4096) -> tuple[Sightings, NDArray[np.int64]]:
    """Each look at a passage as a sighting, and the row [M] that each is of.

    What is learnt of single images is learnt of these: vectors, times and frames are those of the
    look, all else that of its passage, also when this ended. Sightings without looks stay as they
    are. most: looks of a passage, evenly over its time. Reading must have brought the vectors.
    """
    picked = [_evenly(looks, most) for looks in sightings.looks]
    counts = [1 if looks is None else len(looks) for looks in picked]
    rows = np.repeat(np.arange(len(sightings)), counts)
    if all(looks is None for looks in picked):
        return sightings, rows
    many = with_columns(sightings[rows], looks=None)
    columns = {name: getattr(many, name).copy() for name in ("vectors", "times", "frames")}
    starts = np.cumsum([0, *counts])
    for start, looks in zip(starts[:-1].tolist(), picked, strict=True):
        if looks is not None:
            for name, column in columns.items():
                column[start : start + len(looks)] = getattr(looks, name)
    made = with_columns(many, **columns, coherences=None, untils=_not_before(many, columns))
    return made, rows


def by_middle_look(sightings: Sightings) -> Sightings:
    """The same sightings, of each passage the vector of its middle look, which is a single image's
    like those of the others."""
    if all(looks is None for looks in sightings.looks):
        return sightings
    vectors = sightings.vectors.copy()
    for row, looks in enumerate(sightings.looks):
        if looks is not None:
            vectors[row] = looks.vectors[looks.middle]
    return with_columns(sightings, vectors=vectors, looks=None, coherences=None)


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


def _picked(values: Any, index: NDArray[np.int64]) -> Any:
    """Rows of a column, be it an array or a tuple."""
    if isinstance(values, tuple):
        return tuple(values[row] for row in index.tolist())
    return values[index]


def _joined(parts: Sequence[Any]) -> Any:
    """Columns one after another, be they arrays or tuples."""
    if isinstance(parts[0], tuple):
        return tuple(value for part in parts for value in part)
    return np.concatenate(parts)


def _evenly(looks: Looks | None, most: int) -> Looks | None:
    if looks is None or len(looks) <= most:
        return looks
    return looks[evenly(len(looks), most)]


def _not_before(
    sightings: Sightings, columns: Mapping[str, NDArray[Any]]
) -> NDArray[np.datetime64]:
    """The ends of the passages, none where a look has no time."""
    return np.where(np.isnat(columns["times"]), columns["times"], sightings.untils)


def _require_after(times: NDArray[np.datetime64], untils: NDArray[np.datetime64]) -> None:
    known = ~np.isnat(untils)
    wrong = np.flatnonzero(known & ~(times <= untils))  # also where there is no first time
    if len(wrong):
        raise ValueError(
            f"untils must not lie before times: row {wrong[0]} is from {times[wrong[0]]} until "
            f"{untils[wrong[0]]}"
        )
