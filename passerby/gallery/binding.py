"""A gallery belongs to one model: described when it is made, checked whenever vectors come in."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime

import numpy as np

from passerby.assessment.calibrate import calibration_file, read_inside
from passerby.data.crops import content_id
from passerby.embedding.embedder import Embedder, load
from passerby.embedding.preprocessing import resized
from passerby.embedding.runtimes.exported import running_of
from passerby.evaluation.decisions.calibration_files import read_calibrations
from passerby.gallery.stored_calibrations import fitting
from passerby.models.packaged import model_folder
from passerby.stores.about import About
from passerby.tables.embeddings import Embeddings


def describe(embedder: Embedder) -> About:
    """What a gallery of this model is of, and what calibration was brought along beside it.

    Raises ValueError for a system that compares stripes beside the vector.
    """
    require_single_vectors(embedder)
    about = About(
        embedder.fingerprint,
        embedder.pooling,
        embedder.dimensions,
        embedder.name,
        embedder.place,
        asdict(embedder.input),
        brought=_calibrations(embedder),
        created=datetime.now(UTC).isoformat(timespec="seconds"),
    )
    return About.from_json(about.to_json())  # as it will be read: tuples are lists


def require_single_vectors(embedder: Embedder) -> None:
    """ValueError for a system whose distance is more than that of two vectors."""
    blank = np.zeros((embedder.input.height, embedder.input.width, 3), np.uint8)
    if embedder.of_inputs([resized(blank, embedder.input)]).local is not None:
        raise ValueError(_STRIPES.format(name=embedder.name or "this model"))


def require_matching_embedder(about: About, embedder: Embedder) -> None:
    """ValueError when an embedder is not the one that a gallery is of."""
    _require_same_model(about, embedder.fingerprint, embedder.pooling, embedder.dimensions)


def require_matching_embeddings(about: About, part: Embeddings) -> None:
    """ValueError when embeddings are not of the gallery's model, or do not say of which."""
    if not part.model:
        raise ValueError(
            "the embeddings do not say which model they are of, and a gallery takes those of its "
            f"own alone ({_named(about)}): write them with passerby embed"
        )
    if part.local is not None:
        raise ValueError(_STRIPES.format(name=f"the model {part.model}"))
    # Who makes embeddings by hand seldom says how images were pooled; most often it was plainly.
    _require_same_model(about, part.model, part.pooling or "plain", part.vectors.shape[1])


def open_embedder(
    about: About,
    model: str | os.PathLike[str] | None = None,
    *,
    device: str | None = None,
    runtime: str = "auto",
) -> Embedder:
    """The embedder of a gallery, from where its model was, or from ``model`` when that has moved.

    A gallery in bf16 or int8 is opened in the runtime and precision that it was made in.

    Raises ValueError when there is no model, or another one.
    """
    place = os.fspath(model_folder(model)) if model is not None else about.place
    if not place or not os.path.exists(place):
        where = f"is no longer at {place}" if about.place == place else f"is not at {place}"
        raise ValueError(
            f"the model of this gallery ({_named(about)}) "
            f"{where if place else 'has no known place'}: say where it is with --model"
        )
    ways = about.pooling.split("+")
    made_by, precision = running_of(about.model)
    embedder = load(
        place,
        runtime=made_by or runtime,
        precision=precision,
        flip="flip" in ways,
        before_neck="before_neck" in ways,
        device=device,
    )
    require_matching_embedder(about, embedder)
    return embedder


def vector_id(vector: np.ndarray, model: str) -> str:
    """The id of a sighting of which no image's hash is known: of the vector's bytes and model."""
    return content_id(np.ascontiguousarray(vector, "<f4").tobytes() + model.encode())


_STRIPES = (
    "{name} compares images by vectors of stripes beside the embedding, and a gallery is searched "
    "by one vector an image: its answers would not be this system's. Choose another model, or one "
    "whose recipe has no local distance"
)


def _require_same_model(about: About, model: str, pooling: str, dimensions: int) -> None:
    if (model, pooling, dimensions) == (about.model, about.pooling, about.dimensions):
        return
    came = f"{model}, {pooling}, {dimensions} numbers"
    own = f"{about.model}, {about.pooling}, {about.dimensions} numbers"
    raise ValueError(
        f"distances between embeddings of different models mean nothing: the gallery is of "
        f"{about.name or 'a model'} ({own}: model, pooling, length), and this is of {came}. Embed "
        "with the gallery's model, or move the gallery: passerby gallery reembed"
    )


def _named(about: About) -> str:
    return f"{about.name} {about.model}".strip()


def _calibrations(embedder: Embedder) -> Mapping[str, Mapping[str, object]]:
    """The calibrations of cosine distances of this model and pooling that are stored beside it."""
    path = calibration_file(embedder.place) if embedder.place else None
    found = path is not None and path.is_file()
    known = read_calibrations(path) if path is not None and found else read_inside(embedder)
    return fitting(embedder.fingerprint, embedder.pooling, known)
