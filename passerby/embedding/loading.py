"""Images on their way to the network: loaded by threads while the batch before is embedded."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from passerby.config import Input
from passerby.data.crops import content_id
from passerby.data.evidence import checked_contents
from passerby.data.images import UnreadableImage, contents, decode_contents
from passerby.embedding.preprocessing import resized
from passerby.process.cores import available_cores

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")

Thumbnail = Callable[[NDArray[np.uint8]], bytes]
"""From pixels [H, W, 3] to a small JPEG."""


@dataclass(frozen=True)
class LoadedImage:
    """id: hash of the file's content; image: uint8 [3, height, width] for the network; thumbnail:
    a small JPEG, b"" where none was asked for. All three of the same bytes, read once."""

    id: str
    image: Tensor
    thumbnail: bytes


def load_image(
    path: str, size: Input, thumbnail: Thumbnail | None = None, *, expected: str = ""
) -> LoadedImage | UnreadableImage:
    """Read, hash, decode and resize an image file; what cannot be read is returned, not raised.

    expected: hash that its content must have, where one is known.
    """
    try:
        require_printable(path)
        data = checked_contents(path, expected)
        pixels = decode_contents(data, path)
    except UnreadableImage as error:
        return error
    small = b"" if thumbnail is None else thumbnail(pixels)
    return LoadedImage(content_id(data), resized(pixels, size), small)


def require_printable(path: str) -> None:
    """UnreadableImage for a file name that is no text, and that no store could keep."""
    try:
        path.encode("utf-8")
    except UnicodeEncodeError:
        reason = "its name is not valid text (UTF-8): rename it"
        raise UnreadableImage(path, reason) from None


def hash_image(path: str) -> str | UnreadableImage:
    """The hash of an image file's content; what cannot be read is returned, not raised."""
    try:
        require_printable(path)
        return content_id(contents(path))
    except UnreadableImage as error:
        return error


def prefetched(
    chunks: Iterable[Sequence[_Item]], load: Callable[[_Item], _Result]
) -> Iterator[tuple[Sequence[_Item], list[_Result]]]:
    """Each chunk with what threads loaded of its items, the next chunk loading meanwhile."""
    waiting: deque[tuple[Sequence[_Item], list[Future[_Result]]]] = deque()
    with ThreadPoolExecutor(available_cores()) as pool:
        for chunk in chunks:
            waiting.append((chunk, [pool.submit(load, item) for item in chunk]))
            if len(waiting) > 1:
                done, futures = waiting.popleft()
                yield done, [future.result() for future in futures]
        for done, futures in waiting:
            yield done, [future.result() for future in futures]
