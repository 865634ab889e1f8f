"""Images of a data set looked at one by one: unreadable ones, blank ones, and copies."""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from itertools import islice
from typing import TypeVar

from passerby.data.crop_quality import crop_faults
from passerby.data.images import UnreadableImage, contents, decode_contents
from passerby.process.cores import available_cores
from passerby.process.reporting import progress

_CHUNK = 32  # images per task: small enough for Ctrl-C, large enough for little overhead
_Result = TypeVar("_Result")


@dataclass(frozen=True)
class Inspection:
    """What was found, each image in the order given.

    first_of: of each copy the first image that it is equal to, in bytes or, if decoded, in pixels;
    doubtful: readable images that are hardly crops of a person, with the reason.
    """

    first_of: dict[str, str]
    unreadable: tuple[UnreadableImage, ...] = ()
    doubtful: dict[str, str] = field(default_factory=dict)


def inspect_images(images: Sequence[str], decode: bool, workers: int | None = None) -> Inspection:
    """Compare the bytes of images, or decode all and compare their pixels.

    Without decoding only files of one size are read. In threads (file system and decoders release
    Python's lock), as many as the process may use cores unless workers is given.
    """
    if not decode:
        sizes = list(_each(images, _size, "sizes of images", workers))
        often = Counter(sizes)
        images = [i for i, size in zip(images, sizes, strict=True) if size and often[size] > 1]
        return Inspection(_first_of(images, _each(images, _byte_digest, "reading", workers)))
    found = _each(images, _decoded, "reading images", workers)
    return Inspection(
        _first_of(images, [digest for digest, _ in found]),
        tuple(fault for _, fault in found if isinstance(fault, UnreadableImage)),
        {i: fault for i, (_, fault) in zip(images, found, strict=True) if isinstance(fault, str)},
    )


def _first_of(images: Sequence[str], digests: Sequence[bytes]) -> dict[str, str]:
    first: dict[bytes, str] = {}
    pairs = [(i, first.setdefault(d, i)) for i, d in zip(images, digests, strict=True) if d]
    return {image: original for image, original in pairs if image != original}


def _size(image: str) -> int:
    try:
        return os.path.getsize(image)
    except OSError:  # a missing file is named by decoding
        return 0


def _byte_digest(image: str) -> bytes:
    try:
        return hashlib.blake2b(contents(image), digest_size=16).digest()
    except UnreadableImage:
        return b""


def _decoded(image: str) -> tuple[bytes, UnreadableImage | str | None]:
    """A digest of the pixels, and what is wrong with the image."""
    try:
        pixels = decode_contents(contents(image), image)
    except UnreadableImage as error:
        return b"", error
    faults = crop_faults(pixels)
    digest = hashlib.blake2b(repr(pixels.shape).encode(), digest_size=16)
    digest.update(pixels.data)
    return digest.digest(), faults[0].reason if faults else None


def _each(
    images: Sequence[str], look: Callable[[str], _Result], name: str, workers: int | None
) -> list[_Result]:
    """What ``look`` finds of each image, with progress; Ctrl-C ends it within a chunk."""
    starts = range(0, len(images), _CHUNK)
    found: dict[int, list[_Result]] = {}
    done = 0
    threads = workers or available_cores()
    pool = ThreadPoolExecutor(threads)
    try:
        with progress(name) as advance:
            for start, results in _in_order(pool, starts, images, look, 4 * threads):
                found[start] = results
                done += len(results)
                advance(done, len(images))
    finally:  # on Ctrl-C too: what has not begun is dropped, what runs ends within a chunk
        pool.shutdown(cancel_futures=True)
    return [result for start in starts for result in found[start]]


def _in_order(
    pool: ThreadPoolExecutor,
    starts: Sequence[int],
    images: Sequence[str],
    look: Callable[[str], _Result],
    ahead: int,
) -> Iterator[tuple[int, list[_Result]]]:
    """(start of a chunk, its results) as they are ready, with a bounded number under way."""
    waiting = iter(starts)
    running: dict[Future[list[_Result]], int] = {}
    while True:
        for start in islice(waiting, ahead - len(running)):
            chunk = images[start : start + _CHUNK]
            running[pool.submit(lambda chunk: [look(image) for image in chunk], chunk)] = start
        if not running:
            return
        for future in wait(running, return_when=FIRST_COMPLETED).done:
            yield running.pop(future), future.result()
