"""Embedder: images in, embeddings out, with the preprocessing that the model was trained with."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
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
from passerby.embedding.preprocessing import normalised, resized, stacked
from passerby.models.checkpoint import Card, fingerprint, load_model
from passerby.models.packaged import DEFAULT, model_folder
from passerby.models.system import System
from passerby.process.devices import find_device
from passerby.process.reporting import progress
from passerby.tables.embeddings import Embeddings
from passerby.tables.records import Record
from passerby.tables.unit_length import unit

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

    Args:
        model: The network.
        size: Its preprocessing.
        name: Of the recipe.
        flip: Mean of the embeddings of the image and its mirror image.
        before_neck: The vectors before the neck in place of the embedding.
        colours: Channels of the arrays and tensors that it is called with: "rgb", or "bgr" as
            OpenCV has them. Files and Pillow images say it themselves.
        unit_length: Bring the vectors of a call to length 1; by default they are as they come out
            of the network, which cosine distances do not see and Euclidean ones do.
        device: Where the network runs; a GPU when there is one.
        batch_size: Images at once.
        card: What is known of its training, None when nothing is.
        place: The MODEL that it was opened from, "" when it was not.

    Example:
        >>> import numpy as np, passerby
        >>> embedder = passerby.load(unit_length=True)
        >>> crops = np.random.default_rng(0).integers(0, 256, (2, 128, 64, 3), np.uint8)
        >>> embedder(crops).shape == (2, embedder.dimensions)
        True
    """

    def __init__(
        self,
        model: System,
        size: Input,
        *,
        name: str = "",
        flip: bool = False,
        before_neck: bool = False,
        colours: Colours = "rgb",
        unit_length: bool = False,
        device: str | torch.device | None = None,
        batch_size: int = 64,
        card: Card | None = None,
        place: str = "",
    ) -> None:
        if colours not in get_args(Colours):
            raise ValueError(f"colours must be 'rgb' or 'bgr', got {colours!r}")
        self.colours, self.unit_length = colours, unit_length
        self.device = find_device(device)
        self.input, self.name, self.card, self.place = size, name, card, place
        self.flip, self.before_neck, self.batch_size = flip, before_neck, batch_size
        # Channels last is the faster layout for convolutions, on CPUs as on tensor cores.
        self._model = model.eval().to(self.device)
        self._model = self._model.to(memory_format=torch.channels_last)

    @cached_property
    def fingerprint(self) -> str:
        """Ties embeddings to the weights they come from."""
        return fingerprint(self._model.state_dict())

    @property
    def pooling(self) -> str:
        """How an image becomes a vector: what a calibration depends on beside the weights."""
        named = {"flip": self.flip, "before_neck": self.before_neck}
        return "+".join(name for name, used in named.items() if used) or "plain"

    @property
    def dimensions(self) -> int:
        """Length D of an embedding."""
        return self._model.dimensions

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
        made = self.of_pixels(
            pixels_of(image, self.colours, name) for image, name in zip(listed, names, strict=True)
        )
        return unit(made, "embeddings") if self.unit_length else made

    def of_pixels(self, images: Iterable[NDArray[np.uint8]]) -> NDArray[np.float32]:
        """Embeddings [N, D] as the network makes them, of pixels [H, W, 3] in RGB; a batch of them
        at a time is in memory."""
        vectors = [np.empty((0, self.dimensions), np.float32)]
        waiting = iter(images)
        while batch := list(islice(waiting, self.batch_size)):
            inputs = stacked([resized(image, self.input) for image in batch])
            vectors.append(self._embed(inputs)[0])
        return np.concatenate(vectors)

    def embed(self, records: Sequence[Record]) -> Embedded:
        """Embeddings of records; images that cannot be read are set aside, not fatal.

        Raises ValueError when not one image can be read.
        """
        batches: list[tuple[NDArray[np.float32], NDArray[np.float32] | None]] = []
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
                    batches.append(self._embed(stacked(readable), torch.tensor(cameras)))
                done += len(chunk)
                advance(done, len(records))
        if not kept:
            reason = f"; the first: {set_aside[0]}" if set_aside else ""
            raise ValueError(f"none of {len(records)} images can be read{reason}")
        vectors = np.concatenate([vectors for vectors, _ in batches])
        local = [stripes for _, stripes in batches if stripes is not None]
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
        return Vectors(*self._embed(stacked(images), numbers))

    def _load(self, record: Record) -> Tensor | UnreadableImage:
        try:
            return resized(decode(record.image), self.input)
        except UnreadableImage as error:
            return error

    @torch.inference_mode()
    def _embed(
        self, images: Tensor, cameras: Tensor | None = None
    ) -> tuple[NDArray[np.float32], NDArray[np.float32] | None]:
        """Embeddings [B, D] and stripes [B, S, D], if the system has any, of uint8 images.

        cameras [B]: the data set's numbers, −1 where unknown; few systems look at them.
        """
        inputs = normalised(images.to(self.device), self.input)
        inputs = inputs.contiguous(memory_format=torch.channels_last)
        cameras = None if cameras is None else cameras.to(self.device)
        vectors, local = self._vectors(inputs, cameras)
        if self.flip:
            mirrored, mirrored_local = self._vectors(inputs.flip(3), cameras)
            vectors = (vectors + mirrored) / 2
            if local is not None and mirrored_local is not None:
                local = (local + mirrored_local) / 2
        return vectors.float().cpu().numpy(), None if local is None else local.float().cpu().numpy()

    def _vectors(self, inputs: Tensor, cameras: Tensor | None) -> tuple[Tensor, Tensor | None]:
        features = self._model(inputs, cameras)
        vectors = features.before_neck if self.before_neck else features.embedding
        return vectors, features.local


def load(
    model: str | os.PathLike[str] = DEFAULT,
    *,
    flip: bool = False,
    before_neck: bool = False,
    colours: Colours = "rgb",
    unit_length: bool = False,
    device: str | None = None,
) -> Embedder:
    """Open MODEL as an Embedder.

    Args:
        model: A folder that `passerby train` wrote, or "default": the model that comes with
            Passerby (docs/default_model.md).
        flip: Mean of the embeddings of the image and its mirror image.
        before_neck: The vectors before the neck in place of the embedding.
        colours: Channels of arrays and tensors: "rgb", or "bgr" as OpenCV has them.
        unit_length: Bring the vectors of a call to length 1.
        device: Where the network runs, such as "cpu" or "cuda:1"; a GPU when there is one.

    Returns:
        What makes vectors of images: ``embedder(images) -> [N, D]``.

    Raises:
        ValueError: There is no model in the folder, or it cannot be read.

    Example:
        >>> import numpy as np, passerby
        >>> passerby.load()(np.zeros((128, 64, 3), np.uint8)).shape
        (1, 1280)
    """
    folder = model_folder(model)
    network, card = load_model(folder)
    return Embedder(
        network,
        card.recipe.input,
        name=card.recipe.name,
        flip=flip,
        before_neck=before_neck,
        colours=colours,
        unit_length=unit_length,
        device=device,
        card=card,
        place=os.path.abspath(folder),
    )


def _chunks(items: Sequence[_Item], size: int) -> Iterator[Sequence[_Item]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]
