"""A folder of parts: what lies where, the plan that it is made by, the manifest of what is whole.

Parts have numbers, never names of their own, so that nothing in a file from a stranger leads out of
the folder. Names that begin with ``_`` are passed over by Spark, Arrow and others who read all
files of a folder as one table.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

from passerby.extras import lacking
from passerby.process.json_files import read_dataclass
from passerby.process.whole_files import write_whole
from passerby.tables.parts.schema import FORMAT

_MANIFEST, _PLAN, _IMAGES = "_manifest.json", "_plan/plan.json", "_plan/images.parquet"


@dataclass(frozen=True)
class Plan:
    """How a list of images is cut into parts: part n is rows n·size to (n+1)·size.

    model, pooling, dimensions: of the vectors to come; batch: images that the network gets at once,
    on every machine, as the last bits of a vector depend on it; images: digest of the list.
    """

    model: str
    pooling: str
    dimensions: int
    batch: int
    size: int
    count: int
    images: str

    def __post_init__(self) -> None:
        if min(self.dimensions, self.batch, self.size, self.count) < 1:
            raise ValueError("dimensions, batch, size and count must be 1 or more")

    @property
    def parts(self) -> int:
        """How many parts it has."""
        return -(-self.count // self.size)

    def rows(self, part: int) -> range:
        """The rows of a part."""
        return range(part * self.size, min((part + 1) * self.size, self.count))


@dataclass(frozen=True)
class Part:
    """A part that is whole. rows: images; vectors: those of them that could be read."""

    rows: int
    vectors: int
    bytes: int
    sha256: str


@dataclass(frozen=True)
class Manifest:
    """What a folder holds: written last, so that a folder without one is not finished."""

    model: str
    pooling: str
    dimensions: int
    parts: tuple[Part, ...]

    @property
    def count(self) -> int:
        """How many vectors it holds."""
        return sum(part.vectors for part in self.parts)

    @property
    def set_aside(self) -> int:
        """How many images could not be read."""
        return sum(part.rows for part in self.parts) - self.count


def is_parts(path: str | os.PathLike[str]) -> bool:
    """Whether a folder holds parts, or is to hold some."""
    return any(os.path.isfile(os.path.join(path, name)) for name in (_MANIFEST, _PLAN))


def require_pyarrow() -> None:
    """ValueError with what to install where such folders can be neither written nor read."""
    try:
        import pyarrow  # noqa: F401
    except ImportError as error:
        raise lacking("a folder of Parquet files", "pyarrow", "parquet", error) from None


def part_file(folder: Path, number: int) -> Path:
    """The file of a part."""
    return folder / f"part-{number:06d}.parquet"


def images_file(folder: Path) -> Path:
    """The list of images that a plan is of: one row group a part."""
    return folder / _IMAGES


def unreadable_file(folder: Path) -> Path:
    """The CSV of images that could not be read."""
    return folder / "_unreadable.csv"


def has_plan(folder: Path) -> bool:
    """Whether there is a plan."""
    return (folder / _PLAN).is_file()


def write_plan(folder: Path, plan: Plan) -> None:
    """Written after the list of images: where there is a plan, there is its list."""
    write_whole(folder / _PLAN, json.dumps({"format": FORMAT, **asdict(plan)}))


def read_plan(folder: Path) -> Plan:
    """The plan of a folder.

    Raises:
        ValueError: There is none, or it is damaged or of a newer Passerby.
    """
    return read_dataclass(Plan, folder / _PLAN, "a plan of parts", FORMAT)


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """The last step, by which the parts count."""
    write_whole(folder / _MANIFEST, json.dumps({"format": FORMAT, **asdict(manifest)}))


def read_manifest(folder: Path) -> Manifest:
    """What a folder of parts holds.

    Raises:
        ValueError: It is not finished, its manifest is damaged or of a newer Passerby, or pyarrow,
            which what follows needs, is not installed.
    """
    if not (folder / _MANIFEST).is_file():
        unfinished = has_plan(folder)
        raise ValueError(
            f"{folder} is not finished: run the same passerby embed again, and it makes the parts "
            "that are missing"
            if unfinished
            else f"{folder} holds no parts: expected a folder that passerby embed --parts wrote"
        )
    require_pyarrow()
    made = read_dataclass(Manifest, folder / _MANIFEST, "a manifest of parts", FORMAT)
    if made.dimensions < 1 or any(
        not 0 <= part.vectors <= part.rows or part.bytes < 1 for part in made.parts
    ):
        raise ValueError(f"{folder / _MANIFEST} is not a manifest of parts: counts cannot be")
    return made
