"""The plan of a folder of parts: a list of images, and where it is cut."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from passerby.data.crop_list import cameras_of, digest_of, persons_of
from passerby.embedding.embedder import Embedder
from passerby.process.whole_files import replacing
from passerby.tables.parts.folder import (
    Plan,
    has_plan,
    images_file,
    read_plan,
    require_pyarrow,
    write_plan,
)
from passerby.tables.parts.schema import KNOWN, ROW, image_schema, to_arrow
from passerby.tables.records import Crop

_MOST_ROWS = 4096  # of a part: what a kill can cost, and what a reader holds in memory
_PARTS = 64  # a list is cut into so many where that does not make them larger


def plan_parts(embedder: Embedder, crops: Sequence[Crop], folder: Path) -> Plan:
    """Cut a list of images into parts, or go on with the plan that is there.

    Raises:
        ValueError: The folder holds parts of other work, or other things, there is no image, or
            pyarrow is not installed.
    """
    require_pyarrow()
    if not crops:
        raise ValueError("there is no image to embed")
    batch = embedder.batch_size
    most = max(_MOST_ROWS // batch, 1)
    size = batch * min(max(round(len(crops) / (batch * _PARTS)), 1), most)
    plan = Plan(
        embedder.fingerprint,
        embedder.pooling,
        embedder.dimensions,
        batch,
        size,
        len(crops),
        digest_of(crops),
    )
    if has_plan(folder):
        there = read_plan(folder)
        wanted = ("model", "pooling", "dimensions", "count", "images")
        other = [name for name in wanted if getattr(there, name) != getattr(plan, name)]
        if other:
            raise ValueError(
                f"{folder} holds parts of other work (other {', '.join(other)}): delete it to "
                "begin anew, or name another folder"
            )
        return there
    if folder.exists() and {*os.listdir(folder)} - {images_file(folder).parent.name}:
        raise ValueError(f"{folder} holds other things: name a folder that is new or empty")
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)  # vectors of persons
    _write_images(crops, plan, images_file(folder))
    write_plan(folder, plan)
    return plan


def _write_images(crops: Sequence[Crop], plan: Plan, path: Path) -> None:
    """The list as Parquet, a row group a part, for workers that see the folder alone."""
    import pyarrow as pa
    from pyarrow import parquet

    numbers = {
        "person_number": np.array(persons_of(crops), np.int64),
        "camera_number": np.array(cameras_of(crops) or [-1] * len(crops), np.int64),
    }
    with (
        replacing(path, private=True) as file,
        parquet.ParquetWriter(file, image_schema(), compression="zstd") as writer,
    ):
        for number in range(plan.parts):
            rows = plan.rows(number)
            chosen = crops[rows.start : rows.stop]
            columns = {
                name: column.of(chosen) for name, column in KNOWN.items() if name not in numbers
            }
            columns |= {name: every[rows.start : rows.stop] for name, every in numbers.items()}
            columns["image"] = np.array([_printable(crop.image) for crop in chosen], np.str_)
            known = {name: to_arrow(name, values) for name, values in columns.items()}
            table = pa.table({ROW: pa.array(rows, pa.int64()), **known}, schema=image_schema())
            writer.write_table(table, row_group_size=len(table))


def _printable(path: str) -> str:
    """A path as text: of a name that is none, which no file has under that name, it says so."""
    return path.encode(errors="backslashreplace").decode()
