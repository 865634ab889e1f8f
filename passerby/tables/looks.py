"""Looks: what a sighting that is a whole passage was pooled from, and what it is pooled to."""

from __future__ import annotations

import struct
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from passerby.tables.unit_length import unit

MOST_PICTURES = 5
"""Pictures that are kept of a passage."""

_HEAD = struct.Struct("<4sHHdd")  # what it is, K, D, seconds of the first and the last frame
_SIGN = b"LKS1"
_MOST = 4096  # looks of one passage; a longer text was not written by us


@dataclass(frozen=True, eq=False)
class Looks:
    """K looks at one person in one stay before one camera, in the order of time.

    span: seconds of the video, of the first and the last frame in which the person was seen;
    seconds [K] float64 likewise; times [K] datetime64[us] in UTC, NaT where not known; frames [K]
    int64 of the video; boxes [K, 4] float32 in its pixels (left, top, right, bottom); vectors
    [K, D] float32 of length 1, kept as float16.

    Raises:
        ValueError: Columns of other lengths, or none at all.
    """

    span: tuple[float, float]
    seconds: NDArray[np.float64]
    times: NDArray[np.datetime64]
    frames: NDArray[np.int64]
    boxes: NDArray[np.float32]
    vectors: NDArray[np.float32]

    def __post_init__(self) -> None:
        count = len(self.seconds)
        shapes = {
            "seconds": (count,), "times": (count,), "frames": (count,), "boxes": (count, 4),
            "vectors": (count, *self.vectors.shape[1:2]),
        }  # fmt: skip
        for name, shape in shapes.items():
            found = getattr(self, name).shape
            if found != shape or not 0 < count <= _MOST:
                raise ValueError(f"{name} of looks must be {list(shape)}, got {list(found)}")

    def __len__(self) -> int:
        return len(self.seconds)

    def __getitem__(self, rows: ArrayLike) -> Looks:
        """The chosen looks (index array)."""
        index = np.asarray(rows)
        names = ("seconds", "times", "frames", "boxes", "vectors")
        return Looks(self.span, *(getattr(self, name)[index] for name in names))

    @property
    def middle(self) -> int:
        """The look that stands for all where one is wanted."""
        return len(self) // 2

    def pictured(self, pictures: int) -> Looks:
        """Those that so many pictures were kept of."""
        return self[evenly(len(self), pictures)]

    def pooled(self) -> tuple[NDArray[np.float32], float]:
        """The one vector [D] of length 1, and its coherence: see `pool`."""
        return pool(self.vectors)

    def to_bytes(self) -> bytes:
        """As bytes that `from_bytes` reads."""
        count, width = self.vectors.shape
        return _HEAD.pack(_SIGN, count, width, *self.span) + b"".join(
            np.ascontiguousarray(values, kind).tobytes()
            for values, kind in (
                (self.seconds, "<f8"),
                (self.times.astype("datetime64[us]").astype(np.int64), "<i8"),
                (self.frames, "<i8"),
                (self.boxes, "<f4"),
                (self.vectors, "<f2"),
            )
        )

    @classmethod
    def from_bytes(cls, data: bytes) -> Looks:
        """What `to_bytes` wrote. Raises ValueError for anything else."""
        try:
            sign, count, width, first, last = _HEAD.unpack_from(data)
        except struct.error:
            raise ValueError("the looks of a sighting are cut off") from None
        wanted = _HEAD.size + count * (8 + 8 + 8 + 16 + 2 * width)
        if sign != _SIGN or len(data) != wanted or not count or not width:
            raise ValueError(
                f"the looks of a sighting are damaged, or of a newer Passerby: {len(data)} bytes"
            )
        parts, place = [], _HEAD.size
        for kind, columns in (("<f8", 1), ("<i8", 1), ("<i8", 1), ("<f4", 4), ("<f2", width)):
            size = count * columns * np.dtype(kind).itemsize
            values = np.frombuffer(data, kind, count * columns, place)
            parts.append(values.reshape(count, columns) if columns > 1 else values)
            place += size
        seconds, times, frames, boxes, vectors = parts
        return cls(
            (first, last),
            seconds.astype(np.float64),
            times.astype(np.int64).view("datetime64[us]"),
            frames.astype(np.int64),
            boxes.astype(np.float32).reshape(count, 4),
            unit(vectors.reshape(count, width).astype(np.float32)),
        )


def evenly(count: int, most: int) -> NDArray[np.int64]:
    """Up to so many of ``count`` in an order, evenly, with the first and the last.

    >>> evenly(9, 5).tolist(), evenly(2, 5).tolist()
    ([0, 2, 4, 6, 8], [0, 1])
    """
    return np.linspace(0, count - 1, min(count, most)).round().astype(np.int64)


def pool(vectors: NDArray[np.float32]) -> tuple[NDArray[np.float32], float]:
    """One vector [D] of length 1 for unit vectors [K, D], and their coherence: the length of their
    mean, 1 where they are equal.

    With it the mean distance to the K is known without them, as cosines are linear:
    1 − coherence · (1 − distance to the one). See `distances_to_looks`.
    """
    mean = vectors.astype(np.float64).mean(0)
    length = float(np.linalg.norm(mean))
    if length < 1e-6:
        raise ValueError("the looks of a passage cancel each other out: there is no mean of them")
    return unit((mean / length).astype(np.float32)[None])[0], min(1.0, length)


def distances_to_looks(
    distances: NDArray[np.float64], coherences: NDArray[np.float32]
) -> NDArray[np.float64]:
    """The mean cosine distances [N] to the looks that N sightings were pooled from; of a single
    image (coherence NaN) the distance itself."""
    mean = 1 - coherences.astype(np.float64) * (1 - distances)
    return np.where(np.isnan(coherences), distances, mean)
