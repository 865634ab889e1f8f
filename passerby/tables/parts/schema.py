"""The Parquet layout of embeddings, version 1: one row an image, whether it could be read or not.

========================  =======================  ==============================================
column                    type                     meaning (null where it is not known)
========================  =======================  ==============================================
``row``                   int64                    place in the list of images, from 0
``id``                    string                   hash of the image file's content (BLAKE2b-128)
``image``                 string                   path or address of the picture
``person``, ``camera``    string                   names
``person_number``         int64                    as the data set numbers it; null is nobody known
``camera_number``         int64                    likewise, of all images or of none
``source``                string                   data set, which persons and cameras are of
``time``, ``until``       timestamp[us, UTC]       when it was seen, of a passage first and last
``frame``, ``tracklet``   int64                    of its video, of its camera
``quality``               float                    from 0 to 1
``vector``                fixed_size_list<float>   [D] as the network makes it; null: not readable
``unreadable``            string                   why the image has no vector, else null
``fingerprint``           string                   of the network that made the vector
========================  =======================  ==============================================

Each file's metadata has, as JSON under ``passerby``: ``format`` (this version), ``model`` (the
fingerprint), ``pooling`` (how it made a vector of an image), ``vectors`` (rows that have one).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from passerby.tables.columns import (
    CAMERA_NUMBERS,
    FRAMES,
    HASHES,
    IMAGES,
    NAMED_CAMERAS,
    NAMED_PERSONS,
    PERSON_NUMBERS,
    QUALITIES,
    SOURCES,
    TIMES,
    TRACKLETS,
    UNTILS,
    Column,
)

if TYPE_CHECKING:
    import pyarrow

FORMAT = 1
"""Version of the layout; a reader refuses a higher one."""

ROW, VECTOR, UNREADABLE, FINGERPRINT = "row", "vector", "unreadable", "fingerprint"

KNOWN: dict[str, Column] = {
    "image": IMAGES,
    "person": NAMED_PERSONS,
    "person_number": PERSON_NUMBERS,
    "camera": NAMED_CAMERAS,
    "camera_number": CAMERA_NUMBERS,
    "source": SOURCES,
    "time": TIMES,
    "until": UNTILS,
    "frame": FRAMES,
    "tracklet": TRACKLETS,
    "quality": QUALITIES,
}
"""What is known of an image before it is embedded."""

HELD: dict[str, Column] = {"id": HASHES, **KNOWN}
"""The columns of `Embeddings` beside the vectors."""


def image_schema() -> pyarrow.Schema:
    """Of a list of images that are to be embedded."""
    import pyarrow as pa

    return pa.schema({ROW: pa.int64(), **{name: _type(column) for name, column in KNOWN.items()}})


def vector_schema(dimensions: int) -> pyarrow.Schema:
    """Of embeddings of D numbers."""
    import pyarrow as pa

    known = {name: _type(column) for name, column in KNOWN.items()}
    return pa.schema(
        {
            ROW: pa.int64(),
            "id": _type(HASHES),
            **known,
            VECTOR: pa.list_(pa.float32(), dimensions),
            UNREADABLE: pa.string(),
            FINGERPRINT: pa.string(),
        }
    )


def to_arrow(name: str, values: NDArray[Any]) -> pyarrow.Array:
    """The values [N] of a known column, null where they are missing."""
    import pyarrow as pa

    column = HELD[name]
    return pa.array(values, column.arrow, mask=missing(name, values)).cast(_type(column))


def missing(name: str, values: NDArray[Any]) -> NDArray[np.bool_]:
    """Whether each of the values [N] of a known column is not known."""
    column = HELD[name]
    if column.kind in ("share", "time"):
        return np.not_equal(values, values)  # NaN and NaT
    return np.equal(values, column.missing)


def from_arrow(name: str, values: pyarrow.ChunkedArray) -> NDArray[Any]:
    """The values [N] of a known column, checked; missing where they are null.

    Raises:
        ValueError: Values that the column cannot hold.
    """
    column = HELD[name]
    known = values.cast(column.arrow)
    if column.dtype.kind in "Ui":
        known = known.fill_null(column.missing)
    listed = known.to_pylist() if column.dtype.kind == "U" else known.to_numpy()
    return column.checked(listed, len(values))  # of times and shares null is NaT and NaN


def vectors_to_arrow(
    vectors: NDArray[np.float32], readable: NDArray[np.bool_]
) -> pyarrow.FixedSizeListArray:
    """Vectors [N, D], null where the image was not ``readable`` [N]."""
    import pyarrow as pa

    flat = pa.array(vectors.reshape(-1), pa.float32())
    return pa.FixedSizeListArray.from_arrays(flat, vectors.shape[1], mask=pa.array(~readable))


def vectors_from_arrow(values: pyarrow.ChunkedArray, dimensions: int) -> NDArray[np.float32]:
    """Vectors [N, D] of rows that have one."""
    pieces = [chunk.flatten().to_numpy(zero_copy_only=False) for chunk in values.chunks]
    return np.concatenate([np.empty(0, np.float32), *pieces]).reshape(-1, dimensions)


def _type(column: Column) -> pyarrow.DataType:
    import pyarrow as pa

    return pa.timestamp("us", "UTC") if column.kind == "time" else column.arrow
