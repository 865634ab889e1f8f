"""Training images: from records to batches, decoded, resized and augmented in worker processes."""

from __future__ import annotations

import signal
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from passerby.config import Input
from passerby.data.batch import Batch
from passerby.data.images import UnreadableImage, decode
from passerby.data.records import Record
from passerby.data.transforms import Augmentation
from passerby.distributed import own_share
from passerby.embedding.preprocessing import resized


@dataclass(frozen=True)
class _Key:
    """One place in an epoch: its random numbers depend on this and the seed alone."""

    epoch: int
    position: int
    row: int


@dataclass(frozen=True, eq=False)
class _Sample:
    image: Tensor | None
    row: int
    set_aside: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class _Loaded:
    images: Tensor  # [B, 3, H, W] uint8
    rows: Tensor  # [B]
    set_aside: tuple[str, ...]


class TrainingImages(Dataset[_Sample]):
    """Records as augmented uint8 images [3, H, W]; an unreadable one is replaced by another of
    the same person, and reported, so that the batch keeps its P × K form."""

    def __init__(
        self,
        records: Sequence[Record],
        labels: Sequence[int],
        size: Input,
        augmentations: Sequence[Augmentation],
        seed: int,
    ) -> None:
        self._images = [record.image for record in records]
        self._labels = labels
        self._size, self._augmentations, self._seed = size, augmentations, seed
        self._rows_of = defaultdict(list)
        for row, label in enumerate(labels):
            self._rows_of[label].append(row)

    def __getitem__(self, key: _Key) -> _Sample:
        random = np.random.default_rng([self._seed, key.epoch, key.position])
        rows = self._rows_of[self._labels[key.row]]
        first = rows.index(key.row)
        set_aside = []
        for row in rows[first:] + rows[:first]:
            try:
                pixels = decode(self._images[row])
            except UnreadableImage as error:
                set_aside.append(f"{error.path}: {error.reason}")
                continue
            image = resized(pixels, self._size)
            for augmentation in self._augmentations:
                image = augmentation(image, random)
            return _Sample(image, row, tuple(set_aside))
        return _Sample(None, key.row, tuple(set_aside))


class Loader:
    """Batches of an epoch, loaded by ``workers`` processes (0: in this one)."""

    def __init__(
        self,
        images: TrainingImages,
        records: Sequence[Record],
        labels: Sequence[int],
        workers: int,
        pin_memory: bool,
    ) -> None:
        self._images, self._workers, self._pin_memory = images, workers, pin_memory
        sources = sorted({record.source for record in records})
        self._persons = torch.tensor(labels)
        self._cameras = torch.tensor([-1 if r.camera is None else r.camera for r in records])
        self._sources = torch.tensor([sources.index(r.source) for r in records])

    def epoch(
        self, epoch: int, batches: Sequence[Sequence[int]], first: int = 0
    ) -> Iterator[Batch]:
        """This process's share of the given batches of rows, in order, from the ``first`` on."""
        keys, position = [], 0
        for rows in batches:
            batch = [_Key(epoch, position + i, row) for i, row in enumerate(rows)]
            keys.append(list(own_share(batch)))
            position += len(rows)
        loader = DataLoader(
            self._images,
            batch_sampler=keys[first:],
            num_workers=self._workers,
            collate_fn=_stacked,
            worker_init_fn=_leave_interrupts,
        )
        for loaded in loader:
            yield self._batch(loaded)

    def _batch(self, loaded: _Loaded) -> Batch:
        images = loaded.images.pin_memory() if self._pin_memory else loaded.images
        rows = loaded.rows
        return Batch(
            images,
            self._persons[rows],
            self._cameras[rows],
            self._sources[rows],
            rows,
            loaded.set_aside,
        )


def _leave_interrupts(worker: int) -> None:
    """Ctrl-C reaches every process of a terminal; the training process decides what it means.

    SIGTERM is how it ends a worker that hangs: its own handler, which a fork copies, would not.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)


def _stacked(samples: list[_Sample]) -> _Loaded:
    """One batch, put together in the worker; images that have no replacement are left out."""
    set_aside = tuple(line for sample in samples for line in sample.set_aside)
    images = [sample.image for sample in samples if sample.image is not None]
    if not images:
        raise ValueError("no image of a whole batch can be read: " + "; ".join(set_aside[:3]))
    rows = [sample.row for sample in samples if sample.image is not None]
    return _Loaded(torch.stack(images), torch.tensor(rows), set_aside)
