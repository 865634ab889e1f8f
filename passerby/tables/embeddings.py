"""Embeddings: vectors with the persons and cameras they belong to. What every later step takes."""

from __future__ import annotations

import os
import sys
import tempfile
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from passerby.tables.records import Record

_OPTIONAL = (
    "images",
    "times",
    "tracklets",
    "sources",
    "local",
    "hashes",
    "frames",
    "qualities",
    "named_persons",
    "named_cameras",
)
_WORDS = ("model", "pooling")


@dataclass(frozen=True, init=False, eq=False)
class Embeddings:
    """Vectors [N, D] float32 with persons [N] int64 and cameras [N] int64, or None without cameras.

    Each may be given as an array, a list, or a torch tensor on any device. By keyword, each
    optional: images [N] file names, times [N] datetime64[us] in UTC (NaT: not known), tracklets [N]
    int64 (−1: none), sources [N] names of data sets, local [N, S, D] stripe vectors, hashes [N] of
    the image files' content (32 hexadecimal digits), frames [N] int64 (−1: none), qualities [N]
    float32 from 0 to 1 (NaN: not known), named_persons and named_cameras [N] as text where numbers
    do not tell all ("": not known), model: fingerprint of the network they come from, pooling: how
    it made a vector of an image ("plain", "flip", ...; "": not known).
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
        model: str = "",
        pooling: str = "",
    ) -> None:
        matrix = np.ascontiguousarray(_array(vectors), dtype=np.float32)
        if matrix.ndim != 2:
            raise ValueError(f"vectors must be [N, D], got the shape {list(matrix.shape)}")
        count = len(matrix)
        fields = {
            "vectors": matrix,
            "persons": _integers("persons", persons, count),
            "cameras": None if cameras is None else _integers("cameras", cameras, count),
            "images": _optional("images", images, count, np.str_),
            "times": _optional("times", times, count, "datetime64[us]"),
            "tracklets": None if tracklets is None else _integers("tracklets", tracklets, count),
            "sources": _optional("sources", sources, count, np.str_),
            "hashes": _optional("hashes", hashes, count, np.str_),
            "frames": None if frames is None else _integers("frames", frames, count),
            "qualities": _optional("qualities", qualities, count, np.float32),
            "named_persons": _optional("named_persons", named_persons, count, np.str_),
            "named_cameras": _optional("named_cameras", named_cameras, count, np.str_),
            "local": None if local is None else np.ascontiguousarray(local, dtype=np.float32),
            "model": str(model),
            "pooling": str(pooling),
        }
        stripes = fields["local"]
        if isinstance(stripes, np.ndarray) and (stripes.ndim != 3 or len(stripes) != count):
            raise ValueError(f"local must be [{count}, S, D], got {list(stripes.shape)}")
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
        known = [r.time for r in records]
        times = None
        if any(known):
            times = np.array(
                [np.datetime64("NaT") if t is None else utc(t) for t in known], "datetime64[us]"
            )
        tracklets = [-1 if r.tracklet is None else r.tracklet for r in records]
        return cls(
            vectors,
            np.array([r.person for r in records], np.int64),
            None if not cameras or cameras[0] is None else np.array(cameras, np.int64),
            images=[r.image for r in records],
            times=times,
            tracklets=tracklets if any(t >= 0 for t in tracklets) else None,
            sources=[r.source for r in records],
            local=local,
            model=model,
            pooling=pooling,
        )

    @classmethod
    def of_columns(cls, columns: Mapping[str, NDArray]) -> Embeddings:
        """From columns by name, as `save` stores them; ValueError for one of another name."""
        unknown = set(columns) - {"vectors", "persons", "cameras", *_WORDS, *_OPTIONAL}
        if unknown:
            raise ValueError(f"unknown columns: {', '.join(sorted(unknown))}")
        words = {name: str(columns.get(name, "")) for name in _WORDS}
        return cls(**{**columns, **words})  # type: ignore[arg-type]

    def __len__(self) -> int:
        return len(self.vectors)

    def __getitem__(self, rows: ArrayLike | slice) -> Embeddings:
        """The chosen rows (index array, mask or slice) as Embeddings."""
        index = rows if isinstance(rows, slice) else np.asarray(rows)
        if isinstance(index, np.ndarray) and index.size == 0:
            index = np.empty(0, np.int64)  # an empty list comes as floats

        def pick(column: NDArray | None) -> NDArray | None:
            return None if column is None else column[index]

        return Embeddings(
            self.vectors[index],
            self.persons[index],
            pick(self.cameras),
            model=self.model,
            pooling=self.pooling,
            **{name: pick(getattr(self, name)) for name in _OPTIONAL},
        )

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write one ``.npz`` (no pickle), whole or not at all. Returns the path written."""
        target = Path(path)
        if target.suffix != ".npz":
            target = target.with_name(target.name + ".npz")
        columns: dict[str, NDArray] = {
            "vectors": self.vectors,
            "persons": self.persons,
            "model": np.array(self.model),
        }
        if self.pooling:
            columns["pooling"] = np.array(self.pooling)
        for name in ("cameras", *_OPTIONAL):
            value = getattr(self, name)
            if value is not None:
                columns[name] = value
        target.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(suffix=".npz", dir=target.parent)
        try:
            with os.fdopen(handle, "wb") as file:
                np.savez(file, **columns)  # type: ignore[arg-type]
            os.replace(temporary, target)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
        return target

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Embeddings:
        """Read what `save` wrote. Raises ValueError when the file is something else."""
        try:
            with open(path, "rb") as file, np.load(file, allow_pickle=False) as stored:
                columns = {name: stored[name] for name in stored.files}
            return cls.of_columns(columns)
        except FileNotFoundError:
            raise
        except (OSError, ValueError, TypeError, EOFError, zipfile.BadZipFile) as error:
            raise ValueError(
                f"{path} is not an embeddings file: expected an .npz with vectors [N, D] and "
                f"persons [N] ({error})"
            ) from None


