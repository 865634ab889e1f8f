"""From crops to an embeddings file: in parts, by one process or several, resumed after a kill.

The list of images is cut into parts. Each is embedded by one process and written whole, beside the
file to come; at the end they are joined, piece by piece. A part is a whole number of batches, so
that every image meets the same batch however many processes share the work: the result is the same.
"""

from __future__ import annotations

import io
import json
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock, Timeout
from numpy.typing import NDArray

from passerby.data.crop_list import cameras_of, digest_of, persons_of, view_of
from passerby.data.images import UnreadableImage, write_unreadable
from passerby.embedding.embedder import Embedder
from passerby.embedding.loading import LoadedImage, load_image, prefetched
from passerby.process import distributed
from passerby.process.json_files import read_object
from passerby.process.reporting import progress
from passerby.process.spelling import count_of
from passerby.process.whole_files import write_whole
from passerby.tables.columns import (
    FRAMES,
    IMAGES,
    NAMED_CAMERAS,
    NAMED_PERSONS,
    QUALITIES,
    SOURCES,
    TIMES,
    TRACKLETS,
    UNTILS,
    Column,
)
from passerby.tables.npz_files import Pieces, write_npz
from passerby.tables.records import Crop

_PARTS_EACH = 8  # of a process; fewer would let it wait for the slowest, more only costs files
_MOST_BATCHES = 16  # of a part: what a kill can cost
_PIECE = 10_000  # rows of text columns made at once
_KNOWN = (
    IMAGES, SOURCES, NAMED_PERSONS, NAMED_CAMERAS, TIMES, FRAMES, TRACKLETS, QUALITIES, UNTILS,
)  # fmt: skip


@dataclass(frozen=True)
class Saved:
    """path: of the embeddings; count: how many; dimensions: of each; set_aside: images that could
    not be read; report: the file that names them, None when there is none."""

    path: Path
    count: int
    dimensions: int
    set_aside: int
    report: Path | None

    def __str__(self) -> str:
        text = f"{self.count} embeddings of {self.dimensions} numbers in {self.path}"
        if self.report is not None:
            text += f"; {count_of(self.set_aside, 'image')} cannot be read, see {self.report}"
        return text


@dataclass(frozen=True)
class _Work:
    """What is done here: part n is rows n·size to (n+1)·size of the list."""

    folder: Path
    size: int
    count: int

    @property
    def parts(self) -> int:
        return -(-self.count // self.size)

    def rows(self, part: int) -> range:
        return range(part * self.size, min((part + 1) * self.size, self.count))

    def file(self, part: int) -> Path:
        return self.folder / f"part-{part:06d}.npz"


def embed_to_file(
    embedder: Embedder,
    crops: Sequence[Crop],
    out: str | os.PathLike[str],
    *,
    cameras: bool = False,
) -> Saved:
    """Embed crops into an ``.npz`` that `Embeddings.load` reads, in the order of the list.

    Among processes that torchrun started, each takes its share of the parts; all must see the same
    disk. After a kill the same call goes on with the parts that are missing, also with another
    number of processes. Images that cannot be read are left out and named, with the reason, in
    ``OUT.unreadable.csv``. cameras: let systems that look at cameras see the data set's numbers.
    Raises ValueError when not one image can be read, and when parts of another list or model lie
    beside the file.
    """
    target = Path(out)
    target = target if target.suffix == ".npz" else target.with_name(target.name + ".npz")
    work = distributed.on_first_rank(
        lambda: _open_or_create_parts(embedder, crops, target, cameras)
    )
    with _locked(work.folder), progress("embedding") as advance:
        mine = range(distributed.rank(), work.parts, distributed.world_size())
        total, done = sum(len(work.rows(part)) for part in mine), 0
        for part in mine:
            rows = work.rows(part)
            if not work.file(part).exists():
                chosen = crops[rows.start : rows.stop]
                for passed, content in _embedded(embedder, chosen, rows.start, cameras):
                    if content:
                        write_whole(work.file(part), content)
                    advance(done + passed, total)
            done += len(rows)
            advance(done, total)
        distributed.barrier()
        saved = distributed.on_first_rank(lambda: _joined(embedder, crops, work, target, cameras))
    distributed.barrier()  # each has let go of its lock
    if distributed.rank() == 0:
        shutil.rmtree(work.folder, ignore_errors=True)
    return saved


def _open_or_create_parts(
    embedder: Embedder, crops: Sequence[Crop], target: Path, cameras: bool
) -> _Work:
    """Make the folder of parts, or go on in the one that is there when it is of the same work."""
    folder = target.with_name(target.name + ".parts")
    batch = embedder.batch_size
    share = len(crops) / (batch * distributed.world_size() * _PARTS_EACH)
    said: dict[str, Any] = {
        "images": digest_of(crops),
        "count": len(crops),
        "model": embedder.fingerprint,
        "pooling": embedder.pooling,
        "cameras": cameras,
        "batch": batch,
    }
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)  # vectors of persons
    plan = folder / "plan.json"
    if plan.exists():
        there = read_object(plan, "the plan of an embedding")
        size = there.pop("size", 0)
        other = [name for name, value in said.items() if there.get(name) != value]
        if other or not size:
            raise ValueError(
                f"{folder} holds parts of other work (other {', '.join(other)}): delete it to "
                "begin anew, or name another --out"
            )
        return _Work(folder, size, len(crops))
    size = batch * min(max(round(share), 1), _MOST_BATCHES)
    write_whole(plan, json.dumps({**said, "size": size}).encode())
    return _Work(folder, size, len(crops))


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Held by each process of one call, so that two calls never write the same parts."""
    lock = FileLock(folder / f"rank-{distributed.rank()}.lock", timeout=0)
    try:
        lock.acquire()
    except Timeout:
        raise ValueError(f"another process is at work in {folder}: wait for it") from None
    try:
        yield
    finally:
        lock.release()


def _embedded(
    embedder: Embedder, crops: Sequence[Crop], first: int, cameras: bool
) -> Iterator[tuple[int, bytes]]:
    """(images done, b"") after each batch, the content of the part's file with the last."""
    vectors, local, hashes = [np.empty((0, embedder.dimensions), np.float32)], [], []
    rows: list[int] = []
    unreadable: list[tuple[int, str]] = []
    size, done = embedder.batch_size, 0
    chunks = (range(s, min(s + size, len(crops))) for s in range(0, len(crops), size))
    loaded = prefetched(chunks, lambda row: load_image(crops[row].image, embedder.input))
    for chunk, images in loaded:
        pairs = []
        for row, image in zip(chunk, images, strict=True):
            if isinstance(image, LoadedImage):
                pairs.append((row, image))
            else:
                unreadable.append((first + row, image.reason))
        if pairs:
            numbers = [view_of(crops[row]) for row, _ in pairs] if cameras else None
            made = embedder.of_inputs([image.image for _, image in pairs], numbers)
            vectors.append(made.embeddings)
            local += [] if made.local is None else [made.local]
            hashes += [image.id for _, image in pairs]
            rows += [first + row for row, _ in pairs]
        done += len(chunk)
        if done < len(crops):
            yield done, b""
    columns = {
        "vectors": np.concatenate(vectors),
        "hashes": np.array(hashes, "<U32"),
        "rows": np.array(rows, np.int64),
        "unreadable": np.array([row for row, _ in unreadable], np.int64),
        "reasons": np.array([reason for _, reason in unreadable], np.str_),
    }
    if local:
        columns["local"] = np.concatenate(local)
    file = io.BytesIO()
    np.savez(file, **columns)  # type: ignore[arg-type]
    yield len(crops), file.getvalue()


