"""Embedder: images in, embeddings out, with the preprocessing that the model was trained with."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from passerby.config import Input
from passerby.data.images import UnreadableImage, decode
from passerby.embedding.loading import prefetched
from passerby.embedding.preprocessing import normalised, resized, stacked
from passerby.models.checkpoint import Card, fingerprint, load_model
from passerby.models.packaged import DEFAULT, model_folder
from passerby.models.system import System
from passerby.process.reporting import progress
from passerby.tables.embeddings import Embeddings
from passerby.tables.records import Record

_Item = TypeVar("_Item")

AnyImage = str | os.PathLike[str] | Image.Image | NDArray[np.uint8]
"""A path, a Pillow image, or pixels as uint8 [H, W, 3] RGB."""


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

    flip: mean of the embeddings of the image and its mirror image; before_neck: the vectors before
    the neck in place of the embedding; device: where the network runs (a GPU when there is one);
    card: what is known of its training, None when nothing is; place: the MODEL it was opened from,
    "" when it was not.
    """

    def __init__(
        self,
        model: System,
        size: Input,
        *,
        name: str = "",
        flip: bool = False,
        before_neck: bool = False,
        device: str | torch.device | None = None,
        batch_size: int = 64,
        card: Card | None = None,
        place: str = "",
    ) -> None:
        self.device = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
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

    def __call__(self, images: Sequence[AnyImage] | AnyImage) -> NDArray[np.float32]:
        """Embeddings [N, D] float32, not normalised; one image alone gives [1, D].

        Raises UnreadableImage for a file that cannot be decoded and ValueError for an array that
        is not uint8 [H, W, 3].
        """
        listed: Sequence[AnyImage]
        if isinstance(images, str | os.PathLike | Image.Image | np.ndarray):
            batch = isinstance(images, np.ndarray) and images.ndim == 4
            listed = list(images) if batch else [images]  # type: ignore[arg-type]
        else:
            listed = images
        if len(listed) == 0:
            return np.empty((0, self.dimensions), np.float32)
        batches = [
            self._embed(stacked([resized(_pixels(image), self.input) for image in chunk]))
            for chunk in _chunks(listed, self.batch_size)
        ]
        return np.concatenate([vectors for vectors, _ in batches])

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
    device: str | None = None,
) -> Embedder:
    """Open MODEL as an Embedder: a folder that `passerby train` wrote, or "default".

    "default" is the model that comes with Passerby (docs/default_model.md). Raises ValueError when
    there is no model in the folder or it cannot be read.
    """
    folder = model_folder(model)
    network, card = load_model(folder)
    return Embedder(
        network,
        card.recipe.input,
        name=card.recipe.name,
        flip=flip,
        before_neck=before_neck,
        device=device,
        card=card,
        place=os.path.abspath(folder),
    )


def _pixels(image: AnyImage) -> NDArray[np.uint8]:
    if isinstance(image, str | os.PathLike):
        return decode(image)
    if isinstance(image, Image.Image):
        return np.asarray(image.convert("RGB"))
    return image


def _chunks(items: Sequence[_Item], size: int) -> Iterator[Sequence[_Item]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]
