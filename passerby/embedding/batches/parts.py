"""A folder of parts, made by any number of workers of any engine: the same folder each time.

The list of images is cut into parts once, by the plan. A worker is given the number of a part,
embeds it and writes it whole; done twice, it writes the same rows under the same name. So a worker
that is killed loses its part at most, one that an engine starts twice doubles nothing, and the
manifest, written last, counts only what is whole.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from passerby.data.images import UnreadableImage, write_unreadable
from passerby.embedding.batches.batch import EmbedBatch, embed_table
from passerby.embedding.batches.planning import plan_parts
from passerby.embedding.embedder import Embedder
from passerby.process import distributed
from passerby.process.reporting import progress
from passerby.process.spelling import count_of
from passerby.process.whole_files import remove_parts
from passerby.tables.parts.folder import (
    Manifest,
    Part,
    Plan,
    images_file,
    part_file,
    read_plan,
    unreadable_file,
    write_manifest,
)
from passerby.tables.parts.part_files import describe_part, write_part
from passerby.tables.parts.schema import UNREADABLE
from passerby.tables.records import Crop

if TYPE_CHECKING:
    import pyarrow


@dataclass(frozen=True)
class SavedParts:
    """path: of the folder; parts: how many it has; else as `passerby.embedding.saving.Saved`."""

    path: Path
    parts: int
    count: int
    dimensions: int
    set_aside: int
    report: Path | None

    def __str__(self) -> str:
        text = (
            f"{self.count} embeddings of {self.dimensions} numbers in "
            f"{count_of(self.parts, 'part')} in {self.path}"
        )
        if self.report is not None:
            text += f"; {count_of(self.set_aside, 'image')} cannot be read, see {self.report}"
        return text


@dataclass(frozen=True)
class EmbedParts:
    """Makes the parts of a folder: `plan` it, let workers call this with numbers, `finish` it.

    It is small and can be pickled. All must see the folder, and the images by the same paths.

    Args:
        folder: Where the parts are to lie.
        embed: What makes vectors; the batch size is that of the machine that plans.

    Examples:
        ``work = EmbedParts("out", EmbedBatch("default")); work.plan(read_crops("crops").crops)``
        on one machine, ``work(pyarrow.table({"part": [7]}))`` on any, ``work.finish()`` at the end.
    """

    folder: str | os.PathLike[str]
    embed: EmbedBatch = field(default_factory=EmbedBatch)

    def plan(self, crops: Sequence[Crop]) -> Plan:
        """Cut a list of images into parts, or go on with the plan that is there.

        Raises:
            ValueError: The folder holds parts of other work, or there is no image.
        """
        return plan_parts(self.embed.embedder, crops, Path(self.folder))

    def missing(self) -> list[int]:
        """The numbers of the parts that are not there yet.

        Raises:
            ValueError: There is no plan.
        """
        folder = Path(self.folder)
        parts = range(read_plan(folder).parts)
        return [number for number in parts if not part_file(folder, number).exists()]

    def __call__(self, numbers: Any) -> pyarrow.Table:
        """Make the parts of a table's column ``part``; a row each: part, rows, vectors.

        Raises:
            ValueError: There is no such part, or the model is not that of the plan.
        """
        import pyarrow as pa

        parts = numbers["part"].to_pylist()
        done = [self.make(number) for number in parts]
        columns = [parts, [one.rows for one in done], [one.vectors for one in done]]
        return pa.table([pa.array(c, pa.int64()) for c in columns], ["part", "rows", "vectors"])

    def each(self, batches: Iterable[pyarrow.RecordBatch]) -> Iterator[pyarrow.RecordBatch]:
        """The same of an iterator of batches, as Spark's ``mapInArrow`` gives and wants it."""
        for batch in batches:
            yield from self(batch).to_batches()

    def make(self, number: int) -> Part:
        """Embed one part and write it, unless it is there."""
        return make_part(self.embed.embedder, Path(self.folder), number)

    def finish(self) -> SavedParts:
        """Check that every part is whole, and write the manifest, from which on they count.

        Raises:
            ValueError: Parts are missing, or not one image can be read.
        """
        return finish_parts(Path(self.folder))


