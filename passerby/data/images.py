"""Image files to pixels: one decoder for training, evaluation and checks.

JPEGs go through libjpeg-turbo (simplejpeg), which refuses truncated data where others return a
half grey picture; everything else, and JPEGs in unusual colour spaces, through Pillow.
"""

from __future__ import annotations

import csv
import io
import os
import re
import stat
import struct
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import simplejpeg
from numpy.typing import NDArray
from PIL import ExifTags, Image, features

from passerby.process.whole_files import write_whole

# Only formats that Pillow decodes by itself: EPS, for one, would start a program.
_ENDINGS = {
    "JPEG": (".jpg", ".jpeg", ".jpe", ".jfif"),
    "PNG": (".png",),
    "BMP": (".bmp",),
    "WEBP": (".webp",),
    "TIFF": (".tif", ".tiff"),
    "GIF": (".gif",),
    "PPM": (".ppm", ".pgm", ".pnm"),
    **({"AVIF": (".avif",)} if features.check("avif") else {}),
    **({"JPEG2000": (".jp2",)} if features.check("jpg_2000") else {}),
}
_FORMATS = tuple(_ENDINGS)

IMAGE_SUFFIXES = frozenset(ending for endings in _ENDINGS.values() for ending in endings)
"""Endings (lower case) by which readers tell images from other files: all that are decoded."""

MAX_PIXELS = 64_000_000
"""Larger images are refused. Below Pillow's own warning, far above any crop or video frame."""

_MAX_BYTES = 8 * MAX_PIXELS  # an uncompressed image of 16-bit RGB within MAX_PIXELS fits
_MAX_SCANS = 500  # of a JPEG; thousands of empty ones, each a pass over all pixels, take hours
_DEPTHS = (8, 10, 12, 14, 16)  # bits that sensors use
UPRIGHT = 1
"""The orientation of a picture that is stored as it is shown."""

_EXIF = b"Exif\0\0"
_JPEG_START, _JPEG_END = b"\xff\xd8\xff", b"\xff\xd9"
_JPEG_SCAN, _JPEG_PROGRESSIVE = b"\xff\xda", b"\xff\xc2"
_FEW_EXTRA = re.compile(r"Corrupt JPEG data: [0-9]{1,2} extraneous bytes before marker 0xd9")
_VIDEO = re.compile(
    rb".{4}ftyp(?!avif|avis|heic|heix|hevc|mif1|msf1)|RIFF.{4}AVI |\x1a\x45\xdf\xa3"
    rb"|FLV\x01|\x00\x00\x00\x01|\x00\x00\x01[\xba\xb3]|\x47.{187}\x47",
    re.DOTALL,
)


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

    A picture with an EXIF orientation is turned upright, as every viewer shows it. Greyscale
    becomes three equal channels; of deep grey the upper 8 of the bits in use are kept (8, 10, 12,
    14 or 16 by the brightest pixel, as 12-bit sensors store into 16); alpha is dropped, of an
    animation the first frame is taken. Safe to call from several threads.

    Raises:
        UnreadableImage: A missing, empty, corrupt, truncated or absurdly large file (more than
            MAX_PIXELS, known from the header before anything is decoded), or no image.
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


def pillow_pixels(image: Image.Image) -> NDArray[np.uint8]:
    """The pixels [H, W, 3] RGB of an image that Pillow has opened, as `decode` makes them."""
    # A TIFF is turned by Pillow itself. Some formats leave the mark of EXIF away.
    exif = _EXIF + image.info.get("exif", b"").removeprefix(_EXIF)
    return _turned(_stored_pixels(image), orientation(exif))


