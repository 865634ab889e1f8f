"""Embedder: images in, embeddings out, with the preprocessing that the model was trained with."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from typing import TypeVar, get_args

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from passerby.config import Input
from passerby.data.images import UnreadableImage, decode
from passerby.embedding.image_inputs import AnyImage, Colours, images_of, pixels_of
from passerby.embedding.loading import prefetched
from passerby.embedding.opening import Running, open_model
from passerby.embedding.preprocessing import resized, stacked
from passerby.embedding.runtimes import Outputs, Runtime
from passerby.embedding.runtimes.exported import Precision
from passerby.embedding.runtimes.torch import Torch
from passerby.models.checkpoint import Card, fingerprint
from passerby.models.packaged import DEFAULT, model_folder
from passerby.models.system import System
from passerby.process.reporting import progress
from passerby.process.spelling import count_of
from passerby.tables.embeddings import Embeddings
from passerby.tables.records import Record
from passerby.tables.unit_length import unit

_HALF = np.float32(0.5)
_Item = TypeVar("_Item")


@dataclass(frozen=True)
class Embedded:
    """embeddings of the records that could be read; set_aside: the others, with the reason."""

    embeddings: Embeddings
    set_aside: tuple[UnreadableImage, ...]


@dataclass(frozen=True)
class Vectors:
    """embeddings [B, D] float32 and local [B, S, D] of stripes, None where the system has none."""

    embeddings: NDArray[np.float32]
    local: NDArray[np.float32] | None


class Embedder:
    """A network with its preprocessing: ``embedder(images) -> [N, D]`` float32.

    It may be used from several threads at once.

    Args:
        model: The network, or what runs one.
        size: Its preprocessing.
        name: Of the recipe.
        flip: Mean of the embeddings of the image and its mirror image.
        before_neck: The vectors before the neck in place of the embedding.
        colours: Channels of the arrays and tensors that it is called with: "rgb", or "bgr" as
            OpenCV has them. Files and Pillow images say it themselves.
        unit_length: Bring the vectors of a call to length 1; by default they are as they come out
            of the network, which cosine distances do not see and Euclidean ones do.
        device: Where a network runs; a GPU when there is one.
        batch_size: Images at once; None: 32 on a CPU, 128 on a GPU.
        card: What is known of its training, None when nothing is.
        place: The MODEL that it was opened from, "" when it was not.
        fingerprint: Of its vectors; "": that of the network's weights.
        calibration: The text of the calibration.json that came inside the model's file.

    Examples:
        >>> import numpy as np, passerby
        >>> embedder = passerby.load(unit_length=True)
        >>> crops = np.random.default_rng(0).integers(0, 256, (2, 128, 64, 3), np.uint8)
        >>> embedder(crops).shape == (2, embedder.dimensions)
        True
    """

    def __init__(
        self,
        model: System | Runtime,
        size: Input,
        *,
        name: str = "",
        flip: bool = False,
        before_neck: bool = False,
        colours: Colours = "rgb",
        unit_length: bool = False,
        device: str | torch.device | None = None,
        batch_size: int | None = None,
        card: Card | None = None,
        place: str = "",
        fingerprint: str = "",
        calibration: str = "",
    ) -> None:
        if colours not in get_args(Colours):
            raise ValueError(f"colours must be 'rgb' or 'bgr', got {colours!r}")
        if batch_size is not None and batch_size < 1:
            raise ValueError(f"batch_size must be 1 or more, got {batch_size}")
        self._network = None if isinstance(model, Runtime) else model
        self.runtime = model if isinstance(model, Runtime) else Torch(model, size, device=device)
        if before_neck and "before_neck" not in self.runtime.outputs:
            raise ValueError(
                f"{place} was exported without the vectors before the neck: export it again, or "
                "open its checkpoint"
            )
        self.colours, self.unit_length = colours, unit_length
        self.input, self.name, self.card, self.place = size, name, card, place
        self.flip, self.before_neck, self.calibration = flip, before_neck, calibration
        self.batch_size = batch_size or self.runtime.batch_size
        self._fingerprint = fingerprint

    @cached_property
    def fingerprint(self) -> str:
        """Ties embeddings to the weights they come from, and to what rounds them otherwise."""
        if self._fingerprint or self._network is None:
            return self._fingerprint
        return fingerprint(self._network.state_dict())

    @property
    def pooling(self) -> str:
        """How an image becomes a vector: what a calibration depends on beside the weights."""
        named = {"flip": self.flip, "before_neck": self.before_neck}
        return "+".join(name for name, used in named.items() if used) or "plain"

    @property
    def dimensions(self) -> int:
        """Length D of an embedding."""
        return self.runtime.dimensions

    def __call__(self, images: Iterable[AnyImage] | AnyImage) -> NDArray[np.float32]:
        """Embeddings [N, D] float32 of images of any sizes; one image alone gives [1, D].

        Args:
            images: Paths, bytes of image files, Pillow images, pixels as uint8 [H, W, 3] in RGB
                (``colours="bgr"`` for OpenCV's), tensors as uint8 [3, H, W], or a batch of pixels.

        Returns:
            Vectors, not of length 1 unless the Embedder was made with ``unit_length``.

        Raises:
            UnreadableImage: A file that cannot be decoded.
            ValueError: Something is no image, or has no pixels; it is named by its place.
        """
        listed = images_of(images)
        names = [f"image {number} of the list" for number in range(1, len(listed) + 1)]
        names = ["the image"] if len(listed) == 1 else names
        made = self._of_each(
            zip(listed, names, strict=True),
            lambda item: resized(pixels_of(item[0], self.colours, item[1]), self.input),
        )
        return unit(made, "embeddings") if self.unit_length else made

    def of_pixels(self, images: Iterable[NDArray[np.uint8]]) -> NDArray[np.float32]:
        """Embeddings [N, D] as the network makes them, of pixels [H, W, 3] in RGB; two batches of
        them at a time are in memory."""
        return self._of_each(images, lambda image: resized(image, self.input))

    def embed(self, records: Sequence[Record]) -> Embedded:
        """Embeddings of records; images that cannot be read are set aside, not fatal.

        Raises ValueError when not one image can be read.
        """
        batches: list[Vectors] = []
        begun: list[Callable[[], Vectors]] = []
        kept: list[Record] = []
        set_aside: list[UnreadableImage] = []
        done = 0
        with progress("embedding") as advance:
            for chunk, images in prefetched(_chunks(records, self.batch_size), self._load):
                pairs = list(zip(chunk, images, strict=True))
                set_aside += [image for _, image in pairs if isinstance(image, UnreadableImage)]
                readable = [image for _, image in pairs if isinstance(image, Tensor)]
                kept += [record for record, image in pairs if isinstance(image, Tensor)]
                if readable:
                    cameras = [-1 if r.camera is None else r.camera for r in kept[-len(readable) :]]
                    begun.append(self._start(stacked(readable), torch.tensor(cameras)))
                if len(begun) > 1:  # a GPU computes the one while it gets the other
                    batches.append(begun.pop(0)())
                done += len(chunk)
                advance(done, len(records))
        if not kept:
            reason = f"; the first: {set_aside[0]}" if set_aside else ""
            raise ValueError(f"none of {count_of(len(records), 'image')} can be read{reason}")
        batches += [wait() for wait in begun]
        vectors = np.concatenate([batch.embeddings for batch in batches])
        local = [batch.local for batch in batches if batch.local is not None]
        embeddings = Embeddings.of_records(
            vectors,
            kept,
            local=np.concatenate(local) if local else None,
            model=self.fingerprint,
            pooling=self.pooling,
        )
        return Embedded(embeddings, tuple(set_aside))

    def of_inputs(self, images: Sequence[Tensor], cameras: Sequence[int] | None = None) -> Vectors:
        """One batch of images, each uint8 [3, height, width] as `resized` makes them.

        cameras: the data set's numbers, −1 where unknown; few systems look at them.
        """
        numbers = None if cameras is None else torch.tensor(cameras)
        return self._start(stacked(images), numbers)()

    def _of_each(
        self, items: Iterable[_Item], load: Callable[[_Item], Tensor]
    ) -> NDArray[np.float32]:
        """Embeddings [N, D] of items that threads make inputs of, a batch ahead of the network."""
        vectors = [np.empty((0, self.dimensions), np.float32)]
        for _, batch in prefetched(_chunks(items, self.batch_size), load):
            vectors.append(self._start(stacked(batch))().embeddings)
        return np.concatenate(vectors)

    def _load(self, record: Record) -> Tensor | UnreadableImage:
        try:
            return resized(decode(record.image), self.input)
        except UnreadableImage as error:
            return error

    def _start(self, images: Tensor, cameras: Tensor | None = None) -> Callable[[], Vectors]:
        """Begin a batch of uint8 images [B, 3, H, W]; what is returned waits for its vectors."""
        plain = self.runtime.start(images, cameras)
        mirrored = self.runtime.start(images.flip(3), cameras) if self.flip else None

        def wait() -> Vectors:
            vectors, local = self._chosen(plain())
            if mirrored is not None:
                others, other_local = self._chosen(mirrored())
                vectors = (vectors + others) * _HALF
                if local is not None and other_local is not None:
                    local = (local + other_local) * _HALF
            return Vectors(vectors, local)

        return wait

    def _chosen(self, made: Outputs) -> tuple[NDArray[np.float32], NDArray[np.float32] | None]:
        if not self.before_neck:
            return made.embedding, made.local
        assert made.before_neck is not None
        return made.before_neck, made.local


def load(
    model: str | os.PathLike[str] = DEFAULT,
    *,
    runtime: str = "auto",
    precision: Precision | None = None,
    flip: bool = False,
    before_neck: bool = False,
    colours: Colours = "rgb",
    unit_length: bool = False,
    device: str | None = None,
    threads: int | None = None,
    batch_size: int | None = None,
    compiled: bool = False,
) -> Embedder:
    """Open MODEL as an Embedder.

    Args:
        model: A folder that `passerby train` wrote, a folder or file (.onnx, .xml) that `passerby
            export` wrote, or "default": the model that comes with Passerby
            (docs/default_model.md).
        runtime: "torch", "onnx" (ONNX Runtime) or "openvino"; "auto" is PyTorch for a checkpoint,
            and what an exported file was made for. The vectors are the same, to 1e-5; a checkpoint
            is converted for another runtime once, into a cache.
        precision: "fp32", or "bf16" ("fp16" on a GPU), which is faster and gives other vectors,
            with another fingerprint; of a quantised file "int8" or "int8-bf16". None: as the model
            says.
        flip: Mean of the embeddings of the image and its mirror image.
        before_neck: The vectors before the neck in place of the embedding.
        colours: Channels of arrays and tensors: "rgb", or "bgr" as OpenCV has them.
        unit_length: Bring the vectors of a call to length 1.
        device: Where PyTorch runs, such as "cpu" or "cuda:1"; a GPU when there is one.
        threads: Of the CPU; None: OMP_NUM_THREADS, else the cores that the process is granted.
        batch_size: Images at once; None: 32 on a CPU, 128 on a GPU.
        compiled: By torch.compile: the first batch takes minutes, the others less time.

    Returns:
        What makes vectors of images: ``embedder(images) -> [N, D]``.

    Raises:
        ValueError: There is no model in the folder, or it cannot be read or run so.

    Examples:
        >>> import numpy as np, passerby
        >>> passerby.load()(np.zeros((128, 64, 3), np.uint8)).shape
        (1, 1280)
    """
    place = model_folder(model)
    how = Running(runtime, precision, device, threads, compiled)
    opened = open_model(place, how)
    return Embedder(
        opened.runtime,
        opened.card.recipe.input,
        name=opened.card.recipe.name,
        flip=flip,
        before_neck=before_neck,
        colours=colours,
        unit_length=unit_length,
        batch_size=batch_size,
        card=opened.card,
        place=os.path.abspath(place),
        fingerprint=opened.fingerprint,
        calibration=opened.calibration,
    )


def _chunks(items: Iterable[_Item], size: int) -> Iterator[Sequence[_Item]]:
    waiting = iter(items)
    while chunk := list(islice(waiting, size)):
        yield chunk
