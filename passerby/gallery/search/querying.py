"""What a gallery is asked with: images, or vectors of its model, as unit vectors with names."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from passerby.assessment.calibrate import is_of_other_sites
from passerby.data.crop_quality import crop_faults
from passerby.data.crops import content_id
from passerby.data.images import contents
from passerby.embedding.familiarity import familiarity_of
from passerby.embedding.image_inputs import AnyImage, images_of, pixels_of
from passerby.gallery.binding import require_matching_embedder, require_matching_embeddings
from passerby.gallery.stored_calibrations import calibration_of
from passerby.stores.about import About
from passerby.tables.columns import array_of, matrix
from passerby.tables.embeddings import Embeddings
from passerby.tables.sightings import UNKNOWN
from passerby.tables.unit_length import unit

if TYPE_CHECKING:
    from passerby.embedding.embedder import Embedder

_UNLIKELY = 0.1
"""Likelihood ratio below which two pooled images are taken for two persons."""

_FAR = 0.5
"""Cosine distance of hardly one person, where no calibration says better."""


@dataclass(frozen=True, eq=False)
class Query:
    """One question. name: of its images; vector [D] of length 1, pooled where images is above 1;
    images: how many of them; hashes: of the images' contents, which are their ids as sightings, ""
    where not known; files: their paths, "" where there is none; camera: that took them, "" where
    not known; doubts: why there can be no answer."""

    name: str
    vector: NDArray[np.float32]
    images: int = 1
    hashes: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    camera: str = UNKNOWN
    doubts: tuple[str, ...] = ()


def is_vectors(query: object) -> bool:
    """Whether it is of floating-point numbers, as no image is."""
    first = query
    while isinstance(first, list | tuple) and first:
        first = first[0]
    if isinstance(first, np.ndarray):
        return first.dtype.kind == "f"
    return isinstance(first, float | int | np.floating)


def query_of_images(
    images: Sequence[AnyImage] | AnyImage, about: About, embedder: Embedder
) -> Query:
    """The query of an image, or of several of one person.

    Raises:
        UnreadableImage: An image cannot be decoded.
        ValueError: There is no image, or the embedder is not the gallery's.
    """
    listed = images_of(images)
    if len(listed) == 0:
        raise ValueError("expected at least one image to search with")
    require_matching_embedder(about, embedder)
    files = tuple(os.fspath(i) if isinstance(i, str | os.PathLike) else "" for i in listed)
    hashes = tuple(_content_id(one) for one in listed)
    names = tuple(file or f"image {number}" for number, file in enumerate(files, 1))
    name = names[0] if len(names) == 1 else f"{names[0]} and {len(names) - 1} more"
    pixels = [
        pixels_of(image, embedder.colours, name) for image, name in zip(listed, names, strict=True)
    ]
    pooled = query_of_vectors(embedder.of_pixels(pixels), about, name, names)
    faults = [
        f"no answer: {name} is hardly a crop of a person: {fault}"
        for name, image in zip(names, pixels, strict=True)
        for fault in crop_faults(image)[:1]
    ]
    return replace(pooled, hashes=hashes, files=files, doubts=(*faults, *pooled.doubts))


def _content_id(image: AnyImage) -> str:
    """Of an image file, or of the bytes of one; "" for pixels."""
    if isinstance(image, str | os.PathLike):
        return content_id(contents(image))
    return content_id(bytes(image)) if isinstance(image, bytes | bytearray) else ""


def query_of_vectors(
    vectors: ArrayLike, about: About, name: str = "vector", names: Sequence[str] = ()
) -> Query:
    """The query of a vector [D], or of several of one person [M, D]: the mean of unit vectors.

    name: of the whole; names [M]: of each. Raises ValueError for another width, NaN, numbers beyond
    float32, and vectors without a direction.
    """
    given = np.atleast_2d(array_of(vectors))
    if given.ndim != 2 or len(given) == 0:
        raise ValueError(
            f"a query is a vector [D] or vectors [M, D] of one person, got {list(given.shape)}"
        )
    units = _unit(matrix("a query's vectors", given, "M, D"), about, name)
    vector = _unit(units.mean(axis=0, keepdims=True), about, name)[0]
    names = names or [f"vector {number}" for number in range(1, len(units) + 1)]
    doubts = (*_unfamiliar(units, about, names), *_strangers(units, about, names))
    return Query(name, vector, len(units), doubts=doubts)


def _unfamiliar(units: NDArray[np.float32], about: About, names: Sequence[str]) -> tuple[str, ...]:
    """What to say of vectors [M, D] that are unlike those of persons."""
    known = familiarity_of(about.place, about.pooling, about.dimensions)
    strange = [False] * len(units) if known is None else known.strange(units).tolist()
    return tuple(
        f"no answer: {name} is unlike all persons that the model has learnt from"
        for name, one in zip(names, strange, strict=True)
        if one
    )


def _strangers(units: NDArray[np.float32], about: About, names: Sequence[str]) -> tuple[str, ...]:
    """What to say where pooled vectors [M, D] are hardly of one person.

    They hold together by a chain of pairs whose likelihood ratio is above _UNLIKELY, or without a
    calibration of pairs nearer than _FAR.
    """
    if len(units) == 1:
        return ()
    distances = np.maximum(1 - units @ units.T, 0)
    # Those of an adapted gallery are of other distances than these, of vectors as they came.
    calibration = None if about.adapted else calibration_of(about, "single")
    near = distances < _FAR
    if calibration is not None and not is_of_other_sites(calibration):
        near = calibration.llr(distances) > math.log(_UNLIKELY)
    groups = np.arange(len(units))
    for one, other in np.argwhere(np.triu(near, 1)).tolist():
        groups[groups == groups[other]] = groups[one]
    largest = np.bincount(groups).argmax()
    odd = [name for name, group in zip(names, groups.tolist(), strict=True) if group != largest]
    if not odd:
        return ()
    shown = ", ".join(odd[:3]) + (f" and {len(odd) - 3} more" if len(odd) > 3 else "")
    return (
        f"no answer: the {len(units)} pooled images are hardly of one person: {shown} "
        f"{'is' if len(odd) == 1 else 'are'} unlike the others (search with each by itself: "
        "--each)",
    )


def queries_of_embeddings(queries: Embeddings, about: About) -> tuple[Query, ...]:
    """A query of each of Q saved embeddings. Raises ValueError for those of another model."""
    require_matching_embeddings(about, queries)
    files = [""] * len(queries) if queries.images is None else queries.images.tolist()
    vectors = _unit(queries.vectors, about, "row")
    hashes = (
        [()] * len(queries) if queries.hashes is None else [(i,) for i in queries.hashes.tolist()]
    )
    cameras = [UNKNOWN] * len(queries)
    if queries.named_cameras is not None:
        cameras = queries.named_cameras.tolist()
    elif queries.cameras is not None:
        cameras = [str(camera) if camera >= 0 else UNKNOWN for camera in queries.cameras.tolist()]
    return tuple(
        Query(
            file or f"row {row}",
            vectors[row],
            hashes=hashes[row],
            files=(file,),
            camera=cameras[row],
            doubts=_unfamiliar(vectors[row : row + 1], about, [file or f"row {row}"]),
        )
        for row, file in enumerate(files)
    )


def _unit(vectors: NDArray[np.float32], about: About, name: str) -> NDArray[np.float32]:
    if vectors.shape[1] != about.dimensions:
        raise ValueError(
            f"a query vector must have the {about.dimensions} dimensions of the gallery, got "
            f"{vectors.shape[1]}: embed with the gallery's model"
        )
    return unit(vectors, f"query vectors ({name})")
