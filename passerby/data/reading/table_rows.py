"""Rows of a table on disk, CSV, TSV or Parquet, bounded before they are read."""

from __future__ import annotations

import csv
import difflib
import os
from collections.abc import Callable, Collection, Generator, Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO, TypeAlias, TypeVar

from passerby.data.reading.cells import MOST_CHARACTERS
from passerby.extras import lacking

if TYPE_CHECKING:
    import pyarrow
    from pyarrow import parquet

TABLE_SUFFIXES = (".csv", ".tsv", ".parquet")
"""Endings (lower case) by which tables are told from other files."""

_BATCH = 10_000  # rows of a Parquet table in memory at once
# Far above any table of images; a table beyond is damaged, or made to fill the memory.
_MOST_COLUMNS = 1_000
_MOST_ROWS = 50_000_000
_MOST_IN_A_ROW = 1_000_000
_MOST_BYTES = 2**32  # of a row group, unpacked

Row: TypeAlias = Mapping[str, Any]
Rows: TypeAlias = Generator[tuple[str, "Row | None"], None, None]
_Made = TypeVar("_Made")


def read_rows(
    path: Path,
    columns: Sequence[str],
    needed: Sequence[str],
    made_of: Callable[[str, Row], _Made],
) -> tuple[list[_Made], tuple[str, ...]]:
    """What `made_of` makes of each row's place ("line 7") and cells, and notes on the columns.

    columns: all that are known; needed: those that must be there. Broken rows are refused
    together, so that nothing is half read.

    Raises:
        ValueError: No such table, a needed column missing, double or mistyped, or rows of which
            `made_of` raises it.
    """
    header, rows = header_and_rows(path, columns)
    notes = _check_header(header, columns, needed, path)
    found, failed = [], []
    for place, row in rows:
        try:
            if row is None:
                raise ValueError("it has more or fewer fields than the header")
            found.append(made_of(place, row))
        except ValueError as error:
            failed.append(f"{place}: {error}")
    if failed:
        more = f"\nand {len(failed) - 5} more" if len(failed) > 5 else ""
        raise ValueError("\n".join([f"{len(failed)} broken rows in {path}:", *failed[:5]]) + more)
    return found, notes


def header_and_rows(path: Path, columns: Collection[str]) -> tuple[list[str], Rows]:
    """The names of the columns and the rows, each with its place in the file ("line 7").

    columns: what is read of a Parquet table, as far as it has them. A row is None when it has more
    or fewer fields than the header. Raises ValueError for what is no such table.
    """
    if not path.is_file():  # opening a pipe would wait for ever
        there = os.path.lexists(path)
        raise ValueError(
            f"{path} is not an ordinary file" if there else f"no such file or folder: {path}"
        )
    return _parquet(path, columns) if path.suffix.lower() == ".parquet" else _csv(path)


def _check_header(
    header: Sequence[str], columns: Sequence[str], needed: Sequence[str], path: Path
) -> tuple[str, ...]:
    """A note on the columns that are not used; ValueError for what is wrong with the others."""
    optional = ", ".join(column for column in columns if column not in needed)
    wanted = f"{path} needs the column{'s' * (len(needed) > 1)} {' and '.join(needed)}"
    unused = [column for column in header if column not in columns]
    meant = {name: near for name in unused if (near := _nearest_column(name, header, columns))}
    if meant or not {*needed} <= {*header}:
        near = "".join(f"; did you mean {near!r} by {name!r}?" for name, near in meant.items())
        got = ", ".join(header[:20]) or "none"
        raise ValueError(f"{wanted} (optional: {optional}), got {got}{near}")
    twice = [column for column in columns if header.count(column) > 1]
    if twice:
        raise ValueError(f"{path} has the column {twice[0]} twice")
    shown = ", ".join(unused[:20]) + (f" and {len(unused) - 20} more" if len(unused) > 20 else "")
    return (f"columns of {path.name} that are not used: {shown}",) if unused else ()


def _nearest_column(name: str, header: Sequence[str], columns: Sequence[str]) -> str | None:
    """The known column that is not there, and that a name nearly is or abbreviates."""
    missing = [column for column in columns if column not in header]
    near = difflib.get_close_matches(name, missing, n=1, cutoff=0.75)
    short = [column for column in missing if len(name) > 2 and column.startswith(name)]
    return next(iter(near or short), None)


def _csv(path: Path) -> tuple[list[str], Rows]:
    rows = _csv_rows(path)
    header = next(rows)[1]
    names = [name.strip().lower() for name in header]
    _require_few_columns(len(names), path)

    def named() -> Rows:
        with closing(rows):
            for place, cells in rows:
                whole = len(cells) == len(names)
                yield place, dict(zip(names, cells, strict=True)) if whole else None

    return names, named()


