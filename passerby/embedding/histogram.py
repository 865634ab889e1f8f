"""The colour-histogram baseline: what a ranking is worth without any training.

HSV histograms in horizontal stripes are what person re-identification was done with before deep
embeddings (after Gray and Tao 2008, "Viewpoint invariant pedestrian recognition with an ensemble of
localized features"); a trained network that does not pass them has learnt nothing. The square root
(Hellinger kernel) makes their cosine the Bhattacharyya coefficient, and costs nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from passerby.data.images import UnreadableImage, decode
from passerby.embedding.embedder import Embedded
from passerby.process.cores import available_cores
from passerby.process.reporting import progress
from passerby.process.spelling import count_of
from passerby.tables.embeddings import Embeddings
from passerby.tables.records import Record

HEIGHT, WIDTH = 128, 64
STRIPES = 6
BINS = (8, 4, 4)  # hue, saturation, value
MODEL = "hsv-histogram-6x8x4x4"
"""`Embeddings.model` of these vectors."""

_CELLS = BINS[0] * BINS[1] * BINS[2]
_STRIPE_OF_ROW = np.arange(HEIGHT) * STRIPES // HEIGHT
_CHUNK = 64


def colour_histogram(image: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Histogram [768] = 6 stripes × 8 hues × 4 saturations × 4 values of an image [H, W, 3] RGB.

    The image is resized to 128×64 first; stripe 0 is the top. Entries are square roots of shares
    of all pixels, so the vector has length 1. Raises ValueError for another shape or type.
    """
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or image.size == 0:
        raise ValueError(
            f"expected an image [H, W, 3] of uint8, got {list(image.shape)} of {image.dtype}"
        )
    picture = Image.fromarray(image).resize((WIDTH, HEIGHT), Image.Resampling.BILINEAR)
    hsv = np.asarray(picture.convert("HSV")).astype(np.int64)  # each channel 0…255
    hue, saturation, value = np.moveaxis(hsv, 2, 0)
    cells = hue * BINS[0] // 256
    cells = cells * BINS[1] + saturation * BINS[1] // 256
    cells = cells * BINS[2] + value * BINS[2] // 256
    cells += _STRIPE_OF_ROW[:, None] * _CELLS
    counts = np.bincount(cells.ravel(), minlength=STRIPES * _CELLS)
    return np.sqrt(counts / (HEIGHT * WIDTH)).astype(np.float32)


def embed_histograms(records: Sequence[Record]) -> Embedded:
    """The histograms of the records' images; those that cannot be read are set aside.

    Raises ValueError when not one image can be read.
    """
    vectors, kept, set_aside = [], [], []
    with ThreadPoolExecutor(available_cores()) as pool, progress("embedding") as advance:
        for start in range(0, len(records), _CHUNK):
            chunk = records[start : start + _CHUNK]
            for record, outcome in zip(chunk, pool.map(_histogram, chunk), strict=True):
                if isinstance(outcome, UnreadableImage):
                    set_aside.append(outcome)
                else:
                    vectors.append(outcome)
                    kept.append(record)
            advance(min(start + _CHUNK, len(records)), len(records))
    if not kept:
        reason = f"; the first: {set_aside[0]}" if set_aside else ""
        raise ValueError(f"none of {count_of(len(records), 'image')} can be read{reason}")
    return Embedded(Embeddings.of_records(np.stack(vectors), kept, model=MODEL), tuple(set_aside))


def _histogram(record: Record) -> NDArray[np.float32] | UnreadableImage:
    try:
        return colour_histogram(decode(record.image))
    except UnreadableImage as error:
        return error
