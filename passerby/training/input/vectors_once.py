"""Vectors of the training images, made once and kept in the run's folder until the run ends.

They are what a model knows of persons: the folder is readable by its owner alone, and
`remove_vectors` deletes it.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence, Set
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from passerby.embedding.embedder import Embedder
from passerby.embedding.saving import embed_to_file
from passerby.process.distributed import on_first_rank
from passerby.process.reporting import say
from passerby.process.spelling import count_of
from passerby.tables.embeddings import Embeddings
from passerby.tables.records import Crop, Record

_FOLDER = "targets"


def vectors_once(
    out: Path, name: str, embedder: Embedder, records: Sequence[Record], who: str
) -> NDArray[np.float32]:
    """Vectors [N, D] of N records, those that a run which goes on has made before.

    name: of their file; who: embeds, for the message. Rows of images that cannot be read are NaN.
    """
    folder = out / _FOLDER
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    paths = [os.path.abspath(record.image) for record in records]
    rows = {path: row for row, path in enumerate(dict.fromkeys(paths))}
    file = folder / f"{name}.npz"
    if not on_first_rank(lambda: _is_stored(file, embedder, set(rows))):
        say(f"{who} embeds {count_of(len(rows), 'image')}, once")
        embed_to_file(embedder, [Crop(path) for path in rows], file)
    made = Embeddings.load(file)
    assert made.images is not None
    vectors = np.full((len(rows), embedder.dimensions), np.nan, np.float32)
    vectors[[rows[path] for path in made.images.tolist()]] = made.vectors
    return vectors[[rows[path] for path in paths]]


def remove_vectors(out: Path) -> None:
    """Delete the vectors of a finished run."""
    shutil.rmtree(out / _FOLDER, ignore_errors=True)


def _is_stored(file: Path, embedder: Embedder, paths: Set[str]) -> bool:
    """Whether the file is of this model and these images."""
    if not file.exists():
        return False
    try:
        made = Embeddings.load(file)
    except ValueError:
        return False
    made_by = made.model, made.pooling
    if made.images is None:
        return False
    return made_by == (embedder.fingerprint, embedder.pooling) and paths >= {*made.images.tolist()}