def _joined(
    embedder: Embedder, crops: Sequence[Crop], work: _Work, target: Path, cameras: bool
) -> Saved:
    """All parts as one file, and the report; never more than a part in memory."""
    files = [work.file(part) for part in range(work.parts)]
    rows = np.concatenate([_column(file, "rows") for file in files])
    broken = [
        UnreadableImage(crops[row].image, reason)
        for file in files
        for row, reason in zip(
            _column(file, "unreadable").tolist(), _column(file, "reasons").tolist(), strict=True
        )
    ]
    if not len(rows):
        shutil.rmtree(work.folder, ignore_errors=True)  # as it is, it would be joined for ever
        raise ValueError(
            f"none of {count_of(len(crops), 'image')} can be read; the first: {broken[0]}"
        )
    kept = [crops[row] for row in rows.tolist()]
    columns = {
        "vectors": Pieces(
            np.dtype("<f4"), (embedder.dimensions,), (_column(file, "vectors") for file in files)
        ),
        "hashes": Pieces(np.dtype("<U32"), (), (_column(file, "hashes") for file in files)),
        **_known(kept),
    }
    stripes = next((s for file in files if (s := _stripes(file)) is not None), None)
    if stripes is not None:
        pieces = (piece for file in files if (piece := _stripes(file)) is not None)
        columns["local"] = Pieces(np.dtype("<f4"), stripes.shape[1:], pieces)
    # Said, so that a gallery refuses them: its queries come from cameras without a number.
    pooling = embedder.pooling + ("+cameras" if cameras else "")
    words = {"model": embedder.fingerprint, "pooling": pooling}
    write_npz(target, len(rows), columns, words)
    report = target.with_name(target.name.removesuffix(".npz") + ".unreadable.csv")
    report.unlink(missing_ok=True)
    if broken:
        write_unreadable(report, broken)
    return Saved(target, len(rows), embedder.dimensions, len(broken), report if broken else None)


def _column(file: Path, name: str) -> NDArray[Any]:
    try:
        with np.load(file, allow_pickle=False) as stored:
            column: NDArray[Any] = stored[name]
            return column
    except (OSError, ValueError, KeyError, EOFError) as error:
        with suppress(OSError):
            file.unlink()
        raise ValueError(f"{file} was damaged ({error}): the same command makes it anew") from None


def _stripes(file: Path) -> NDArray[np.float32] | None:
    with np.load(file, allow_pickle=False) as stored:
        return stored["local"] if "local" in stored.files else None


def _known(crops: Sequence[Crop]) -> dict[str, Pieces]:
    """The columns of what is known of the crops beside their vectors, none that is all unknown."""
    columns = {"persons": _whole(persons_of(crops))}
    cameras = cameras_of(crops)
    if cameras is not None:
        columns["cameras"] = _whole(cameras)
    for column in _KNOWN:
        if any(getattr(crop, column.row) not in ("", None) for crop in crops):
            # Text has the width of the longest, which is known only when all pieces were made.
            width = max(piece.dtype.itemsize for piece in _pieces(column, crops))
            dtype = np.dtype(f"<U{width // 4}") if column.dtype.kind == "U" else column.dtype
            columns[column.name] = Pieces(dtype, (), _pieces(column, crops))
    return columns


def _pieces(column: Column, crops: Sequence[Crop]) -> Iterator[NDArray[Any]]:
    """A column piece by piece: text of a fixed width would take much memory at once."""
    for start in range(0, len(crops), _PIECE):
        part = crops[start : start + _PIECE]
        yield column.checked(column.of(part), len(part), "crops")


def _whole(numbers: Sequence[int]) -> Pieces:
    return Pieces(np.dtype(np.int64), (), [np.array(numbers, np.int64)])
