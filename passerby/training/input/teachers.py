"""Teachers: their vectors of the training images, and what a student's card says of them.

The vectors are made once, and kept in the run's folder until the run ends.
"""

from __future__ import annotations

import math
import os
import shutil
from collections.abc import Sequence, Set
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor

from passerby.embedding.embedder import Embedder
from passerby.embedding.saving import embed_to_file
from passerby.models.checkpoint import Card
from passerby.process.distributed import on_first_rank
from passerby.process.reporting import say
from passerby.tables.embeddings import Embeddings
from passerby.tables.records import Crop, Record
from passerby.tables.unit_length import unit

_FOLDER = "targets"


def make_targets(teachers: Sequence[Embedder], records: Sequence[Record], out: Path) -> Tensor:
    """Vectors [N, T] float32 of N records, those of all teachers side by side.

    Each teacher's have length 1 / √teachers, so that a cosine of the whole is the mean of the
    teachers' cosines. They are of the image as it is, whatever augmentation shows the student;
    a teacher that embeds with ``flip`` has the same vector for the mirror image. Rows of images
    that cannot be read are NaN: no batch holds them. They are kept in the run's folder, so that a
    resumed run goes on with the same; `remove_targets` deletes them.
    """
    (out / _FOLDER).mkdir(parents=True, exist_ok=True, mode=0o700)  # vectors of persons
    paths = [os.path.abspath(record.image) for record in records]
    rows = {path: row for row, path in enumerate(dict.fromkeys(paths))}
    targets = torch.full((len(rows), sum(t.dimensions for t in teachers)), math.nan)
    first = 0
    for number, teacher in enumerate(teachers, 1):
        made = _embedded(out / _FOLDER / f"{number}.npz", teacher, list(rows))
        assert made.images is not None
        places = torch.tensor([rows[path] for path in made.images.tolist()])
        vectors = unit(made.vectors, f"vectors of {teacher.name}") / math.sqrt(len(teachers))
        targets[places, first : first + teacher.dimensions] = torch.from_numpy(vectors)
        first += teacher.dimensions
    return targets[[rows[path] for path in paths]]


def remove_targets(out: Path) -> None:
    """Delete the teachers' vectors of a finished run."""
    shutil.rmtree(out / _FOLDER, ignore_errors=True)


def taught_by(teachers: Sequence[Embedder], card: Card) -> Card:
    """A student's card with its teachers, who have seen persons for it."""
    if not teachers:
        return card
    named = [{"name": one.name, "fingerprint": one.fingerprint} for one in teachers]
    seen = [person for one in teachers if one.card for person in one.card.training_persons]
    persons = tuple(dict.fromkeys((*card.training_persons, *seen)))
    return replace(card, training_persons=persons, data={**card.data, "teachers": named})


def _embedded(file: Path, teacher: Embedder, paths: Sequence[str]) -> Embeddings:
    """A teacher's vectors of images, those that a run which goes on has made before."""
    if not on_first_rank(lambda: _is_stored(file, teacher, set(paths))):
        say(f"the teacher {teacher.name} embeds {len(paths)} images, once")
        embed_to_file(teacher, [Crop(path) for path in paths], file)
    return Embeddings.load(file)


def _is_stored(file: Path, teacher: Embedder, paths: Set[str]) -> bool:
    """Whether the file is of this teacher and these images."""
    if not file.exists():
        return False
    try:
        made = Embeddings.load(file)
    except ValueError:
        return False
    made_by = made.model, made.pooling
    if made.images is None:
        return False
    return made_by == (teacher.fingerprint, teacher.pooling) and paths >= {*made.images.tolist()}
