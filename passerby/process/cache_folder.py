"""The folder for what can be fetched or made again."""

import os
import sys
from pathlib import Path


def cache_folder() -> Path:
    """Where pulled files are kept: PASSERBY_CACHE, or the system's folder for caches.

    Raises:
        ValueError: there is neither that variable nor a home folder.
    """
    if os.environ.get("PASSERBY_CACHE"):
        return Path(os.environ["PASSERBY_CACHE"])
    try:
        home = Path.home()
    except RuntimeError:
        raise ValueError(
            "there is no home folder to keep files in: set PASSERBY_CACHE to a folder"
        ) from None
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or home / "AppData" / "Local") / "passerby"
    if sys.platform == "darwin":
        return home / "Library" / "Caches" / "passerby"
    return Path(os.environ.get("XDG_CACHE_HOME") or home / ".cache") / "passerby"
