"""The pictures that an assistant may ask with: files of one folder, or the bytes in base 64."""

from __future__ import annotations

import base64
import binascii
from pathlib import Path

from passerby.process.sizes import size_text

MOST_BYTES = 20_000_000
"""Of a picture."""


def picture_bytes(path: str, in_base64: str, folder: Path | None) -> bytes:
    """The bytes of the picture, of whichever was given.

    Args:
        path: of a file, from the folder on.
        in_base64: the file's bytes.
        folder: that files may be of; None: of none.

    Raises:
        ValueError: Neither or both, a file outside the folder, or one too large.
    """
    if bool(path) == bool(in_base64):
        raise ValueError("expected the path of a picture, or its bytes in base 64")
    if in_base64:
        return _decoded(in_base64)
    if folder is None:
        raise ValueError(
            "this server reads no files: give the bytes in base 64, or start it with --pictures "
            "FOLDER"
        )
    home = folder.resolve()
    file = (home / path).resolve()  # links followed: where they lead is what is read
    if not file.is_relative_to(home) or not file.is_file():
        raise ValueError(f"there is no picture {path!r} in the folder that this server may read")
    if file.stat().st_size > MOST_BYTES:
        raise ValueError(f"a picture may have {size_text(MOST_BYTES)} at most")
    return file.read_bytes()


def _decoded(text: str) -> bytes:
    if len(text) > 4 * MOST_BYTES // 3 + 4:
        raise ValueError(f"a picture may have {size_text(MOST_BYTES)} at most")
    try:
        return base64.b64decode(text.partition("base64,")[2] or text, validate=True)
    except (binascii.Error, ValueError):
        raise ValueError("the picture's bytes are not base 64") from None
