"""Embeddings: vectors with the persons and cameras they belong to. What every later step takes."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from passerby.tables.columns import (
    CAMERA_NUMBERS,
    EMBEDDING_COLUMNS,
    IMAGES,
    PERSON_NUMBERS,
    SOURCES,
    TIMES,
    TRACKLETS,
    matrix,
    names_of,
)
from passerby.tables.npz_files import Pieces, open_npz, write_npz
from passerby.tables.parts.folder import is_parts
from passerby.tables.records import Record
from passerby.tables.unit_length import lengths

_COLUMNS = names_of(EMBEDDING_COLUMNS)
_STORED = {"vectors", "local", *_COLUMNS, "model", "pooling"}


@dataclass(frozen=True, init=False, eq=False)
class Embeddings:
    """Vectors with the persons and cameras they belong to, column by column.

    Args:
        vectors: [N, D], kept as float32; an array, a list, or a torch tensor on any device, as all.
        persons: [N] integers as the data set numbers them; −1 is junk.
        cameras: [N] integers, or None where they are not known.
        images: [N] file names.
        times: [N] in UTC, kept as datetime64[us]; NaT where not known.
        tracklets: [N] integers, −1 for none.
        sources: [N] names of data sets; numbers of different sources are unrelated.
        local: [N, S, D] vectors of stripes, of systems that compare them too.
        hashes: [N] of the image files' content, 32 hexadecimal digits.
        frames: [N] integers, −1 for none.
        qualities: [N] from 0 to 1, NaN where not known.
        named_persons: [N] names where numbers do not tell all, "" where not known.
        named_cameras: [N] likewise.
        untils: [N] in UTC like ``times``: when a passage was seen last; NaT for a single moment.
        model: Fingerprint of the network that they come from.
        pooling: How it made a vector of an image: "plain", "flip", ...

    Raises:
        ValueError: A column of another length, type or range.

    Examples:
        >>> pair = Embeddings([[3.0, 4.0], [0.0, 1.0]], persons=[7, 7], cameras=[1, 2])
        >>> len(pair), pair[1:].cameras.tolist()
        (2, [2])
    """

    vectors: NDArray[np.float32]
    persons: NDArray[np.int64]
    cameras: NDArray[np.int64] | None
    images: NDArray[np.str_] | None
    times: NDArray[np.datetime64] | None
    tracklets: NDArray[np.int64] | None
    sources: NDArray[np.str_] | None
    local: NDArray[np.float32] | None
    hashes: NDArray[np.str_] | None
    frames: NDArray[np.int64] | None
    qualities: NDArray[np.float32] | None
    named_persons: NDArray[np.str_] | None
    named_cameras: NDArray[np.str_] | None
    untils: NDArray[np.datetime64] | None
    model: str
    pooling: str

    def __init__(
        self,
        vectors: ArrayLike,
        persons: ArrayLike,
        cameras: ArrayLike | None = None,
        *,
        images: Sequence[str] | NDArray[np.str_] | None = None,
        times: ArrayLike | None = None,
        tracklets: ArrayLike | None = None,
        sources: Sequence[str] | NDArray[np.str_] | None = None,
        local: ArrayLike | None = None,
        hashes: Sequence[str] | NDArray[np.str_] | None = None,
        frames: ArrayLike | None = None,
        qualities: ArrayLike | None = None,
        named_persons: Sequence[str] | NDArray[np.str_] | None = None,
        named_cameras: Sequence[str] | NDArray[np.str_] | None = None,
        untils: ArrayLike | None = None,
        model: str = "",
        pooling: str = "",
    ) -> None:
        made = matrix("vectors", vectors, "N, D")
        given = {
            "persons": persons,
            "cameras": cameras,
            "images": images,
            "times": times,
            "tracklets": tracklets,
            "sources": sources,
            "hashes": hashes,
            "frames": frames,
            "qualities": qualities,
            "named_persons": named_persons,
            "named_cameras": named_cameras,
            "untils": untils,
        }
        stripes = None if local is None else matrix("local", local, f"{len(made)}, S, D")
        if stripes is not None and len(stripes) != len(made):
            raise ValueError(f"local must be [{len(made)}, S, D], got {list(stripes.shape)}")
        fields: dict[str, object] = {
            "vectors": made,
            "local": stripes,
            "model": str(model),
            "pooling": str(pooling),
        }
        for column in EMBEDDING_COLUMNS:
            values = given[column.name]
            fields[column.name] = None if values is None else column.checked(values, len(made))
        for name, value in fields.items():
            object.__setattr__(self, name, value)

    @classmethod
    def of_records(
        cls,
        vectors: ArrayLike,
        records: Sequence[Record],
        *,
        local: ArrayLike | None = None,
        model: str = "",
        pooling: str = "",
    ) -> Embeddings:
        """Vectors [N, D] of N records, with all that the records know."""
        cameras = [r.camera for r in records]
        if any(camera is None for camera in cameras) and any(c is not None for c in cameras):
            raise ValueError("some records have a camera and some have none; give all or none")
        columns = {
            column.name: column.of(records) for column in (IMAGES, SOURCES, TIMES, TRACKLETS)
        }
        if np.isnat(columns["times"]).all():
            del columns["times"]
        if (columns["tracklets"] < 0).all():
            del columns["tracklets"]
        return cls(
            vectors,
            PERSON_NUMBERS.of(records),
            CAMERA_NUMBERS.of(records) if any(c is not None for c in cameras) else None,
            local=local,
            model=model,
            pooling=pooling,
            **columns,
        )

    @classmethod
    def of_columns(
        cls, columns: Mapping[str, NDArray], words: Mapping[str, str] | None = None
    ) -> Embeddings:
        """From columns, model and pooling by name, as `save` stores them; all of it is checked."""
        missing = {"vectors", "persons"} - {*columns}
        if missing:
            raise ValueError(f"it has no column {missing.pop()}")
        made = cls(**{**columns, **(words or {})})  # type: ignore[arg-type]
        bad = np.flatnonzero(~np.isfinite(lengths(made.vectors)))
        if len(bad):
            raise ValueError(
                f"{len(bad)} vectors hold NaN or infinite values, the first in row {bad[0]}"
            )
        return made

    def __len__(self) -> int:
        return len(self.vectors)

    def __getitem__(self, rows: ArrayLike | slice) -> Embeddings:
        """The chosen rows (index array, mask or slice) as Embeddings."""
        index = rows if isinstance(rows, slice) else np.asarray(rows)
        if isinstance(index, np.ndarray) and index.size == 0:
            index = np.empty(0, np.int64)  # an empty list comes as floats
        if isinstance(index, np.ndarray) and index.ndim != 1:
            raise ValueError(f"rows are chosen by a list or mask, got {list(index.shape)}")
        chosen = object.__new__(Embeddings)  # what was checked once stays right
        for field in fields(self):
            value = getattr(self, field.name)
            if isinstance(value, np.ndarray):
                value = np.ascontiguousarray(value[index])
            object.__setattr__(chosen, field.name, value)
        return chosen

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write one ``.npz`` without pickle, whole or not at all; only its owner may read it.

        Args:
            path: Of the file; the ending ``.npz`` is added where it lacks.

        Returns:
            The path written.

        Raises:
            DiskFull: It does not fit; an older file stays as it was.
        """
        target = Path(path)
        if target.suffix != ".npz":
            target = target.with_name(target.name + ".npz")
        given = {name: getattr(self, name) for name in ("vectors", *_COLUMNS, "local")}
        columns = {
            name: Pieces(column.dtype, column.shape[1:], [column])
            for name, column in given.items()
            if column is not None
        }
        words = {"model": self.model, "pooling": self.pooling}
        write_npz(target, len(self), columns, {n: word for n, word in words.items() if word})
        return target

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Embeddings:
        """Read what `save`, `passerby embed` or ``numpy.savez`` wrote.

        Args:
            path: Of the file, or of a folder of parts, whose vectors stay on the disk; sizes, types
                and growth are bounded before anything is read.

        Raises:
            FileNotFoundError: There is none.
            ValueError: It is something else, damaged, or holds values that no column can.
        """
        if is_parts(path):
            from passerby.tables.parts.reading import map_parts

            return map_parts(path)
        with open_npz(path, _STORED) as file:
            (columns,) = file.batches(max(file.count, 1))
            return cls.of_columns(columns, file.words)


def read_in_batches(
    path: str | os.PathLike[str], rows: int = 50_000
) -> tuple[int, Iterator[Embeddings]]:
    """How many embeddings a file holds, and they themselves, at most ``rows`` at once; of a folder
    of parts a part at once.

    Raises ValueError as `Embeddings.load`, also while they are read.
    """
    if is_parts(path):
        from passerby.tables.parts.reading import read_parts

        return read_parts(path)
    with open_npz(path, _STORED) as file:
        count = file.count
    return count, _batches(path, rows)


def _batches(path: str | os.PathLike[str], rows: int) -> Iterator[Embeddings]:
    with open_npz(path, _STORED) as file:
        for columns in file.batches(rows):
            yield Embeddings.of_columns(columns, file.words)


def require_one_model(query: Embeddings, gallery: Embeddings) -> None:
    """Raise ValueError where two tables say that other networks, or poolings, made them.

    A distance between vectors of two networks is a number without meaning.
    """
    for what, one, other in (
        ("models", query.model, gallery.model),
        ("poolings", query.pooling, gallery.pooling),
    ):
        if one and other and one != other:
            raise ValueError(
                f"query and gallery come from different {what} ({one} and {other}): their vectors "
                "cannot be compared; embed both with the same model and options"
            )
