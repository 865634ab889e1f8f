"""Image files to pixels: one decoder for training, evaluation and checks.

JPEGs go through libjpeg-turbo (simplejpeg), which refuses truncated data where others return a
half grey picture; everything else, and JPEGs in unusual colour spaces, through Pillow.
"""

from __future__ import annotations

import csv
import io
import os
import stat
import struct
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import simplejpeg
from numpy.typing import NDArray
from PIL import Image

IMAGE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".bmp"})
"""Endings (lower case) by which readers tell images from other files."""

MAX_PIXELS = 64_000_000
"""Larger images are refused. Below Pillow's own warning, far above any crop or video frame."""

_MAX_BYTES = 8 * MAX_PIXELS  # an uncompressed image of 16-bit RGB within MAX_PIXELS fits
_JPEG_START = b"\xff\xd8\xff"
# Only formats that Pillow decodes by itself: EPS, for one, would start a program.
_FORMATS = ("BMP", "GIF", "JPEG", "PNG", "PPM", "TIFF", "WEBP")


class UnreadableImage(ValueError):
    """An image file that cannot be decoded. path: the file; reason: why, in words."""

    def __init__(self, path: str | os.PathLike[str], reason: str) -> None:
        super().__init__(f"cannot read the image {os.fspath(path)}: {reason}")
        self.path = os.fspath(path)
        self.reason = reason

    def __reduce__(self) -> tuple[type[UnreadableImage], tuple[str, str]]:
        """Pickled by its two arguments, so that worker processes can hand it back."""
        return type(self), (self.path, self.reason)


def decode(path: str | os.PathLike[str]) -> NDArray[np.uint8]:
    """The pixels of an image file, [H, W, 3] uint8 RGB.

    Greyscale becomes three equal channels, 16 bits are cut to the upper 8, alpha is dropped, of an
    animation the first frame is taken. An EXIF orientation is ignored: data sets of crops are
    stored upright, and labels made on the stored pixels would not fit turned ones. Raises
    UnreadableImage for a missing, empty, corrupt, truncated or absurdly large file (more than
    MAX_PIXELS, known from the header before anything is decoded), and for one that is no image.
    Safe to call from several threads.
    """
    return decode_contents(contents(path), path)


def contents(path: str | os.PathLike[str]) -> bytes:
    """The bytes of an image file; UnreadableImage for one that is missing, empty or too large."""
    try:
        return _contents(path)
    except UnreadableImage:
        raise
    except OSError as error:
        raise UnreadableImage(path, error.strerror or str(error)) from None
    except (ValueError, MemoryError) as error:  # a name with NUL, or half a gigabyte too much
        raise UnreadableImage(path, str(error) or type(error).__name__) from None


def decode_contents(data: bytes, path: str | os.PathLike[str]) -> NDArray[np.uint8]:
    """As `decode`, of bytes that are there already; path: where from, for the error."""
    try:
        return _pixels(data)
    # Pillow's decoders raise all of these on damaged files; a Warning when warnings are errors.
    except (
        OSError,
        ValueError,
        SyntaxError,
        TypeError,
        IndexError,
        KeyError,
        EOFError,
        OverflowError,
        MemoryError,
        struct.error,
        Image.DecompressionBombError,
        Warning,
    ) as error:
        raise UnreadableImage(path, str(error) or type(error).__name__) from None


def write_unreadable(path: Path, images: Sequence[UnreadableImage]) -> None:
    """A CSV of images that cannot be read, with the reasons."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", errors="backslashreplace", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["image", "reason"])
        writer.writerows([image.path, image.reason] for image in images)


def _contents(path: str | os.PathLike[str]) -> bytes:
    status = os.stat(path)
    if not stat.S_ISREG(status.st_mode):  # opening a pipe would wait for ever
        raise UnreadableImage(path, "it is not an ordinary file")
    if status.st_size == 0:
        raise UnreadableImage(path, "the file is empty")
    if status.st_size > _MAX_BYTES:
        raise UnreadableImage(path, f"{status.st_size} bytes are too many for an image")
    return Path(path).read_bytes()


def _pixels(data: bytes) -> NDArray[np.uint8]:
    if data.startswith(_JPEG_START):
        try:
            height, width, colours, _ = simplejpeg.decode_jpeg_header(data)
        except ValueError:  # also an unusual chroma subsampling, which Pillow can read
            return _pixels_by_pillow(data)
        _refuse_large(height, width)
        if colours in ("YCbCr", "RGB", "Gray"):
            pixels: NDArray[np.uint8] = simplejpeg.decode_jpeg(data, "RGB", strict=True)
            return pixels
    return _pixels_by_pillow(data)


def _pixels_by_pillow(data: bytes) -> NDArray[np.uint8]:
    try:
        image = Image.open(io.BytesIO(data), formats=_FORMATS)
    except Image.UnidentifiedImageError:
        raise ValueError(f"it is not an image of a known format ({', '.join(_FORMATS)})") from None
    with image:
        _refuse_large(image.height, image.width)
        if image.mode.startswith("I"):  # 16 bits per pixel; Pillow's own conversion clips at 255
            grey = (np.asarray(image) >> 8).clip(0, 255).astype(np.uint8)
            return np.repeat(grey[:, :, None], 3, axis=2)
        if image.mode == "F":
            raise ValueError("floating-point pixels have no defined range: store 8 bits")
        # By way of RGBA, because Pillow warns of a palette with transparency otherwise.
        opaque = image.convert("RGBA") if image.mode in ("P", "PA") else image
        return np.array(opaque.convert("RGB"))


def _refuse_large(height: int, width: int) -> None:
    if height * width > MAX_PIXELS:
        raise ValueError(f"{width}×{height} pixels are more than the bound of {MAX_PIXELS:,}")
