"""Embeddings files: columns in an ``.npz`` without pickle, in pieces where they are many.

What a file promises is bounded before anything of it is read: how many columns, of which types,
how long each, and how far they may grow when they are decompressed.
"""

from __future__ import annotations

import os
import struct
import zipfile
import zlib
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import IO

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from passerby.process.whole_files import replacing
from passerby.tables.text import require_text

_DIRECTORY_BYTES = 65_536  # of the list of members; a file of ours has less than 2,000
_GROWTH = 100  # times the file's size: what its columns may take together, and beyond that
_GROWTH_BYTES = 100_000_000  # ... so many bytes, as columns of equal names compress well
_TEXT_BYTES = 4 * 8192  # of one text; the longest path has 4,096 characters
_PIECE_BYTES = 2**24
_END = struct.Struct("<4s4H2LH")  # of a zip's end: signature, ..., the list's bytes, ...
_DAMAGED = (
    OSError, ValueError, TypeError, KeyError, IndexError, EOFError, OverflowError, MemoryError,
    RuntimeError, zipfile.BadZipFile, zlib.error, struct.error, Warning,
)  # fmt: skip
"""What readers of zip files and of NumPy's headers raise on files that are something else."""


@dataclass(frozen=True)
class Pieces:
    """A column to write: its dtype, the shape of a row, and the rows, piece by piece."""

    dtype: np.dtype
    row: tuple[int, ...]
    pieces: Iterable[NDArray]


@dataclass(frozen=True)
class _Member:
    """A column in the file: what its header says, and its bytes from there on."""

    file: IO[bytes]
    shape: tuple[int, ...]
    dtype: np.dtype
    fortran: bool

    def read(self, rows: int) -> NDArray:
        """The next rows; the whole array where it is in Fortran's order, or a single word."""
        shape = (rows, *self.shape[1:]) if self.shape else ()
        made = np.empty(shape[::-1] if self.fortran else shape, self.dtype)
        into = made.reshape(-1).view(np.uint8)
        start = 0
        while start < made.nbytes:
            piece = self.file.read(min(_PIECE_BYTES, made.nbytes - start))
            if not piece:
                raise ValueError("a column is shorter than it says")
            into[start : start + len(piece)] = np.frombuffer(piece, np.uint8)
            start += len(piece)
        return made.T if self.fortran else made

    def require_end(self) -> None:
        """Reading on also has the archive compare its checksum."""
        if self.file.read(1):
            raise ValueError("a column is longer than it says")


@dataclass(frozen=True)
class NpzFile:
    """An open embeddings file. count: rows of every column; words: single texts, by name."""

    count: int
    words: Mapping[str, str]
    _columns: Mapping[str, _Member]

    def batches(self, rows: int) -> Iterator[dict[str, NDArray]]:
        """All columns by name, at most ``rows`` at once; one batch of a file without any."""
        if rows < self.count and any(member.fortran for member in self._columns.values()):
            raise ValueError("columns in Fortran's order cannot be read in pieces")
        for start in range(0, max(self.count, 1), rows):
            size = min(rows, self.count - start)
            made = {name: member.read(size) for name, member in self._columns.items()}
            if start + size == self.count:
                for member in self._columns.values():
                    member.require_end()
            yield made


def write_npz(
    path: Path, count: int, columns: Mapping[str, Pieces], words: Mapping[str, str]
) -> None:
    """Write columns of ``count`` rows and single words as one file, whole or not at all.

    Only its owner may read it, as it tells of persons. Raises DiskFull, with an older file left as
    it was.
    """
    needed = sum(count * column.dtype.itemsize * prod(column.row) for column in columns.values())
    with (
        replacing(path, needed, private=True) as file,
        zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive,
    ):
        for name, word in words.items():
            _write(archive, name, (), Pieces(np.array(word).dtype, (), [np.array(word)]))
        for name, column in columns.items():
            _write(archive, name, (count, *column.row), column)


