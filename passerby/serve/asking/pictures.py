"""Pictures of a request: told by their content, bounded by their header before they are decoded."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel
from starlette.datastructures import UploadFile
from starlette.requests import Request

from passerby.data.crops import content_id
from passerby.data.images import decode_contents
from passerby.process.spelling import count_of
from passerby.serve.asking.forms import form_of
from passerby.serve.asking.pixel_bounds import other_type, require_few_pixels
from passerby.serve.asking.told import tell
from passerby.serve.problems import Problem

_KINDS = ("image/jpeg", "image/png", "image/webp")
_FORM = "multipart/form-data"

_FILES: dict[str, Any] = {
    "type": "array",
    "items": {"type": "string", "format": "binary"},
    "description": "JPEG, PNG or WebP files",
}
_PAIR = {**_FILES, "minItems": 2, "maxItems": 2}
_ONE = {kind: {"schema": {"type": "string", "format": "binary"}} for kind in _KINDS}


def _form(files: dict[str, Any]) -> dict[str, Any]:
    shape = {"type": "object", "required": ["image"], "properties": {"image": files}}
    return {_FORM: {"schema": shape}}


BODY: dict[str, Any] = {"requestBody": {"required": True, "content": {**_ONE, **_form(_FILES)}}}
"""For OpenAPI: one picture as it is, or several as parts of a form."""

BODY_OF_TWO: dict[str, Any] = {"requestBody": {"required": True, "content": _form(_PAIR)}}
"""For OpenAPI: two pictures as parts of a form."""


def with_json(body: dict[str, Any], shape: type[BaseModel]) -> dict[str, Any]:
    """The same for OpenAPI, or JSON of a shape in its place."""
    content = body["requestBody"]["content"]
    either = {**content, "application/json": {"schema": shape.model_json_schema()}}
    return {"requestBody": {"required": True, "content": either}}


def is_json(request: Request) -> bool:
    """Whether JSON comes in place of pictures."""
    return _kind_of(request) == "application/json"


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
        raise other_type(f"Content-Type is {named or 'not stated'}")
    if not files or not all(files):
        raise Problem(422, "expected a picture, got nothing: form parts are named image")
    for number, data in enumerate(files, 1):
        require_few_pixels(data, f"picture {number}" if len(files) > 1 else "the picture")
    tell(request, {"pictures": [content_id(data) for data in files]})
    return files


async def field_of(request: Request, name: str) -> str:
    """A field of a form of which the pictures were taken, "" where it has none."""
    if _kind_of(request) != _FORM:
        return ""
    value = (await form_of(request)).get(name, "")
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
    form = await form_of(request, most)
    try:
        parts = form.getlist("image")
        if len(parts) > most:
            raise Problem(413, f"at most {count_of(most, 'picture')} come at once, got more")
        return [await part.read() for part in parts if isinstance(part, UploadFile)]
    finally:
        await form.close()  # its fields are still there
