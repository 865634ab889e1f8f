"""The model that comes with Passerby: in the package itself, so that it opens without a network.

How it was made, what it can do and what not: docs/default_model.md.
"""

from __future__ import annotations

import os
from pathlib import Path

DEFAULT = "default"
"""The name of the packaged model wherever a MODEL is taken."""

_FOLDER = Path(__file__).parent / DEFAULT


def model_folder(model: str | os.PathLike[str]) -> Path:
    """The folder of a MODEL: the packaged one by its name, else the given path.

    A folder of one's own that is called "default" is opened as "./default".
    """
    return _FOLDER if model == DEFAULT else Path(model)


def is_packaged(path: str | os.PathLike[str]) -> bool:
    """Whether a file or folder belongs to the packaged model, which nothing may change."""
    return Path(path).resolve().is_relative_to(_FOLDER.resolve())
