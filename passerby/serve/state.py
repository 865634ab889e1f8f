"""The folder of a server: its keys and its audit log."""

from __future__ import annotations

import os
import sys
from pathlib import Path


def state_folder(given: str | os.PathLike[str] | None = None) -> Path:
    """The folder given, else that of the variable PASSERBY_STATE, else the system's for what
    programs keep; made, for its owner alone, where it is not there.

    Raises:
        ValueError: There is no such place, or it cannot be made.
    """
    folder = Path(given) if given else _usual()
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise ValueError(f"cannot keep the server's state in {folder}: {error.strerror}") from None
    return folder


def _usual() -> Path:
    if os.environ.get("PASSERBY_STATE"):
        return Path(os.environ["PASSERBY_STATE"])
    try:
        home = Path.home()
    except RuntimeError:
        raise ValueError(
            "there is no home folder to keep keys and the audit log in: name one with --state"
        ) from None
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or home / "AppData" / "Local") / "passerby"
    if sys.platform == "darwin":
        return home / "Library" / "Application Support" / "passerby"
    return Path(os.environ.get("XDG_STATE_HOME") or home / ".local" / "state") / "passerby"