def write_unreadable(path: Path, images: Sequence[UnreadableImage]) -> None:
    """A CSV of images that cannot be read, with the reasons."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(["image", "reason"])
    writer.writerows([image.path, image.reason] for image in images)
    write_whole(path, text.getvalue().encode(errors="backslashreplace"))


def _contents(path: str | os.PathLike[str]) -> bytes:
    status = os.stat(path)
    if not stat.S_ISREG(status.st_mode):  # opening a pipe would wait for ever
        raise UnreadableImage(path, "it is not an ordinary file")
    if status.st_size == 0:
        raise UnreadableImage(path, "the file is empty")
    if status.st_size > _MAX_BYTES:
        with open(path, "rb") as file:
            _require_no_video(file.read(1024))
        raise UnreadableImage(path, f"{status.st_size} bytes are too many for an image")
    return Path(path).read_bytes()


def _pixels(data: bytes) -> NDArray[np.uint8]:
    if not data.startswith(_JPEG_START):
        return _pixels_by_pillow(data)
    scans = data.count(_JPEG_SCAN)
    if scans > _MAX_SCANS:
        raise ValueError(f"{scans} scans are more than a JPEG has: it would take very long")
    try:
        height, width, colours, _ = simplejpeg.decode_jpeg_header(data)
    except ValueError:  # also an unusual chroma subsampling, which Pillow can read
        return _pixels_by_pillow(data)
    _require_bounded_size(height, width)
    if colours not in ("YCbCr", "RGB", "Gray"):
        return _pixels_by_pillow(data)
    return _turned(_jpeg_pixels(data), orientation(data))


def _jpeg_pixels(data: bytes) -> NDArray[np.uint8]:
    """Decoded by libjpeg-turbo, whose warnings are errors but for two that lose no pixel."""
    try:
        return _strictly_decoded(data)
    except ValueError as error:
        if _FEW_EXTRA.fullmatch(str(error)):  # padding, as some cameras write it
            pixels: NDArray[np.uint8] = simplejpeg.decode_jpeg(data, "RGB", strict=False)
            return pixels
        # Frames of MJPEG streams lack the end marker. A progressive file may lack scans with it.
        if "remature end" in str(error) and _JPEG_PROGRESSIVE not in data:
            return _strictly_decoded(data + _JPEG_END)
        raise


def _strictly_decoded(data: bytes) -> NDArray[np.uint8]:
    pixels: NDArray[np.uint8] = simplejpeg.decode_jpeg(data, "RGB", strict=True)
    return pixels


def orientation(data: bytes) -> int:
    """1 to 8, of the first EXIF in some data; upright when it has none or a damaged one.

    By hand, because Pillow warns of damaged EXIF, and because most crops have none.
    """
    start = data.find(_EXIF, 0, 65_536) + len(_EXIF)
    order = {b"II": "<", b"MM": ">"}.get(data[start : start + 2])
    if start < len(_EXIF) or order is None:
        return UPRIGHT
    try:
        (offset,) = struct.unpack_from(f"{order}I", data, start + 4)
        (entries,) = struct.unpack_from(f"{order}H", data, start + offset)
        for entry in range(entries):
            place = start + offset + 2 + 12 * entry
            tag, _, _, value = struct.unpack_from(f"{order}HHIH", data, place)
            if tag == ExifTags.Base.Orientation:
                return int(value)
    except struct.error:  # it leads beyond the end of the data
        pass
    return UPRIGHT


def _turned(pixels: NDArray[np.uint8], orientation: int) -> NDArray[np.uint8]:
    """Upright pixels [H, W, 3] of those stored in an EXIF orientation."""
    if orientation in (5, 6, 7, 8):
        pixels = pixels.transpose(1, 0, 2)
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    return np.ascontiguousarray(pixels)


def _pixels_by_pillow(data: bytes) -> NDArray[np.uint8]:
    try:
        image = Image.open(io.BytesIO(data), formats=_FORMATS)
    except Image.UnidentifiedImageError:
        _require_no_video(data)
        raise ValueError(f"it is not an image of a known format ({', '.join(_FORMATS)})") from None
    with image:
        _require_bounded_size(image.height, image.width)
        return pillow_pixels(image)


def _stored_pixels(image: Image.Image) -> NDArray[np.uint8]:
    if image.mode.startswith("I"):  # deep grey; Pillow's own conversion clips at 255
        deep = np.asarray(image).astype(np.int64).clip(0)
        used = int(deep.max(initial=0)).bit_length()
        depth = next((depth for depth in _DEPTHS if used <= depth), used)
        return np.repeat((deep >> depth - 8).astype(np.uint8)[:, :, None], 3, axis=2)
    if image.mode == "F":
        raise ValueError("floating-point pixels have no defined range: store 8 bits")
    # By way of RGBA, because Pillow warns of a palette with transparency otherwise.
    opaque = image.convert("RGBA") if image.mode in ("P", "PA") else image
    return np.array(opaque.convert("RGB"))


def _require_bounded_size(height: int, width: int) -> None:
    if height * width > MAX_PIXELS:
        raise ValueError(f"{width}×{height} pixels are more than the bound of {MAX_PIXELS:,}")


def _require_no_video(head: bytes) -> None:
    if _VIDEO.match(head):
        raise ValueError(
            "it is a video, not an image: cut the persons out of its frames first, with a "
            "detector, and give the crops"
        )
