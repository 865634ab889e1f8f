"""Crops in memory become sightings: from a detector or a camera, without a file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from passerby.data.crops import content_id
from passerby.embedding.embedder import Embedder
from passerby.embedding.image_inputs import pixels_of
from passerby.gallery.binding import require_matching_embedder, require_single_vectors
from passerby.gallery.enrol.enrolment import Enrolled, require_persons
from passerby.gallery.enrol.thumbnails import thumbnail
from passerby.stores import Store
from passerby.tables.sightings import Sightings
from passerby.tables.times import moment
from passerby.tables.unit_length import unit


@dataclass(frozen=True)
class Seen:
    """What is known of N crops: one value for all, or a sequence of N; None is not known.

    time: with a zone; until: likewise, the end of a passage that began at the time; tracklet: the
    tracker's number; frame: within the video; quality: 0 to 1.
    """

    person: str | Sequence[str] | None = None
    camera: str | Sequence[str] | None = None
    source: str | Sequence[str] | None = None
    time: datetime | Sequence[datetime | None] | None = None
    tracklet: int | Sequence[int] | None = None
    frame: int | Sequence[int] | None = None
    quality: float | Sequence[float] | None = None
    until: datetime | Sequence[datetime | None] | None = None

    def columns(self, count: int) -> dict[str, Any]:
        """As columns of `Sightings`. Raises ValueError for another number of values."""
        given = {
            "persons": self.person,
            "cameras": self.camera,
            "sources": self.source,
            "times": self.time,
            "tracklets": self.tracklet,
            "frames": self.frame,
            "qualities": self.quality,
            "untils": self.until,
        }
        found: dict[str, Any] = {}
        for name, value in given.items():
            if value is None:
                continue
            single = isinstance(value, str | datetime) or not hasattr(value, "__len__")
            values = [value] * count if single else list(value)  # type: ignore[arg-type]
            if len(values) != count:
                raise ValueError(f"{name} must be one for all or {count}, got {len(values)}")
            found[name] = values
        for name in {"times", "untils"} & {*found}:
            found[name] = np.array(
                [np.datetime64("NaT") if t is None else moment(t) for t in found[name]],
                "datetime64[us]",
            )
        return found


def enrol_arrays(
    store: Store,
    embedder: Embedder,
    images: Sequence[Any],
    seen: Seen,
    *,
    keep_thumbnails: bool = False,
    replace: bool = False,
) -> Enrolled:
    """Embed crops in memory and add them; the same pixels twice are one sighting.

    images: pixels as uint8 [H, W, 3] in the embedder's colours, Pillow images or tensors, or the
    bytes of image files, which are the sightings that the files themselves would be. There is no
    file to show later: keep the thumbnails where pictures are wanted. Raises ValueError for what
    is no image, and when the embedder is not the gallery's.
    """
    if not len(images):
        return Enrolled()
    sightings = sightings_of_arrays(store, embedder, images, seen, keep_thumbnails=keep_thumbnails)
    written = store.write(sightings, replace=replace)
    timeless = min(int(np.isnat(sightings.times).sum()), written.added + written.replaced)
    return Enrolled(
        written.added, written.replaced, written.present, timeless, refused=written.refused
    )


def sightings_of_arrays(
    store: Store,
    embedder: Embedder,
    images: Sequence[Any],
    seen: Seen,
    *,
    keep_thumbnails: bool = False,
) -> Sightings:
    """What `enrol_arrays` adds, of at least one image. Raises ValueError likewise."""
    require_matching_embedder(store.about, embedder)
    require_single_vectors(embedder)
    columns = seen.columns(len(images))
    require_persons(columns.get("persons", ()))
    pixels = [
        pixels_of(image, embedder.colours, f"image {number}")
        for number, image in enumerate(images, 1)
    ]
    return Sightings(
        [id_of(image, decoded) for image, decoded in zip(images, pixels, strict=True)],
        unit(embedder.of_pixels(pixels)),
        thumbnails=[thumbnail(image) if keep_thumbnails else b"" for image in pixels],
        **columns,
    )


def id_of(image: object, pixels: NDArray[np.uint8]) -> str:
    """The id of a sighting of a crop in memory, whose pixels are [H, W, 3]: of a file's bytes the
    hash that the file has, of all else that of the pixels."""
    if isinstance(image, bytes | bytearray):
        return content_id(bytes(image))
    return content_id(np.array(pixels.shape, "<i8").tobytes() + pixels.tobytes())
