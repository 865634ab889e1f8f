"""What a gallery is asked with: images, or vectors of its model, as unit vectors with names."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from passerby.data.crops import content_id
from passerby.data.images import contents
from passerby.gallery.binding import refuse_other_embedder, refuse_other_embeddings
from passerby.stores.about import About
from passerby.tables.embeddings import Embeddings
from passerby.tables.sightings import UNKNOWN
from passerby.tables.unit_length import unit

if TYPE_CHECKING:
    from passerby.embedding.embedder import Embedder
    from passerby.embedding.image_inputs import AnyImage


@dataclass(frozen=True, eq=False)
class Query:
    """One question. name: of its images; vector [D] of length 1, pooled where images is above 1;
    images: how many of them; hashes: of the images' contents, which are their ids as sightings, ""
    where not known; files: their paths, "" where there is none; camera: that took them, "" where
    not known."""

    name: str
    vector: NDArray[np.float32]
    images: int = 1
    hashes: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    camera: str = UNKNOWN


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
    """The query of an image, or of several of one person. Errors as `refuse_other_embedder`."""
    listed: list[AnyImage] = list(images) if isinstance(images, list | tuple) else [images]  # type: ignore[list-item]
    if len(listed) == 0:
        raise ValueError("expected at least one image to search with")
    refuse_other_embedder(about, embedder)
    files = tuple(os.fspath(i) if isinstance(i, str | os.PathLike) else "" for i in listed)
    hashes = tuple(content_id(contents(file)) if file else "" for file in files)
    names = [file or f"image {number}" for number, file in enumerate(files, 1)]
    name = names[0] if len(names) == 1 else f"{names[0]} and {len(names) - 1} more"
    pooled = query_of_vectors(embedder(listed), about, name)
    return Query(name, pooled.vector, len(listed), hashes, files)


def query_of_vectors(vectors: ArrayLike, about: About, name: str = "vector") -> Query:
    """The query of a vector [D], or of several of one person [M, D]: the mean of unit vectors.

    Raises ValueError for another width, NaN, and vectors without a direction.
    """
    matrix = np.atleast_2d(np.asarray(vectors, np.float32))
    if matrix.ndim != 2 or len(matrix) == 0:
        raise ValueError(
            f"a query is a vector [D] or vectors [M, D] of one person, got {list(matrix.shape)}"
        )
    vector = _unit(_unit(matrix, about, name).mean(axis=0, keepdims=True), about, name)[0]
    return Query(name, vector, len(matrix))


def queries_of_embeddings(queries: Embeddings, about: About) -> tuple[Query, ...]:
    """A query of each of Q saved embeddings. Raises ValueError for those of another model."""
    refuse_other_embeddings(about, queries)
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
