"""Pictures of a request: told by their content, bounded by their header before they are decoded.

A decoder needs memory for each pixel that a header promises, however small the file. The bounds
follow from what ours were seen to take for a pixel: no picture costs more than `MEMORY`.
"""

from __future__ import annotations

import io
import struct
from typing import Any

import numpy as np
import simplejpeg
from numpy.typing import NDArray
from PIL import Image
from pydantic import BaseModel
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import Request

from passerby.data.crops import content_id
from passerby.data.images import decode_contents
from passerby.serve.asking.told import tell
from passerby.serve.problems import Problem

MEMORY = 45_000_000
"""Bytes that decoding one picture may take."""

_EACH = {"JPEG": 3.5, "progressive JPEG": 10, "PNG": 12, "deep PNG": 32, "WebP": 18}
_PROGRESSIVE = (b"\xff\xc2", b"\xff\xc6", b"\xff\xca", b"\xff\xce")
_KINDS = ("image/jpeg", "image/png", "image/webp")
_FORM = "multipart/form-data"

BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            **{kind: {"schema": {"type": "string", "format": "binary"}} for kind in _KINDS},
            _FORM: {
                "schema": {
                    "type": "object",
                    "required": ["image"],
                    "properties": {
                        "image": {
                            "type": "array",
                            "items": {"type": "string", "format": "binary"},
                            "description": "JPEG, PNG or WebP files",
                        }
                    },
                }
            },
        },
    }
}
"""For OpenAPI: one picture as it is, or several as parts of a form."""


def with_json(body: dict[str, Any], shape: type[BaseModel]) -> dict[str, Any]:
    """The same for OpenAPI, or JSON of a shape in its place."""
    content = body["requestBody"]["content"]
    either = {**content, "application/json": {"schema": shape.model_json_schema()}}
    return {"requestBody": {"required": True, "content": either}}


def is_json(request: Request) -> bool:
    """Whether JSON comes in place of pictures."""
    return _kind_of(request) == "application/json"


def most_pixels(kind: str) -> int:
    """Pixels that a picture of a kind may have: "JPEG", "PNG", "WebP", and dearer forms of them."""
    return int(MEMORY / _EACH[kind])


async def pictures_of(request: Request, most: int) -> list[bytes]:
    """The files of a request, each checked: at least one.

    Raises:
        Problem: No picture (422), more than ``most`` (413), not a known type (415), more pixels
            than are decoded (422), or a form that is broken (400).
    """
    named = _kind_of(request)
    if named == _FORM:
        files = await _parts(request, most)
    elif named in _KINDS:
        files = [await request.body()]
    else:
        raise _other_type(f"Content-Type is {named or 'not stated'}")
    if not files or not all(files):
        raise Problem(422, "expected a picture, got nothing: form parts are named image")
    for number, data in enumerate(files, 1):
        _require_few_pixels(data, f"picture {number}" if len(files) > 1 else "the picture")
    tell(request, {"pictures": [content_id(data) for data in files]})
    return files


async def field_of(request: Request, name: str) -> str:
    """A field of a form of which the pictures were taken, "" where it has none."""
    if _kind_of(request) != _FORM:
        return ""
    value = (await request.form()).get(name, "")
    return value if isinstance(value, str) else ""


def cut(data: bytes, box: str) -> NDArray[np.uint8]:
    """The part of a picture within ``left,top,right,bottom``, in pixels of the upright picture.

    Raises:
        ValueError: It is no picture, or the box holds nothing of it.
    """
    try:
        left, top, right, bottom = (float(part) for part in box.split(","))
        corners = [int(left), int(top), int(right), int(bottom)]
    except (ValueError, OverflowError):
        raise ValueError(f"box is left,top,right,bottom in pixels, got {box[:80]!r}") from None
    pixels = decode_contents(data, "(the picture)")
    height, width = pixels.shape[:2]
    x, y = max(0, corners[0]), max(0, corners[1])
    part = pixels[y : max(y, corners[3]), x : max(x, corners[2])]
    if not part.size:
        raise ValueError(f"the box {box[:80]} holds nothing of a picture of {width}×{height}")
    return np.ascontiguousarray(part)


def _kind_of(request: Request) -> str:
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


async def _parts(request: Request, most: int) -> list[bytes]:
    try:
        async with request.form(max_files=most + 1, max_fields=8) as form:
            parts = form.getlist("image")
            if len(parts) > most:
                raise Problem(413, f"at most {most} pictures come at once, got more")
            return [await part.read() for part in parts if isinstance(part, UploadFile)]
    except Problem:
        raise
    except HTTPException as error:
        status = 413 if "Too many" in str(error.detail) else 400
        raise Problem(status, f"the form is not understood: {error.detail}") from None


def _require_few_pixels(data: bytes, name: str) -> None:
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
        progressive = any(mark in data for mark in _PROGRESSIVE)
        return ("progressive JPEG" if progressive else "JPEG", *_jpeg_size(data))
    if data.startswith(b"\x89PNG\r\n\x1a\n") and data[12:16] == b"IHDR":
        size = (int.from_bytes(data[start : start + 4], "big") for start in (16, 20))
        return ("deep PNG" if data[24] > 8 else "PNG", *size)  # type: ignore[return-value]
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "WebP", *_webp_size(data)
    raise _other_type("it begins like none of them")


def _jpeg_size(data: bytes) -> tuple[int, int]:
    """As the decoder that will decode it reads it."""
    try:
        height, width, *_ = simplejpeg.decode_jpeg_header(data, strict=False)
    except (ValueError, KeyError):  # an unusual chroma subsampling, which Pillow decodes
        try:
            with Image.open(io.BytesIO(data), formats=["JPEG"]) as image:
                return image.size
        except (OSError, SyntaxError, KeyError, struct.error) as error:
            raise ValueError(str(error)) from None
    return width, height


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


def _other_type(came: str) -> Problem:
    return Problem(
        415, f"expected a picture as JPEG, PNG or WebP (raw, or form parts named image): {came}"
    )