def embed_to_parts(
    embedder: Embedder, crops: Sequence[Crop], out: str | os.PathLike[str]
) -> SavedParts:
    """Embed crops into a folder of parts; of processes that torchrun started each takes its share.

    After a kill the same call goes on with the parts that are missing, with another number of
    processes or on another engine, too. Images that cannot be read have a row without a vector, and
    are named in ``_unreadable.csv``.

    Raises:
        ValueError: The folder holds parts of other work, or not one image can be read.
    """
    folder = Path(out)
    plan = distributed.on_first_rank(lambda: plan_parts(embedder, crops, folder))
    mine = range(distributed.rank(), plan.parts, distributed.world_size())
    with progress("embedding") as advance:
        total, done = sum(len(plan.rows(number)) for number in mine), 0
        for number in mine:
            make_part(embedder, folder, number)
            done += len(plan.rows(number))
            advance(done, total)
    distributed.barrier()
    return distributed.on_first_rank(lambda: finish_parts(folder))


def make_part(embedder: Embedder, folder: Path, number: int) -> Part:
    """Embed the images of a part and write it, unless it is there and whole.

    Raises:
        ValueError: There is no such part, or the model is not that of the plan.
    """
    from pyarrow import parquet

    plan = read_plan(folder)
    if not 0 <= number < plan.parts:
        raise ValueError(f"there is no part {number}: they have the numbers 0 to {plan.parts - 1}")
    _require_model(embedder, plan, folder)
    path = part_file(folder, number)
    if path.exists():
        try:
            return describe_part(path)
        except ValueError:  # as a disk leaves it that keeps renames before what was written
            path.unlink()
    with parquet.ParquetFile(images_file(folder)) as images:
        table = images.read_row_group(number)
    return write_part(path, embed_table(embedder, table, plan.batch), plan.model, plan.pooling)


def finish_parts(folder: Path) -> SavedParts:
    """As `EmbedParts.finish`."""
    plan = read_plan(folder)
    missing = [n for n in range(plan.parts) if not part_file(folder, n).exists()]
    if missing:
        raise ValueError(
            f"{len(missing)} of {count_of(plan.parts, 'part')} in {folder} are missing, the first "
            f"is {missing[0]}: run the same work again, which makes them"
        )
    parts = []
    with progress("checking") as advance:
        for number in range(plan.parts):
            parts.append(_checked_part(folder, number, len(plan.rows(number))))
            advance(number + 1, plan.parts)
    manifest = Manifest(plan.model, plan.pooling, plan.dimensions, tuple(parts))
    broken = _unreadable(folder, manifest)
    if not manifest.count:
        raise ValueError(
            f"none of {count_of(plan.count, 'image')} can be read; the first: {broken[0]}. When "
            f"that is mended, delete {folder} and begin anew"
        )
    report = unreadable_file(folder)
    report.unlink(missing_ok=True)
    if broken:
        write_unreadable(report, broken)
    remove_parts(folder)
    write_manifest(folder, manifest)
    return SavedParts(
        folder,
        plan.parts,
        manifest.count,
        plan.dimensions,
        manifest.set_aside,
        report if broken else None,
    )


def _checked_part(folder: Path, number: int, rows: int) -> Part:
    path = part_file(folder, number)
    part = describe_part(path)
    if part.rows != rows:
        raise ValueError(
            f"{path} has {count_of(part.rows, 'row')} where the plan has {rows}: delete it and run "
            "the same work again"
        )
    return part


def _unreadable(folder: Path, manifest: Manifest) -> list[UnreadableImage]:
    """The images without a vector, read of those parts alone that have such."""
    from pyarrow import parquet

    found = []
    for number, part in enumerate(manifest.parts):
        if part.vectors < part.rows:
            table = parquet.read_table(part_file(folder, number), columns=["image", UNREADABLE])
            rows = table.filter(table[UNREADABLE].is_valid()).to_pylist()
            found += [UnreadableImage(row["image"] or "", row[UNREADABLE]) for row in rows]
    return found


def _require_model(embedder: Embedder, plan: Plan, folder: Path) -> None:
    for what, own, wanted in (
        ("model", embedder.fingerprint, plan.model),
        ("pooling", embedder.pooling, plan.pooling),
    ):
        if own != wanted:
            raise ValueError(
                f"{folder} is planned for another {what} ({wanted}) than this worker has ({own})"
            )
