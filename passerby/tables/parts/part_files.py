"""One part as a Parquet file: written whole, read only as it was written."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from passerby.process.json_files import parse_object
from passerby.process.whole_files import replacing
from passerby.tables.parts.folder import Manifest, Part, part_file
from passerby.tables.parts.schema import FINGERPRINT, FORMAT, HELD, VECTOR, vector_schema

if TYPE_CHECKING:
    import pyarrow

_SAID = b"passerby"  # key of the file's metadata
_GROWTH, _GROWTH_BYTES = 100, 100_000_000  # what a file may become in memory, as of an .npz
_ROWS = 1_000_000  # of a part: what is read at once


def write_part(path: Path, table: pyarrow.Table, model: str, pooling: str) -> Part:
    """Write the rows of a part, whole or not at all; another process may be writing the same.

    Only its owner may read it, as it tells of persons.

    Raises:
        DiskFull: It does not fit.
    """
    from pyarrow import parquet

    vectors = len(table) - table[VECTOR].null_count
    said = {"format": FORMAT, "model": model, "pooling": pooling, "vectors": vectors}
    described = table.replace_schema_metadata({_SAID: json.dumps(said)})
    with replacing(path, table.nbytes, private=True, shared=True) as file:
        parquet.write_table(
            described,
            file,
            row_group_size=max(len(table), 1),
            use_dictionary=[name for name in (*HELD, FINGERPRINT) if name not in ("id", "image")],
            write_statistics=["row"],
            compression={name: "zstd" for name in parquet_columns(table.schema)},
        )
    return describe_part(path)


def parquet_columns(schema: pyarrow.Schema) -> list[str]:
    """Columns as Parquet names them, less the vectors, which no compression makes smaller."""
    return [name for name in schema.names if name != VECTOR]


def describe_part(path: Path) -> Part:
    """What a manifest says of a part that is there.

    Raises:
        ValueError: It is damaged.
    """
    import pyarrow
    from pyarrow import parquet

    digest = hashlib.sha256()
    try:
        with path.open("rb") as file:
            while piece := file.read(2**20):
                digest.update(piece)
            size = file.tell()
        with parquet.ParquetFile(path) as opened:
            rows, said = opened.metadata.num_rows, _said(opened.schema_arrow, str(path))
    except (OSError, ValueError, pyarrow.ArrowException) as error:
        raise ValueError(f"{path} is damaged ({error})") from None
    return Part(rows, said["vectors"], size, digest.hexdigest())


def read_part(folder: Path, number: int, manifest: Manifest) -> pyarrow.Table:
    """The rows of a part, checked against the manifest before anything of it is read.

    Raises:
        ValueError: The file is gone, is another one than was written, or of another model.
    """
    import pyarrow
    from pyarrow import parquet

    path, part = part_file(folder, number), manifest.parts[number]
    data = _content(path, part)
    try:
        with parquet.ParquetFile(pyarrow.BufferReader(data)) as opened:
            _require_bounded(opened.metadata, part)
            _require_layout(opened.schema_arrow, manifest, str(path))
            table = opened.read()
    except (OSError, ValueError, KeyError, pyarrow.ArrowException) as error:
        raise ValueError(f"{path} is not a part of embeddings: {error}") from None
    if len(table) - table[VECTOR].null_count != part.vectors:
        raise ValueError(f"{path} does not hold the {part.vectors} vectors that the manifest says")
    if any(name != manifest.model for name in table[FINGERPRINT].unique().to_pylist()):
        raise ValueError(f"{path} holds vectors of another model than {manifest.model}")
    return table


def _content(path: Path, part: Part) -> bytes:
    try:
        if path.stat().st_size != part.bytes:
            raise ValueError(f"{path} has another size than the manifest says")
        data = path.read_bytes()
    except OSError as error:
        raise ValueError(
            f"cannot read {path}, which the manifest names: {error.strerror}"
        ) from None
    if hashlib.sha256(data).hexdigest() != part.sha256:
        raise ValueError(
            f"{path} is not the file that the manifest names: it was changed or damaged. Delete it "
            "and run the same passerby embed again, which makes it anew"
        )
    return data


def _require_bounded(metadata: Any, part: Part) -> None:
    """ValueError for a file that would fill the memory."""
    groups = [metadata.row_group(n).total_byte_size for n in range(metadata.num_row_groups)]
    if metadata.num_rows != part.rows or part.rows > _ROWS:
        raise ValueError(f"{metadata.num_rows} rows, expected {part.rows}, at most {_ROWS}")
    if sum(groups) > _GROWTH * part.bytes + _GROWTH_BYTES:
        raise ValueError(f"{part.bytes:,} bytes would become {sum(groups):,}")


def _require_layout(schema: pyarrow.Schema, manifest: Manifest, path: str) -> None:
    said = _said(schema, path)
    for what in ("model", "pooling"):
        if said.get(what) != getattr(manifest, what):
            raise ValueError(
                f"it is of another {what} ({said.get(what)}) than the manifest says "
                f"({getattr(manifest, what)})"
            )
    expected = vector_schema(manifest.dimensions)
    wrong = [n for n in expected.names if n not in schema.names]
    wrong += [
        field.name
        for field in schema
        if field.name not in expected.names or expected.field(field.name).type != field.type
    ]
    if wrong:
        raise ValueError(f"other columns than the layout has: {', '.join(sorted({*wrong}))}")


def _said(schema: pyarrow.Schema, path: str) -> dict[str, Any]:
    text = (schema.metadata or {}).get(_SAID)
    if text is None:
        raise ValueError("it does not say that Passerby wrote it")
    said = parse_object(text, f"{path} is not a part of embeddings", FORMAT)
    if type(said.get("vectors")) is not int:
        raise ValueError("it does not say how many vectors it holds")
    return said
