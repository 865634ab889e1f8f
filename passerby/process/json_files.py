"""JSON from outside: read within bounds, and made the frozen dataclass that it should be.

A file may come from a stranger: it is bounded in size and depth, holds no NaN, no infinite number
and no integer beyond 64 bits, and each slip is named by its file and path.
"""

from __future__ import annotations

import dataclasses
import json
import math
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import UnionType
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from passerby.process.sizes import size_text
from passerby.process.spelling import suggest

LARGEST = 500_000_000
"""Bytes of text: a report on a million queries takes less."""

DEEPEST = 64
"""Brackets within brackets: far above what Passerby writes, far below what Python cannot follow."""

_Kind = TypeVar("_Kind")


def parse_json(text: str | bytes) -> Any:
    """What JSON text says. Raises ValueError saying why it is not taken."""
    if len(text) > LARGEST:
        raise ValueError(f"{size_text(len(text))} are more than is read ({size_text(LARGEST)})")
    try:
        content = json.loads(
            text if isinstance(text, str) else text.decode(),
            parse_int=_integer,
            parse_float=_finite,
            parse_constant=_finite,
        )
    except UnicodeDecodeError:
        raise ValueError("it is not text in UTF-8") from None
    except RecursionError:
        raise ValueError(f"it is nested deeper than {DEEPEST} brackets") from None
    _bound_depth(content)
    return content


def parse_object(text: str | bytes, what: str, newest: int | None = None) -> dict[str, Any]:
    """The fields of a JSON object.

    Args:
        text: UTF-8 where it is bytes.
        what: it should be, for messages: "runs/ours/config.json is not a model's config.json".
        newest: of formats; the field ``format`` is taken out and must not be above.

    Raises:
        ValueError: for anything else, beginning with ``what``.
    """
    try:
        content = parse_json(text)
        if not isinstance(content, dict):
            raise ValueError(f"expected a mapping of fields, got {_short(content)}")
        version = 0 if newest is None else content.pop("format", None)
        if type(version) is not int:
            raise ValueError("it states no format")
    except ValueError as error:
        raise ValueError(f"{what}: {error}") from None
    if newest is not None and version > newest:
        raise ValueError(
            f"{what.partition(' is ')[0]} was written by a newer Passerby (format {version}, this "
            f"one reads {newest}): upgrade with pip install -U passerby"
        )
    return content


def read_object(
    path: str | os.PathLike[str], what: str, newest: int | None = None
) -> dict[str, Any]:
    """The same of a file; what: "a report". Raises ValueError also where it cannot be read."""
    try:
        size = os.path.getsize(path)
        text = b"" if size > LARGEST else Path(path).read_bytes()
    except OSError as error:
        raise ValueError(f"cannot read {os.fspath(path)}: {error.strerror}") from None
    if size > LARGEST:
        raise ValueError(f"{os.fspath(path)} is not {what}: it has {size_text(size)}")
    return parse_object(text, f"{os.fspath(path)} is not {what}", newest)


def read_dataclass(
    kind: type[_Kind], path: str | os.PathLike[str], what: str, newest: int | None = None
) -> _Kind:
    """A file's content as a dataclass; errors as `read_object` and `read_value`."""
    content = read_object(path, what, newest)
    try:
        made: _Kind = read_value(kind, content, "its content")
    except ValueError as error:
        raise ValueError(f"{os.fspath(path)} is not {what}: {error}") from None
    return made


def read_value(expected: Any, value: Any, path: str) -> Any:
    """Convert JSON content to a field's type, or say what does not fit."""
    origin, inner = get_origin(expected), get_args(expected)
    if dataclasses.is_dataclass(expected):
        return _read_fields(expected, value, path)
    if origin in (Union, UnionType):
        (other,) = (kind for kind in inner if kind is not type(None))
        return None if value is None else read_value(other, value, path)
    if origin in (tuple, Sequence):
        return _read_tuple(inner if origin is tuple else (*inner, Ellipsis), value, path)
    if origin is Mapping:
        if not isinstance(value, dict):
            raise ValueError(f"{path} must be a mapping, got {_short(value)}")
        return {key: read_value(inner[1], item, f"{path}.{key}") for key, item in value.items()}
    return _read_plain(expected, value, path)


def _read_plain(expected: Any, value: Any, path: str) -> Any:
    if expected in (Any, object):
        return value
    if get_origin(expected) is Literal:
        choices = get_args(expected)
        if value not in choices:
            known = ", ".join(map(repr, choices))
            raise ValueError(f"{path} must be one of {known}, got {_short(value)}")
        return value
    if expected is float and isinstance(value, (int, float)) and not isinstance(value, bool):
        value = float(value)  # NumPy's are floats, too
    if type(value) is not expected:
        raise ValueError(f"{path} must be {expected.__name__}, got {_short(value)}")
    if expected is float and not math.isfinite(value):
        raise ValueError(f"{path} must be a finite number, got {value!r}")
    return value


def _read_fields(expected: Any, value: Any, path: str) -> Any:
    if not isinstance(value, dict):
        raise ValueError(f"{path} must be a mapping of fields, got {_short(value)}")
    hints = get_type_hints(expected)
    for key in value:
        if key not in hints:
            raise ValueError(f"{path} has an unknown field {key!r}{suggest(key, list(hints))}")
    try:
        return expected(
            **{key: read_value(hints[key], item, f"{path}.{key}") for key, item in value.items()}
        )
    except TypeError as error:
        raise ValueError(f"{path}: {error}") from None


def _read_tuple(items: tuple[Any, ...], value: Any, path: str) -> tuple[Any, ...]:
    if not isinstance(value, (list, tuple)):
        raise ValueError(f"{path} must be a list, got {_short(value)}")
    if items[-1] is Ellipsis:
        return tuple(read_value(items[0], item, f"{path}[{i}]") for i, item in enumerate(value))
    if len(value) != len(items):
        raise ValueError(f"{path} must hold {len(items)} values, got {len(value)}")
    return tuple(
        read_value(kind, item, f"{path}[{i}]")
        for i, (kind, item) in enumerate(zip(items, value, strict=True))
    )


def _integer(digits: str) -> int:
    if len(digits) > 20 or not -(2**63) <= int(digits) < 2**63:
        raise ValueError(f"the number {digits[:20]}… is beyond 64 bits")
    return int(digits)


def _finite(text: str) -> float:
    if not math.isfinite(number := float(text)):
        raise ValueError(f"{text[:20]} is not a finite number")
    return number


def _bound_depth(content: Any) -> None:
    level = [content]
    for _ in range(DEEPEST):
        level = [
            item
            for part in level
            if isinstance(part, (dict, list))
            for item in (part.values() if isinstance(part, dict) else part)
            if isinstance(item, (dict, list))
        ]
        if not level:
            return
    raise ValueError(f"it is nested deeper than {DEEPEST} brackets")


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 100 else f"{text[:100]}…"
