"""Results as JSON: the small frozen dataclasses that evaluations return."""

from __future__ import annotations

import json
import os
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from passerby.process.whole_files import write_whole

if TYPE_CHECKING:
    from _typeshed import DataclassInstance


def json_text(result: DataclassInstance, path: str | os.PathLike[str] | None = None) -> str:
    """All fields of a result as JSON text, also written to ``path`` when given."""
    text = json.dumps(asdict(result), indent=1)
    if path is not None:
        write_whole(Path(path), text + "\n")
    return text
