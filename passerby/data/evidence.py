"""The picture of a sighting, checked: a stored path is believed only while its file is unchanged.

A camera writes ``latest.jpg`` again and again, folders are renumbered, disks are mounted elsewhere:
what lies at a stored path may show another person by now. Whatever shows or embeds the file of a
stored sighting or embedding asks here.
"""

from __future__ import annotations

import os

import numpy as np
from numpy.typing import NDArray

from passerby.data.crops import content_id
from passerby.data.images import UnreadableImage, contents, decode_contents

CHANGED = "it is not the file that was enrolled"


def checked_contents(path: str | os.PathLike[str], expected: str) -> bytes:
    """The bytes of an image file, if their hash is the expected one; "" where none is known.

    Raises:
        UnreadableImage: It is missing, empty or too large, or not the file that was hashed.
    """
    data = contents(path)
    if expected and content_id(data) != expected:
        raise UnreadableImage(path, CHANGED)
    return data


def picture_of(
    path: str | os.PathLike[str], expected: str, thumbnail: bytes = b""
) -> NDArray[np.uint8]:
    """The picture [H, W, 3] of a sighting: its file if unchanged, else the thumbnail kept of it.

    path: "" where no file is known; expected: hash of the file's content as `content_id` makes it,
    "" where it is not known and the file is taken as it is.

    Raises:
        UnreadableImage: There is neither; the reason says why.
    """
    reason = "no picture is stored"
    if path:
        try:
            return decode_contents(checked_contents(path, expected), path)
        except UnreadableImage as error:
            reason = error.reason
    if thumbnail:
        try:
            return decode_contents(thumbnail, "the thumbnail")
        except UnreadableImage:
            reason = reason if path else "the thumbnail is damaged"
    raise UnreadableImage(path, reason)
