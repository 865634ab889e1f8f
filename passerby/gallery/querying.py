"""What a gallery is asked with: images, or vectors of its model, as unit vectors with names."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from passerby.data.images import UnreadableImage
from passerby.embeddings import Embeddings
from passerby.gallery.about import About

if TYPE_CHECKING:
    from passerby.embedding.embedder import AnyImage, Embedder


@dataclass(frozen=True, eq=False)
class Query:
    """One question. name: of its images; vector [D] of length 1, pooled where images is above 1;
    images: how many of them; own: the ids that these images have as sightings, where known;
    files: their paths, "" where there is none."""

    name: str
    vector: NDArray[np.float32]
    images: int = 1
    own: tuple[str, ...] = ()
    files: tuple[str, ...] = ()


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
    """The query of an image, or of several of one person. Errors as `check_embedder`."""
    listed: list[AnyImage] = list(images) if isinstance(images, list | tuple) else [images]  # type: ignore[list-item]
    if len(listed) == 0:
        raise ValueError("expected at least one image to search with")
    check_embedder(embedder, about)
    files = tuple(os.fspath(i) if isinstance(i, str | os.PathLike) else "" for i in listed)
    own = tuple(_hash(file) for file in files if file)
    names = [file or f"image {number}" for number, file in enumerate(files, 1)]
    name = names[0] if len(names) == 1 else f"{names[0]} and {len(names) - 1} more"
    pooled = query_of_vectors(embedder(listed), about, name)
    return Query(name, pooled.vector, len(listed), own, files)


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
    if queries.model and queries.model != about.model:
        raise ValueError(
            f"the embeddings are of the model {queries.model}, and the gallery is of {about.model}"
            f"{f' ({about.name})' if about.name else ''}: embed the queries with that"
        )
    files = [""] * len(queries) if queries.images is None else queries.images.tolist()
    vectors = _unit(queries.vectors, about, "row")
    return tuple(
        Query(file or f"row {row}", vectors[row], files=(file,)) for row, file in enumerate(files)
    )


def open_embedder(about: About, model: str = "", device: str | None = None) -> Embedder:
    """The model of a gallery, from where it was, or from another MODEL with the same weights.

    Raises ValueError where it is not to be found, or is another one.
    """
    from passerby.embedding.embedder import load

    place = model or about.place
    if not place:
        raise ValueError(
            f"the gallery does not say where its model {about.name or about.model} is: name it "
            "(--model MODEL)"
        )
    parts = about.pooling.split("+")
    try:
        embedder = load(
            place, flip="flip" in parts, before_neck="before_neck" in parts, device=device
        )
    except ValueError as error:
        raise ValueError(f"the gallery's model cannot be opened ({error}): --model MODEL") from None
    check_embedder(embedder, about)
    return embedder


def check_embedder(embedder: Embedder, about: About) -> None:
    """Raise ValueError for a model, or a way of pooling, that is not the gallery's."""
    given = (embedder.fingerprint, embedder.pooling, embedder.dimensions)
    wanted = (about.model, about.pooling, about.dimensions)
    if given != wanted:
        raise ValueError(
            f"the gallery is of the model {', '.join(map(str, wanted))} (fingerprint, pooling, "
            f"dimensions), and not of {', '.join(map(str, given))}: search with its own model, or "
            "move the gallery to this one (passerby gallery reembed)"
        )


def _unit(vectors: NDArray[np.float32], about: About, name: str) -> NDArray[np.float32]:
    if vectors.shape[1] != about.dimensions:
        raise ValueError(
            f"a query vector must have the {about.dimensions} dimensions of the gallery, got "
            f"{vectors.shape[1]}: embed with the gallery's model"
        )
    lengths = np.linalg.norm(vectors.astype(np.float64), axis=1, keepdims=True)
    wrong = np.flatnonzero(~(np.isfinite(lengths) & (lengths > 1e-12)).ravel())
    if len(wrong):
        raise ValueError(
            f"{len(wrong)} query vectors are zero or hold NaN, the first in {name} {wrong[0]}: "
            "they have no direction"
        )
    unit: NDArray[np.float32] = (vectors / lengths).astype(np.float32)
    return unit


def _hash(file: str) -> str:
    """The id that the image has as a sighting."""
    try:
        return hashlib.blake2b(Path(file).read_bytes(), digest_size=16).hexdigest()
    except OSError as error:
        raise UnreadableImage(file, error.strerror or str(error)) from None
