"""Content of JSON as the frozen dataclass that it should be, each slip named by its path."""

from __future__ import annotations

import dataclasses
import math
from typing import Any, Literal, get_args, get_origin, get_type_hints

from passerby.registry import suggest


def read_value(expected: Any, value: Any, path: str) -> Any:
    """Convert JSON content to a field's type, or say what does not fit."""
    origin = get_origin(expected)
    if dataclasses.is_dataclass(expected):
        return _read_dataclass(expected, value, path)
    if origin is tuple:
        return _read_tuple(get_args(expected), value, path)
    if origin is Literal:
        if value not in get_args(expected):
            known = ", ".join(map(repr, get_args(expected)))
            raise ValueError(f"{path} must be one of {known}, got {value!r}")
        return value
    if expected is float and isinstance(value, int) and not isinstance(value, bool):
        value = float(value)
    if type(value) is not expected:
        raise ValueError(f"{path} must be {expected.__name__}, got {value!r}")
    if expected is float and not math.isfinite(value):
        raise ValueError(f"{path} must be a finite number, got {value!r}")
    return value


def _read_dataclass(expected: Any, value: Any, path: str) -> Any:
    if not isinstance(value, dict):
        raise ValueError(f"{path} must be a mapping of fields, got {value!r}")
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
        raise ValueError(f"{path} must be a list, got {value!r}")
    if items[-1] is Ellipsis:
        return tuple(read_value(items[0], item, f"{path}[{i}]") for i, item in enumerate(value))
    if len(value) != len(items):
        raise ValueError(f"{path} must hold {len(items)} values, got {len(value)}")
    return tuple(
        read_value(kind, item, f"{path}[{i}]")
        for i, (kind, item) in enumerate(zip(items, value, strict=True))
    )