class _Lines(Iterator[str]):
    """The lines of a CSV, as far as one row may be long. row: characters of it so far."""

    def __init__(self, file: TextIO) -> None:
        self._file = file
        self.row = 0

    def __next__(self) -> str:
        line = self._file.readline(_MOST_IN_A_ROW + 1)
        self.row += len(line)
        if self.row > _MOST_IN_A_ROW:
            raise csv.Error(f"a row is longer than {_MOST_IN_A_ROW} characters")
        if "\0" in line:
            raise csv.Error("there is a NUL character: save it as CSV UTF-8")
        if not line:
            raise StopIteration
        return line


def _csv_rows(path: Path) -> Generator[tuple[str, list[str]], None, None]:
    """("line 7", cells) of every row that is not blank, the header first."""
    reader = None
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            head = file.readline(10_000)
            file.seek(0)
            delimiter = "\t" if path.suffix.lower() == ".tsv" else max(",;\t|", key=head.count)
            lines = _Lines(file)
            reader = csv.reader(lines, delimiter=delimiter, strict=True)
            empty = True
            for cells in reader:
                lines.row = 0
                if cells:
                    empty = False
                    yield f"line {reader.line_num}", cells
            if empty:
                raise ValueError(f"{path} is empty: expected a header with the column image")
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} is not UTF-8 text ({error}): save it as CSV UTF-8") from None
    except OSError as error:
        raise ValueError(f"{path} cannot be read: {error.strerror or error}") from None
    except csv.Error as error:
        line = reader.line_num if reader else 0
        raise ValueError(f"{path} is no CSV at line {line}: {error}") from None


def _parquet(path: Path, columns: Collection[str]) -> tuple[list[str], Rows]:
    try:
        from pyarrow import parquet
    except ImportError as error:
        raise lacking(f"{path}, a Parquet table,", "pyarrow", "parquet", error) from None
    try:
        with parquet.ParquetFile(path) as file:
            schema = file.schema_arrow
            _require_bounded_size(file.metadata, path)
    except _parquet_errors() as error:
        raise ValueError(f"{path} is no Parquet file: {error}") from None
    names = [name.strip().lower() for name in schema.names]
    used = {name: own for name, own in zip(names, schema.names, strict=True) if name in columns}

    def rows() -> Rows:
        number = 0
        texts = [own for own in used.values() if _is_text(schema.field(own).type)]
        try:
            # Text stays a dictionary until its length is known: one long cell may stand for many.
            with parquet.ParquetFile(path, read_dictionary=texts) as file:
                for batch in file.iter_batches(_BATCH, columns=list(used.values())):
                    cells = [_cells(batch.column(own)) for own in used.values()]
                    for values in zip(*cells, strict=True):
                        number += 1
                        yield f"row {number}", dict(zip(used, values, strict=True))
        except _parquet_errors() as error:
            raise ValueError(f"{path} is damaged after row {number}: {error}") from None

    return names, rows()


def _parquet_errors() -> tuple[type[Exception], ...]:
    """What pyarrow raises on files that are damaged, or hold what Python cannot."""
    import pyarrow

    builtin = (OSError, ValueError, KeyError, TypeError, OverflowError, MemoryError)
    return (*builtin, pyarrow.ArrowException)


def _is_text(kind: pyarrow.DataType) -> bool:
    from pyarrow import types

    return bool(types.is_string(kind) or types.is_large_string(kind))


def _cells(column: pyarrow.Array) -> list[Any]:
    """The values of a column as Python's; ValueError for text that is too long."""
    import pyarrow
    from pyarrow import compute, types

    kind = column.type
    if types.is_timestamp(kind):  # Python's datetime has no nanoseconds
        column = column.cast(pyarrow.timestamp("us", kind.tz), safe=False)
    if types.is_dictionary(kind) and _is_text(kind.value_type):
        longest = compute.max(compute.utf8_length(column.dictionary)).as_py() or 0
        if longest > MOST_CHARACTERS:
            raise ValueError(f"a cell holds {longest} characters, more than {MOST_CHARACTERS}")
    values: list[Any] = column.to_pylist()
    return values


def _require_bounded_size(metadata: parquet.FileMetaData, path: Path) -> None:
    _require_few_columns(metadata.num_columns, path)
    if metadata.num_rows > _MOST_ROWS:
        raise ValueError(f"{metadata.num_rows} rows are more than the bound of {_MOST_ROWS}")
    for group in range(metadata.num_row_groups):
        # Not asked column by column: in a damaged file pyarrow ends the process there.
        size = metadata.row_group(group).total_byte_size
        if size > _MOST_BYTES:
            raise ValueError(f"a row group has {size} bytes: expected at most {_MOST_BYTES}")


def _require_few_columns(count: int, path: Path) -> None:
    if count > _MOST_COLUMNS:
        raise ValueError(f"{path} has {count} columns: expected at most {_MOST_COLUMNS}")
