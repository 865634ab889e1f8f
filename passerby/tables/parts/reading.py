"""Folders of parts as `Embeddings`: one part at a time, or all with their vectors on the disk."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from passerby.process.reporting import progress
from passerby.process.whole_files import explain_disk_full
from passerby.tables.embeddings import Embeddings
from passerby.tables.parts.folder import Manifest, is_parts, read_manifest
from passerby.tables.parts.part_files import read_part
from passerby.tables.parts.schema import HELD, VECTOR, from_arrow, missing, vectors_from_arrow
from passerby.tables.unit_length import lengths

if TYPE_CHECKING:
    import pyarrow

Place = str | os.PathLike[str]

_SCORED = ("person_number", "camera_number", "source", "tracklet")


def read_parts(folder: Place) -> tuple[int, Iterator[Embeddings]]:
    """How many vectors a folder of parts holds, and they themselves, one part in memory at a time.

    Images that could not be read are passed over.

    Raises:
        ValueError: The folder is not finished, or a part is not as it was written; the latter also
            while they are read.
    """
    place = Path(folder)
    manifest = read_manifest(place)
    return manifest.count, _batches(place, manifest)


def _batches(folder: Path, manifest: Manifest) -> Iterator[Embeddings]:
    for number in range(len(manifest.parts)):
        table = read_part(folder, number, manifest)
        table = table.filter(table[VECTOR].is_valid())
        columns = {name: from_arrow(name, table[name]) for name in HELD}
        yield _embeddings(_vectors(table, manifest), columns, manifest)


def load_to_score(path: Place) -> Embeddings:
    """A file of embeddings, or a folder of parts with those columns alone that a score looks at:
    names of images, persons and cameras take much memory where there are millions.

    Raises:
        ValueError: As `Embeddings.load`.
    """
    return map_parts(path, _SCORED) if is_parts(path) else Embeddings.load(path)


def map_parts(folder: Place, columns: Collection[str] = tuple(HELD)) -> Embeddings:
    """All embeddings of a folder as one table whose vectors lie in a file, not in memory.

    That file has no name and is gone with the process, however that ends. The system keeps as much
    of it in memory as is free.

    Args:
        folder: Of parts.
        columns: Those of the layout that are wanted, ``person_number`` among them.

    Raises:
        ValueError: As `read_parts`, or the folder holds no vector.
        DiskFull: The vectors do not fit beside the parts.
    """
    place = Path(folder)
    manifest = read_manifest(place)
    pieces: dict[str, list[NDArray[Any]]] = {name: [] for name in columns}
    needed = manifest.count * manifest.dimensions * 4
    with (
        explain_disk_full(place, needed),
        _nameless(place) as file,
        progress("reading") as advance,
    ):
        for number in range(len(manifest.parts)):
            table = read_part(place, number, manifest)
            table = table.filter(table[VECTOR].is_valid())
            file.write(_vectors(table, manifest).tobytes())
            for name in columns:
                pieces[name].append(from_arrow(name, table[name]))
            advance(number + 1, len(manifest.parts))
        file.flush()
        # Mapped as one's own copy, as torch warns of arrays that cannot be written to.
        vectors = np.memmap(file, np.float32, "c", shape=(manifest.count, manifest.dimensions))
    whole = {name: np.concatenate(own) for name, own in pieces.items()}
    return _embeddings(vectors, whole, manifest)


def _nameless(folder: Path) -> IO[bytes]:
    """A file for vectors of persons on the disk of the parts, elsewhere where none may be written:
    the system's folder for such files is often in memory."""
    try:
        return TemporaryFile(dir=folder)
    except OSError:
        return TemporaryFile()


def _vectors(table: pyarrow.Table, manifest: Manifest) -> NDArray[np.float32]:
    made = vectors_from_arrow(table[VECTOR], manifest.dimensions)
    bad = int((~np.isfinite(lengths(made))).sum())
    if bad:
        raise ValueError(f"{bad} vectors of a part hold NaN or infinite values")
    return made


def _embeddings(
    vectors: NDArray[np.float32], columns: Mapping[str, NDArray[Any]], manifest: Manifest
) -> Embeddings:
    """What is not known of any image is no column."""
    known = {
        HELD[name].name: values
        for name, values in columns.items()
        if name == "person_number" or not missing(name, values).all()
    }
    words = {"model": manifest.model, "pooling": manifest.pooling}
    return Embeddings(vectors, known.pop("persons"), **known, **words)  # type: ignore[arg-type]
