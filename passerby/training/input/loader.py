"""Training images: from records to batches, decoded, resized and augmented in worker processes."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import signal
import threading
from collections import defaultdict, deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
import torch.multiprocessing  # from here on processes hand over tensors in shared memory
from numpy.typing import NDArray
from torch import Tensor

from passerby.config import Input, import_files, imported_files
from passerby.data.augmentations import Augmentation, Joints
from passerby.data.batch import Batch
from passerby.data.images import UnreadableImage, decode
from passerby.embedding.preprocessing import resized
from passerby.process.distributed import own_share
from passerby.tables.records import Record
from passerby.training.input.image_cache import ImageCache


@dataclass(frozen=True, slots=True)
class Key:
    """One place in an epoch: its random numbers depend on this and the seed alone."""

    epoch: int
    position: int
    row: int


@dataclass(frozen=True, eq=False)
class Loaded:
    """A batch as a worker hands it over; images that have no replacement are left out.

    images: uint8 [B, 3, H, W], channels last in memory; rows [B]: those of the records; joints
    [B, 17, 3]: as of `Batch`.
    """

    images: Tensor
    rows: Tensor
    set_aside: tuple[str, ...]
    joints: Tensor | None = None


class TrainingImages:
    """Records as batches of augmented images; an unreadable one is replaced by another of the
    same person, and reported, so that the batch keeps its P × K form.

    joints [N, 17, 3]: of the records, in pixels of their files' images; they move with the images.
    """

    def __init__(
        self,
        records: Sequence[Record],
        labels: Sequence[int],
        size: Input,
        augmentations: Sequence[Augmentation],
        seed: int,
        *,
        cache: ImageCache | None = None,
        joints: NDArray[np.float32] | None = None,
    ) -> None:
        self._images = [record.image for record in records]
        self._labels = labels
        self._size, self._augmentations, self._seed = size, augmentations, seed
        self._cache, self._joints = cache, joints
        self._shapes: dict[int, tuple[int, int]] = {}  # of images before they are resized
        self._rows_of = defaultdict(list)
        for row, label in enumerate(labels):
            self._rows_of[label].append(row)

    def load(self, keys: Sequence[Key]) -> Loaded:
        """One batch, each image written into its place at once."""
        images = torch.empty((len(keys), self._size.height, self._size.width, 3), dtype=torch.uint8)
        rows: list[int] = []
        joints: list[Joints] = []
        set_aside: list[str] = []
        for key in keys:
            found = self._first_readable(key.row, set_aside)
            if found is None:
                continue
            image, row = found
            images[len(rows)] = self._augmented(image, row, key, joints).permute(1, 2, 0)
            rows.append(row)
        channels_last = images[: len(rows)].permute(0, 3, 1, 2)
        moved = None
        if self._joints is not None:
            moved = torch.from_numpy(np.array(joints, np.float32).reshape(-1, 17, 3))
        return Loaded(channels_last, torch.tensor(rows), tuple(set_aside), moved)

    def _augmented(self, image: Tensor, row: int, key: Key, joints: list[Joints]) -> Tensor:
        """The changed image; its joints, where there are any, are added to the list."""
        random = np.random.default_rng([self._seed, key.epoch, key.position])
        steps = [augmentation.at(key.epoch) for augmentation in self._augmentations]
        if self._joints is None:
            for step in steps:
                image = step(image, random)
            return image
        height, width = self._shapes[row]
        size = np.array([self._size.width, self._size.height, 1], np.float32)
        own = self._joints[row] * size / np.array([width, height, 1], np.float32)
        for step in steps:
            image, own = step.with_joints(image, own, random)
        joints.append(own / size)
        return image

    def _first_readable(self, row: int, set_aside: list[str]) -> tuple[Tensor, int] | None:
        """The image of a row, or of the person's next one that can be read."""
        rows = self._rows_of[self._labels[row]]
        first = rows.index(row)
        for other in rows[first:] + rows[:first]:
            try:
                return self._resized(other), other
            except UnreadableImage as error:
                set_aside.append(f"{error.path}: {error.reason}")
        return None

    def _resized(self, row: int) -> Tensor:
        # Joints need the size of the file's image, which the cache does not keep.
        known = self._joints is None or row in self._shapes
        kept = self._cache.get(row) if self._cache is not None and known else None
        if kept is not None:
            return kept
        pixels = decode(self._images[row])
        self._shapes[row] = pixels.shape[:2]
        image = resized(pixels, self._size)
        if self._cache is not None:
            self._cache.put(row, image)
        return image

    def __getstate__(self) -> dict[str, Any]:
        """For a fresh process: augmentations of a user's own file need the file imported first."""
        augmentations = pickle.dumps(self._augmentations)
        files = imported_files(self._augmentations)
        return {**vars(self), "_augmentations": augmentations, "_files": files}

    def __setstate__(self, state: dict[str, Any]) -> None:
        import_files(state.pop("_files"))
        vars(self).update(state | {"_augmentations": pickle.loads(state["_augmentations"])})


