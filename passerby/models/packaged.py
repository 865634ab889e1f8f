"""The models that come with Passerby: in the package itself, so that they open without a network.

How they were made, what they can do and what not: docs/default_model.md.
"""

from __future__ import annotations

import os
from pathlib import Path

from passerby.extras import install

DEFAULT = "default"
"""The name of the packaged model wherever a MODEL is taken."""

INT8 = "default-int8"
"""The name of the same in 8 bits, which OpenVINO runs."""

PACKAGED = {
    DEFAULT: "trained on synthetic persons; any runtime",
    INT8: f"the same in 8 bits: faster, other vectors; OpenVINO ({install('openvino')})",
}
"""What each packaged model is, by its name."""

_HOME = Path(__file__).parent


def model_folder(model: str | os.PathLike[str]) -> Path:
    """The folder of a MODEL: a packaged one by its name, else the given path.

    A folder of one's own that is called "default" is opened as "./default".
    """
    return _HOME / model if isinstance(model, str) and model in PACKAGED else Path(model)


def packaged_folders() -> list[Path]:
    """The folders of the packaged models that this installation has."""
    return [_HOME / name for name in PACKAGED if (_HOME / name).is_dir()]


def is_packaged(path: str | os.PathLike[str]) -> bool:
    """Whether a file or folder belongs to a packaged model, which nothing may change."""
    found = Path(path).resolve()
    return any(found.is_relative_to((_HOME / name).resolve()) for name in PACKAGED)


def models_listing() -> str:
    """The packaged models as text: name, megabytes, what each is."""
    lines = []
    for name, size in packaged_sizes().items():
        lines += [f"{name} ({size / 1e6:.1f} MB)", f"    {PACKAGED[name]}"]
    return "\n".join(lines)


def packaged_sizes() -> dict[str, int]:
    """The packaged models that this installation has, with their bytes."""
    return {
        folder.name: sum(file.stat().st_size for file in folder.iterdir())
        for folder in packaged_folders()
    }
