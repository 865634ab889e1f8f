"""What a picture would cost to decode, told by its header alone.

A decoder needs memory for each pixel that a header promises, however small the file. The bounds
follow from what ours were seen to take for a pixel: no picture costs more than `MEMORY`.
"""

from __future__ import annotations

import io
import struct

import simplejpeg
from PIL import Image

from passerby.data.images import UPRIGHT, orientation
from passerby.serve.problems import Problem

MEMORY = 45_000_000
"""Bytes that decoding one picture may take."""

_EACH = {
    "JPEG": 3.2,
    "turned JPEG": 6.4,
    "progressive JPEG": 10,
    "JPEG in other colours": 15,
    "PNG": 16,
    "deep PNG": 24,
    "WebP": 27,
}
_MOST_TEXTS = 4  # compressed ones of a PNG, each of up to a megabyte
_PROGRESSIVE = (b"\xff\xc2", b"\xff\xc6", b"\xff\xca", b"\xff\xce")


def most_pixels(kind: str) -> int:
    """Pixels that a picture of a kind may have: "JPEG", "PNG", "WebP", and dearer forms of them."""
    return int(MEMORY / _EACH[kind])


def require_few_pixels(data: bytes, name: str) -> None:
    """Refuse a picture that would cost too much to decode; name: of it, for messages.

    Raises:
        Problem: 415 for what is none of the three kinds, 422 for too many pixels, or a header that
            is damaged.
    """
    try:
        kind, width, height = _header(data)
    except (ValueError, IndexError):
        raise Problem(422, f"{name} is damaged: its size cannot be read") from None
    if width * height > most_pixels(kind):
        raise Problem(
            422,
            f"{name} has {width}×{height} pixels: of a {kind} at most {most_pixels(kind):,} are "
            "decoded. Make it smaller, or cut the person out",
        )


def _header(data: bytes) -> tuple[str, int, int]:
    """Kind, width and height, without decoding; Problem for what is none of the three."""
    if data.startswith(b"\xff\xd8\xff"):
        return _jpeg_header(data)
    if data.startswith(b"\x89PNG\r\n\x1a\n") and data[12:16] == b"IHDR":
        if sum(data.count(kind) for kind in (b"zTXt", b"iTXt")) > _MOST_TEXTS:
            raise Problem(422, f"a PNG has at most {_MOST_TEXTS} compressed texts here")
        size = (int.from_bytes(data[start : start + 4], "big") for start in (16, 20))
        return ("deep PNG" if data[24] > 8 else "PNG", *size)  # type: ignore[return-value]
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "WebP", *_webp_size(data)
    raise other_type("it begins like none of them")


def _jpeg_header(data: bytes) -> tuple[str, int, int]:
    """As the decoder that will decode it reads it."""
    try:
        height, width, colours, _ = simplejpeg.decode_jpeg_header(data, strict=False)
    except (ValueError, KeyError):  # an unusual chroma subsampling, which Pillow decodes
        try:
            with Image.open(io.BytesIO(data), formats=["JPEG"]) as image:
                return "JPEG in other colours", *image.size
        except (OSError, SyntaxError, KeyError, struct.error) as error:
            raise ValueError(str(error)) from None
    kind = "JPEG" if orientation(data) == UPRIGHT else "turned JPEG"
    if colours not in ("YCbCr", "RGB", "Gray"):
        kind = "JPEG in other colours"
    elif any(mark in data for mark in _PROGRESSIVE):
        kind = "progressive JPEG"
    return kind, width, height


def _webp_size(data: bytes) -> tuple[int, int]:
    kind = data[12:16]
    if len(data) < 30:
        raise ValueError("too short")
    if kind == b"VP8X":
        sizes = (int.from_bytes(data[start : start + 3], "little") + 1 for start in (24, 27))
    elif kind == b"VP8L":
        packed = int.from_bytes(data[21:25], "little")
        sizes = ((packed >> shift & 0x3FFF) + 1 for shift in (0, 14))
    else:
        sizes = (int.from_bytes(data[start : start + 2], "little") & 0x3FFF for start in (26, 28))
    width, height = sizes
    return width, height


def other_type(came: str) -> Problem:
    """The refusal of what is no picture of a known kind; came: in its place, in words."""
    return Problem(
        415, f"expected a picture as JPEG, PNG or WebP (raw, or form parts named image): {came}"
    )
