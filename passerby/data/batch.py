"""Batch: what a training step sees."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True, eq=False)
class Batch:
    """B images with their labels.

    images [B, 3, H, W]: uint8 from the loader, normalised float32 for the network; persons [B]
    int64: class indices 0…C−1, not the data set's numbers; cameras [B] int64 as the data set has
    them (−1: not known); sources [B] int64: index of the data set; indices [B] int64: rows of the
    training records. set_aside: images that could not be read and were replaced by another of
    the same person, as "path: reason". targets [B, T] float32: what teachers make of the images,
    None without any. joints [B, 17, 3] float32: column and row of COCO's joints, as shares of the
    image's width and height, and their visibility (2 seen, 1 hidden, 0 outside or not known; all 0
    of an image whose joints are not known); None where no record has any.
    """

    images: Tensor
    persons: Tensor
    cameras: Tensor
    sources: Tensor
    indices: Tensor
    set_aside: tuple[str, ...] = ()
    targets: Tensor | None = None
    joints: Tensor | None = None