@contextmanager
def open_npz(path: str | os.PathLike[str], known: Collection[str]) -> Iterator[NpzFile]:
    """Open a file of columns, of the known names alone, and check all that it promises.

    Raises:
        FileNotFoundError: There is none.
        ValueError: It is something else or damaged, also where that shows only in reading on.
    """
    try:
        with ExitStack() as opened:
            file = opened.enter_context(open(path, "rb"))
            archive = opened.enter_context(_archive(file))
            members = {
                name: _member(opened.enter_context(archive.open(info)), name, info)
                for name, info in _listed(archive, os.fstat(file.fileno()).st_size, known).items()
            }
            columns = {name: member for name, member in members.items() if member.shape}
            if "vectors" not in columns:
                raise ValueError("it has no column vectors")
            count = columns["vectors"].shape[0]
            for name, member in columns.items():
                if member.shape[0] != count:
                    raise ValueError(f"{name} must be [{count}] like the vectors, got "
                                     f"{list(member.shape)}")  # fmt: skip
            words = {n: _word(n, member) for n, member in members.items() if not member.shape}
            yield NpzFile(count, words, columns)
    except FileNotFoundError:
        raise FileNotFoundError(
            f"there is no file {os.fspath(path)}: expected embeddings (.npz) as passerby embed "
            "writes them"
        ) from None
    except _DAMAGED as error:
        raise ValueError(
            f"{os.fspath(path)} is not an embeddings file: expected an .npz with vectors [N, D] "
            f"and persons [N] ({error or type(error).__name__})"
        ) from None


def _archive(file: IO[bytes]) -> zipfile.ZipFile:
    """The zip archive, unless its list of members alone would take long to read."""
    size = file.seek(0, os.SEEK_END)
    tail_bytes = min(size, _END.size + 2**16)  # a comment may follow the end
    file.seek(size - tail_bytes)
    tail = file.read(tail_bytes)
    place = tail.rfind(b"PK\5\6", 0, max(len(tail) - _END.size, 0) + 4)
    if place < 0:
        raise ValueError("it is no zip archive, or only the beginning of one")
    listed = _END.unpack_from(tail, place)[5]
    if listed > _DIRECTORY_BYTES:
        raise ValueError(f"its list of members takes {listed:,} bytes")
    file.seek(0)
    return zipfile.ZipFile(file)


def _listed(
    archive: zipfile.ZipFile, size: int, known: Collection[str]
) -> dict[str, zipfile.ZipInfo]:
    """The members by column; ValueError for what is unknown, twice, or grows beyond measure."""
    infos = archive.infolist()
    names = [info.filename.removesuffix(".npy") for info in infos]
    unknown = sorted({*names} - {*known})
    if unknown:
        shown = ", ".join(repr(name[:40]) for name in unknown[:5])
        raise ValueError(f"unknown columns: {shown}; known are {', '.join(sorted(known))}")
    if len({*names}) < len(names):
        raise ValueError("a column is there twice")
    for name, info in zip(names, infos, strict=True):
        if info.flag_bits & 1:
            raise ValueError(f"{name} is encrypted")
        if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise ValueError(f"{name} is compressed by a method that NumPy does not use")
    total = sum(info.file_size for info in infos)
    if sum(info.compress_size for info in infos) > size or total > _GROWTH * size + _GROWTH_BYTES:
        raise ValueError(f"{size:,} bytes would become {total:,}: no columns compress like that")
    return dict(zip(names, infos, strict=True))


def _member(file: IO[bytes], name: str, info: zipfile.ZipInfo) -> _Member:
    """A column whose header promises what the archive holds, of a type without objects."""
    version = npy.read_magic(file)
    readers = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}
    if version not in readers:
        raise ValueError(f"columns of npy version {version} are not known")
    shape, fortran, dtype = readers[version](file)
    if dtype.kind in "OV":
        raise ValueError(f"{name} holds objects or records ({dtype}), which are never read")
    if any(axis < 0 for axis in shape) or not 0 < dtype.itemsize <= _TEXT_BYTES:
        raise ValueError(f"{name} cannot have the shape {list(shape)} of {dtype}")
    promised, there = prod(shape) * dtype.itemsize, info.file_size - file.tell()
    if promised != there:
        raise ValueError(
            f"{name} promises {promised:,} bytes, {list(shape)} of {dtype}, and has {there:,}"
        )
    return _Member(file, shape, dtype, fortran and len(shape) > 1)


def _word(name: str, member: _Member) -> str:
    single = member.read(1).reshape(1)
    if single.dtype.kind != "U":
        raise ValueError(f"{name} is a single value of {single.dtype}")
    require_text(name, single)
    return str(single[0])


def _write(archive: zipfile.ZipFile, name: str, shape: tuple[int, ...], column: Pieces) -> None:
    with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
        head = {"descr": npy.dtype_to_descr(column.dtype), "fortran_order": False, "shape": shape}
        npy.write_array_header_2_0(member, head)
        for piece in column.pieces:
            member.write(np.ascontiguousarray(piece, column.dtype).tobytes())
