"""Whatever an Embedder is given as an image, as pixels; what is none is refused by its place."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from passerby.data.images import decode, decode_contents, pillow_pixels

AnyImage = str | os.PathLike[str] | bytes | Image.Image | NDArray[np.uint8] | Tensor
"""A path, the bytes of an image file, a Pillow image, or pixels: arrays as uint8 [H, W, 3], tensors
as uint8 [3, H, W] or [H, W, 3]."""

Colours = Literal["rgb", "bgr"]
"""The order of the channels in arrays and tensors; OpenCV has "bgr"."""


def images_of(given: Iterable[AnyImage] | AnyImage) -> list[AnyImage]:
    """One image, several, or a batch of pixels [N, H, W, 3] or [N, 3, H, W], as a list.

    Raises:
        ValueError: It is neither.
    """
    if isinstance(given, np.ndarray | Tensor):
        return list(given) if given.ndim == 4 else [given]
    if isinstance(given, str | os.PathLike | bytes | bytearray | Image.Image) or given is None:
        return [given]
    if not isinstance(given, Iterable):
        raise ValueError(f"expected an image, or several, got {type(given).__name__}")
    return list(given)


def pixels_of(image: AnyImage, colours: Colours, name: str) -> NDArray[np.uint8]:
    """The pixels [H, W, 3] RGB of an image; name: for errors, such as "image 3 of the list".

    Raises:
        UnreadableImage: A file, or the bytes of one, that cannot be decoded.
        ValueError: What is no image, or one without pixels.
    """
    if isinstance(image, str | os.PathLike):
        return decode(image)
    if isinstance(image, bytes | bytearray):
        return decode_contents(bytes(image), f"({name})")
    if isinstance(image, Image.Image):
        return pillow_pixels(image)
    if image is None:
        raise ValueError(
            f"{name} is None, as OpenCV gives for a file that it cannot read: expected an image"
        )
    if isinstance(image, Tensor):
        image = _tensor_pixels(image)
    if not isinstance(image, np.ndarray):
        raise ValueError(
            f"{name} is a {type(image).__name__}: expected a path, the bytes of an image file, a "
            "Pillow image, or pixels as uint8 [H, W, 3]"
        )
    if image.ndim == 3 and image.size == 0:
        raise ValueError(f"{name} is an empty array {list(image.shape)}: it shows nothing")
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
        raise ValueError(
            f"{name} must be uint8 [H, W, 3], got {image.dtype} {list(image.shape)}: three colour "
            "channels from 0 to 255, the channels last"
        )
    return image[:, :, ::-1] if colours == "bgr" else image


def _tensor_pixels(image: Tensor) -> NDArray[np.uint8]:
    """A tensor as an array with the channels last; they are first where that alone fits."""
    pixels: NDArray[np.uint8] = image.detach().cpu().numpy()
    first = pixels.ndim == 3 and pixels.shape[0] == 3 and pixels.shape[2] != 3
    return pixels.transpose(1, 2, 0) if first else pixels
