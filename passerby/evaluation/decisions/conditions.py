"""Conditions: of which cameras and images something was learnt, so that it is not applied to others
as if nothing had happened."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from passerby.tables.embeddings import Embeddings

_TALLER = 1.5  # times as high or as low as what was learnt from: another resolution


@dataclass(frozen=True)
class Conditions:
    """Of which images a calibration was learnt; how many pairs is in its `Quality`.

    cameras: as "SOURCE/CAMERA", () where they are not known; images: how many; heights: pixels that
    1 and 99 of 100 images are below, None where not known.
    """

    cameras: tuple[str, ...] = ()
    images: int = 0
    heights: tuple[int, int] | None = None

    def cover(self, cameras: Iterable[str]) -> bool:
        """Whether it was learnt by all these cameras; never by none, or where it knows none."""
        asked = set(cameras)
        return bool(asked) and asked <= set(self.cameras)

    def height_doubt(self, height: int) -> str:
        """What to say of an image so many pixels high; "" where such images were learnt from."""
        if self.heights is None:
            return ""
        low, high = self.heights
        if low / _TALLER <= height <= high * _TALLER:
            return ""
        return f"it is {height} pixels high, and the calibration is of images of {low} to {high}"

    def __str__(self) -> str:
        parts = [f"{self.images:,} images"]
        if self.cameras:
            count = len(self.cameras)
            parts.append(f"{count} camera{'s' if count > 1 else ''} ({shortened(self.cameras)})")
        if self.heights is not None:
            parts.append(f"{self.heights[0]} to {self.heights[1]} pixels high")
        return ", ".join(parts)


def conditions_of(embeddings: Embeddings, heights: Sequence[int] = ()) -> Conditions:
    """The conditions of embeddings, and of the heights in pixels of some of their images."""
    places = {*places_of(embeddings).tolist()} - {""}
    low_high = None
    if len(heights):
        low, high = np.percentile(np.asarray(heights), [1, 99]).round().astype(int).tolist()
        low_high = (low, high)
    return Conditions(tuple(sorted(places)), len(embeddings), low_high)


def places_of(embeddings: Embeddings) -> NDArray[np.str_]:
    """The camera of each image [N] as "SOURCE/CAMERA", "" where not known."""
    cameras = [""] * len(embeddings)
    if embeddings.named_cameras is not None:
        cameras = embeddings.named_cameras.tolist()
    elif embeddings.cameras is not None:
        cameras = ["" if one < 0 else str(one) for one in embeddings.cameras.tolist()]
    sources = [""] * len(cameras) if embeddings.sources is None else embeddings.sources.tolist()
    both = zip(sources, cameras, strict=True)
    return np.array([f"{source}/{camera}" if camera else "" for source, camera in both], np.str_)


def shortened(names: Sequence[str], most: int = 4) -> str:
    """The first of some names, and how many more.

    >>> shortened(["a", "b", "c"], most=2)
    'a, b and 1 more'
    """
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
