"""The columns of the tables of images, each declared once: its type, missing value and meaning.

`Embeddings`, `Sightings`, their files, the Arrow rows of galleries and the fields of servers follow
from these declarations; who adds a column adds it here.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from passerby.tables.text import normal_column, require_text
from passerby.tables.times import moment, require_calendar_years

if TYPE_CHECKING:
    import pyarrow

Kind = Literal["name", "path", "hash", "time", "integer", "share"]

_DTYPES = {
    "name": "U",
    "path": "U",
    "hash": "U",
    "time": "datetime64[us]",
    "integer": "int64",
    "share": "float32",
}
_ARROW = {
    "name": "string",
    "path": "string",
    "hash": "string",
    "time": "timestamp[us]",
    "integer": "int64",
    "share": "float",
}
_MISSING = {
    "name": "",
    "path": "",
    "hash": "",
    "time": np.datetime64("NaT", "us"),
    "integer": -1,
    "share": np.nan,
}
_TAKEN = {  # in words, and the kinds of NumPy dtypes
    "name": ("text", "UOiu"),
    "path": ("text", "UO"),
    "hash": ("text", "UO"),
    "time": ("times", "MU"),
    "integer": ("integers", "iu"),
    "share": ("numbers from 0 to 1", "iuf"),
}


@dataclass(frozen=True)
class Column:
    """One column, of a value an image.

    name: in `Embeddings`, `Sightings` and their files; row: of one value, in the rows of galleries
    and as an attribute of `Record` and `Crop`; kind: what its values are: names (in one spelling),
    paths, hashes, times in UTC, integers, or shares from 0 to 1; meaning: in words.
    """

    name: str
    row: str
    kind: Kind
    meaning: str

    @property
    def dtype(self) -> np.dtype:
        """Of the NumPy array."""
        return np.dtype(_DTYPES[self.kind])

    @property
    def arrow(self) -> pyarrow.DataType:
        """Of the Arrow array."""
        import pyarrow  # here, as most who need the columns do not need it

        return pyarrow.type_for_alias(_ARROW[self.kind])

    @property
    def missing(self) -> Any:
        """Stands for what is not known."""
        return _MISSING[self.kind]

    def checked(self, values: ArrayLike, count: int, like: str = "vectors") -> NDArray[Any]:
        """Values from outside as the array [count] of this column, as many as there are ``like``.

        Raises:
            ValueError: Another count or type, or values that this column cannot hold.
        """
        column = _of_kind(self, values)
        if column.shape != (count,):
            raise ValueError(
                f"{self.name} must be [{count}] like the {like}, got {list(column.shape)}"
            )
        _require_values(self, column)
        return normal_column(column) if self.kind == "name" else column

    def absent(self, count: int) -> NDArray[Any]:
        """The array [count] of nothing known."""
        return np.full(count, self.missing, self.dtype)

    def of(self, rows: Iterable[object]) -> NDArray[Any]:
        """The array [N] of this value of N records or crops; None is not known."""
        found = [getattr(row, self.row) for row in rows]
        return np.array([self._stored(value) for value in found], self.dtype)

    def _stored(self, value: Any) -> Any:
        if value is None:
            return self.missing
        return moment(value) if isinstance(value, datetime) else value


IDS = Column("ids", "id", "hash", "hash of the image file's content, 32 hexadecimal digits")
HASHES = Column("hashes", "hash", "hash", IDS.meaning)
PERSONS = Column("persons", "person", "name", "name of the person")
CAMERAS = Column("cameras", "camera", "name", "name of the camera")
SOURCES = Column("sources", "source", "name", "data set; persons and cameras are of their source")
TIMES = Column("times", "time", "time", "when it was seen, in UTC")
FRAMES = Column("frames", "frame", "integer", "frame number within its video")
TRACKLETS = Column("tracklets", "tracklet", "integer", "number of the tracklet of its camera")
QUALITIES = Column("qualities", "quality", "share", "quality of the crop, from 0 to 1")
UNTILS = Column("untils", "until", "time", "when it was last seen, of a passage; in UTC")
COHERENCES = Column("coherences", "coherence", "share", "length of the mean of pooled vectors")
IMAGES = Column("images", "image", "path", "path or address of the picture")

PERSON_NUMBERS = Column("persons", "person", "integer", "person as the data set numbers it")
CAMERA_NUMBERS = Column("cameras", "camera", "integer", "camera as the data set numbers it")
NAMED_PERSONS = Column("named_persons", "person", "name", "person where numbers do not tell all")
NAMED_CAMERAS = Column("named_cameras", "camera", "name", "camera where numbers do not tell all")

SIGHTING_COLUMNS = (
    IDS, PERSONS, CAMERAS, SOURCES, TIMES, FRAMES, TRACKLETS, QUALITIES, IMAGES, UNTILS, COHERENCES,
)  # fmt: skip
"""Of `Sightings`, beside vectors, looks and pictures; all but the ids may be missing."""

EMBEDDING_COLUMNS = (
    PERSON_NUMBERS, CAMERA_NUMBERS, IMAGES, TIMES, TRACKLETS, SOURCES, HASHES, FRAMES, QUALITIES,
    NAMED_PERSONS, NAMED_CAMERAS, UNTILS,
)  # fmt: skip
"""Of `Embeddings`, beside vectors and stripes; all but the persons may be missing."""


def matrix(name: str, values: ArrayLike, shape: str) -> NDArray[np.float32]:
    """Vectors from outside as float32 of a shape, such as "N, D": that many axes.

    Raises:
        ValueError: They are no real numbers, lie beyond float32, or have other axes.
    """
    given = np.asarray(array_of(values))
    if given.size and given.dtype.kind not in "iuf":
        raise ValueError(f"{name} must be real numbers, got {given.dtype}")
    with np.errstate(over="ignore"):
        made = np.ascontiguousarray(given, dtype=np.float32)
    if made.ndim != shape.count(",") + 1:
        raise ValueError(f"{name} must be [{shape}], got the shape {list(made.shape)}")
    if given.dtype.itemsize > 4 and not np.array_equal(np.isfinite(given), np.isfinite(made)):
        raise ValueError(f"{name} hold numbers beyond the range of float32")
    return made


def array_of(values: ArrayLike) -> ArrayLike:
    """The values of a torch tensor, on any device and of any kind; all else as it is."""
    # Whoever has a tensor has loaded torch; nobody else waits for it here.
    torch = sys.modules.get("torch")
    if torch is None or not isinstance(values, torch.Tensor):
        return values
    tensor = values.detach().cpu()
    return (tensor.float() if tensor.is_floating_point() else tensor).numpy()


def _of_kind(column: Column, values: ArrayLike) -> NDArray[Any]:
    """As an array of the column's dtype; ValueError where that would change what they say."""
    if isinstance(values, list | tuple) and any(
        isinstance(text, str) and text.endswith("\0") for text in values
    ):
        # Told here: an array drops them at the end of a text, which would be another name.
        raise ValueError(f"{column.name} must not hold the character NUL")
    given = np.asarray(array_of(values))
    given = given.astype(given.dtype.newbyteorder("="), copy=False)  # text keeps its order else
    if given.size:
        wanted, kinds = _TAKEN[column.kind]
        if column.kind == "time" and given.dtype.kind == "O":  # of Python's datetime
            given = np.array([column._stored(time) for time in given.tolist()])
        if given.dtype.kind not in kinds or (
            given.dtype.kind == "O" and not all(isinstance(text, str) for text in given.flat)
        ):
            raise ValueError(f"{column.name} must be {wanted}, got {given.dtype}")
        if given.dtype.kind == "u" and int(given.max()) > np.iinfo(np.int64).max:
            raise ValueError(f"{column.name} hold {given.max()}, which is beyond 64-bit integers")
        if given.dtype.kind == "M":  # in coarser units than microseconds they may lie far outside
            require_calendar_years(column.name, given)
    with np.errstate(over="ignore"):  # what becomes infinite is refused by its range
        return np.ascontiguousarray(given.astype(column.dtype, copy=False))


def _require_values(column: Column, values: NDArray[Any]) -> None:
    if column.kind in ("name", "path", "hash"):
        require_text(column.name, values, surrogates=column.kind == "path")
    elif column.kind == "time":
        require_calendar_years(column.name, values)
    elif column.kind == "share":
        known = values[~np.isnan(values)]
        if known.size and not (known.min() >= 0 and known.max() <= 1):
            raise ValueError(
                f"{column.name} must lie between 0 and 1, got {known.min():g} to {known.max():g}"
            )


def names_of(columns: Sequence[Column]) -> tuple[str, ...]:
    """The names of columns."""
    return tuple(column.name for column in columns)
