"""What a command found as JSON, for programs: any result made of dataclasses, in one way."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any


def as_json(found: object, **more: object) -> str:
    """A result as JSON. more: what it says of itself beside its fields.

    Numbers that JSON does not know (NaN, infinities) and unknown times are null.

    >>> import numpy as np
    >>> print(as_json({"shares": np.array([0.5, np.nan]), "at": Path("a")}))
    {
      "shares": [
        0.5,
        null
      ],
      "at": "a"
    }
    """
    content = _plain(found)
    if more:
        content = {**content, **_plain(more)}
    return json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False)


def _plain(value: object) -> Any:
    import numpy as np  # here: every command imports this file, and few need it

    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = dataclasses.fields(value)
        return {field.name: _plain(getattr(value, field.name)) for field in fields}
    if isinstance(value, Mapping):
        return {str(name): _plain(each) for name, each in value.items()}
    if isinstance(value, np.ndarray | np.generic):
        return _plain(value.tolist())
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(each) for each in value]
    return _single(value)


def _single(value: object) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Path):
        return str(value)
    assert value is None or isinstance(value, str | int | bool), f"no JSON of {type(value)}"
    return value