class BatchSource(Protocol):
    """What a loader takes batches from."""

    def load(self, keys: Sequence[Key]) -> Loaded:
        """The images at these places."""


class Loader:
    """Batches of an epoch, loaded by ``workers`` processes (0: in this one).

    A context manager: the processes begin with the first epoch, stay for all, and end with it.
    targets [N, T]: of the records, what teachers make of them. start_method: fork, spawn or
    forkserver, Python's choice for the system if not given.
    """

    def __init__(
        self,
        images: BatchSource,
        records: Sequence[Record],
        labels: Sequence[int],
        workers: int,
        pin_memory: bool,
        *,
        targets: Tensor | None = None,
        start_method: str | None = None,
    ) -> None:
        self._targets = targets
        self._images, self._workers, self._pin_memory = images, workers, pin_memory
        self._start_method = start_method
        self._pool: ProcessPoolExecutor | None = None
        sources = sorted({record.source for record in records})
        self._persons = torch.tensor(labels)
        self._cameras = torch.tensor([-1 if r.camera is None else r.camera for r in records])
        self._sources = torch.tensor([sources.index(r.source) for r in records])

    def __enter__(self) -> Loader:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """End the processes; an epoch that comes afterwards begins new ones."""
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)
            self._pool = None

    def epoch(
        self, epoch: int, batches: Sequence[Sequence[int]], first: int = 0
    ) -> Iterator[Batch]:
        """This process's share of the given batches of rows, in order, from the ``first`` on.

        Raises ValueError for a batch of which no image can be read, and when a worker has died.
        """
        keys, position = [], 0
        for rows in batches:
            batch = [Key(epoch, position + i, row) for i, row in enumerate(rows)]
            keys.append(own_share(batch))
            position += len(rows)
        for loaded in self._loaded(keys[first:]):
            if not len(loaded.rows):
                reasons = "; ".join(loaded.set_aside[:3])
                raise ValueError(f"no image of a whole batch can be read: {reasons}")
            yield self._batch(loaded)

    def _loaded(self, batches: Sequence[Sequence[Key]]) -> Iterator[Loaded]:
        if not self._workers:
            yield from map(self._images.load, batches)
            return
        pool = self._started_pool()
        waiting: deque[Future[Loaded]] = deque()
        try:
            for batch in batches:
                waiting.append(pool.submit(_load, batch))
                if len(waiting) > 2 * self._workers:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        except BrokenProcessPool:
            self.close()
            raise ValueError(
                "a process that loads images has died: killed for want of memory, or unable to "
                "start (the reason then stands above). Lower --workers or --cache (--workers 0 "
                "loads without processes) and go on with --resume"
            ) from None
        finally:
            for future in waiting:
                future.cancel()

    def _started_pool(self) -> ProcessPoolExecutor:
        if self._pool is None:
            self._pool = ProcessPoolExecutor(
                self._workers,
                multiprocessing.get_context(self._start_method),
                initializer=_initialise_worker,
                initargs=(self._images,),
            )
        return self._pool

    def _batch(self, loaded: Loaded) -> Batch:
        images = loaded.images.pin_memory() if self._pin_memory else loaded.images
        rows = loaded.rows
        return Batch(
            images,
            self._persons[rows],
            self._cameras[rows],
            self._sources[rows],
            rows,
            loaded.set_aside,
            None if self._targets is None else self._targets[rows],
            loaded.joints,
        )


# What a worker process loads from; set once, when it begins.
_here: list[BatchSource] = []


def _initialise_worker(images: BatchSource) -> None:
    # Ctrl-C reaches every process of a terminal; the training process decides what it means.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # SIGTERM is how it ends a worker that hangs: its own handler, which a fork copies, would not.
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    torch.set_num_threads(1)
    threading.Thread(target=_exit_with_parent, daemon=True).start()
    _here[:] = [images]


def _exit_with_parent() -> None:
    """A training process that is killed cannot end its workers: they see to it themselves."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)


def _load(keys: Sequence[Key]) -> Loaded:
    return _here[0].load(keys)
