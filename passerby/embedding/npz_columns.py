"""Embeddings files written and read in pieces, so that a million images need little memory."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from passerby.process.whole_files import replacing
from passerby.tables.embeddings import Embeddings

_ROWS = 50_000


@dataclass(frozen=True)
class Column:
    """A column to write: its dtype, the shape of a row, and the rows, piece by piece."""

    dtype: np.dtype
    row: tuple[int, ...]
    pieces: Iterable[NDArray]


def write_columns(
    path: Path, count: int, columns: Mapping[str, Column], words: Mapping[str, str]
) -> None:
    """Write columns of ``count`` rows and single words as one ``.npz``, whole or not at all.

    What `Embeddings.load` reads. Raises DiskFull, with an older file left as it was.
    """
    needed = sum(
        count * column.dtype.itemsize * int(np.prod(column.row)) for column in columns.values()
    )
    with replacing(path, needed) as file, zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        for name, word in words.items():
            _write(archive, name, (), np.array(word).dtype, [np.array(word)])
        for name, column in columns.items():
            _write(archive, name, (count, *column.row), column.dtype, column.pieces)


def read_in_batches(
    path: str | os.PathLike[str], rows: int = _ROWS
) -> tuple[int, Iterator[Embeddings]]:
    """How many embeddings a file holds, and they themselves, at most ``rows`` at once.

    Raises ValueError when the file is something else, also while it is read.
    """
    try:
        with zipfile.ZipFile(path) as archive, archive.open("vectors.npy") as member:
            count = _header(member)[0][0]
    except FileNotFoundError:
        raise
    except (OSError, ValueError, KeyError, IndexError, EOFError, zipfile.BadZipFile) as error:
        raise _no_embeddings(path, error) from None
    return count, _batches(path, count, rows)


def _batches(path: str | os.PathLike[str], count: int, rows: int) -> Iterator[Embeddings]:
    with ExitStack() as opened:
        try:
            archive = opened.enter_context(zipfile.ZipFile(path))
            members = {
                name.removesuffix(".npy"): opened.enter_context(archive.open(name))
                for name in archive.namelist()
            }
            heads = {name: _header(member) for name, member in members.items()}
            words = {n: _read(members[n], h, 1)[0] for n, h in heads.items() if h[0] == ()}
            for start in range(0, count, rows):
                size = min(rows, count - start)
                columns = {n: _read(members[n], h, size) for n, h in heads.items() if h[0] != ()}
                batch = Embeddings.of_columns({**columns, **words})
                if start + size == count:
                    _expect_the_end(members.values())
                yield batch
        except (OSError, ValueError, TypeError, EOFError, zipfile.BadZipFile) as error:
            raise _no_embeddings(path, error) from None


def _write(
    archive: zipfile.ZipFile,
    name: str,
    shape: tuple[int, ...],
    dtype: np.dtype,
    pieces: Iterable[NDArray],
) -> None:
    with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
        head = {"descr": npy.dtype_to_descr(dtype), "fortran_order": False, "shape": shape}
        npy.write_array_header_2_0(member, head)
        for piece in pieces:
            member.write(np.ascontiguousarray(piece, dtype).tobytes())


def _header(member: IO[bytes]) -> tuple[tuple[int, ...], np.dtype]:
    version = npy.read_magic(member)
    readers = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}
    if version not in readers:
        raise ValueError(f"columns of npy version {version} are not known")
    shape, fortran, dtype = readers[version](member)
    if dtype.hasobject or (fortran and len(shape) > 1):
        raise ValueError("columns must be plain arrays in C order")
    return shape, dtype


def _read(member: IO[bytes], head: tuple[tuple[int, ...], np.dtype], rows: int) -> NDArray:
    shape, dtype = head
    row = shape[1:]
    size = rows * int(np.prod(row)) * dtype.itemsize
    data = member.read(size)
    if len(data) < size:
        raise ValueError("a column is shorter than the vectors")
    return np.frombuffer(data, dtype).reshape(rows, *row)


def _expect_the_end(members: Iterable[IO[bytes]]) -> None:
    """Reading on also has the archive compare its checksums."""
    if any(member.read(1) for member in members):
        raise ValueError("a column is longer than the vectors")


def _no_embeddings(path: str | os.PathLike[str], error: Exception) -> ValueError:
    return ValueError(
        f"{os.fspath(path)} is not an embeddings file: expected an .npz with vectors [N, D] and "
        f"persons [N] ({error})"
    )