def person_names(part: Embeddings) -> NDArray[np.str_]:
    """The name [N] of each image's person: "source/number", or the number where no source is known.

    >>> person_names(Embeddings([[1.0], [2.0]], [7, 7], sources=["a", "b"])).tolist()
    ['a/7', 'b/7']
    """
    numbers = part.persons.astype(np.str_)
    if part.sources is None:
        return numbers
    return np.char.add(np.char.add(part.sources, "/"), numbers)


def _array(values: ArrayLike) -> ArrayLike:
    """The values of a torch tensor, on any device and of any kind; all else as it is."""
    # Whoever has a tensor has loaded torch; nobody else waits for it here.
    torch = sys.modules.get("torch")
    if torch is None or not isinstance(values, torch.Tensor):
        return values
    tensor = values.detach().cpu()
    return (tensor.float() if tensor.is_floating_point() else tensor).numpy()


def _integers(name: str, values: ArrayLike, count: int) -> NDArray[np.int64]:
    column = np.asarray(_array(values))
    if column.size and column.dtype.kind not in "iu":
        raise ValueError(f"{name} must be integers, got {column.dtype}")
    return _column(name, column, count, np.int64)


def _optional(name: str, values: ArrayLike | None, count: int, dtype: type | str) -> NDArray | None:
    return None if values is None else _column(name, values, count, dtype)


def _column(name: str, values: ArrayLike, count: int, dtype: type | str) -> NDArray:
    column = np.asarray(values, dtype=dtype)
    if column.shape != (count,):
        raise ValueError(f"{name} must be [{count}] like the vectors, got {list(column.shape)}")
    return np.ascontiguousarray(column)


def utc(time: datetime) -> np.datetime64:
    """A time with a zone as datetime64[us] in UTC."""
    return np.datetime64(time.astimezone(UTC).replace(tzinfo=None), "us")
