"""Teachers: their vectors of the training images, and what a student's card says of them.

The vectors are made once, and kept in the run's folder until the run ends.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from passerby.embedding.embedder import Embedder
from passerby.models.checkpoint import Card
from passerby.tables.records import Record
from passerby.tables.unit_length import unit
from passerby.training.input.vectors_once import vectors_once


def make_targets(teachers: Sequence[Embedder], records: Sequence[Record], out: Path) -> Tensor:
    """Vectors [N, T] float32 of N records, those of all teachers side by side.

    Each teacher's have length 1 / √teachers, so that a cosine of the whole is the mean of the
    teachers' cosines. They are of the image as it is, whatever augmentation shows the student;
    a teacher that embeds with ``flip`` has the same vector for the mirror image. Rows of images
    that cannot be read are NaN: no batch holds them. They are kept in the run's folder, so that a
    resumed run goes on with the same; `remove_vectors` deletes them.
    """
    columns = []
    for number, teacher in enumerate(teachers, 1):
        made = vectors_once(out, str(number), teacher, records, f"the teacher {teacher.name}")
        readable = np.isfinite(made).all(axis=1)
        made[readable] = unit(made[readable], f"vectors of {teacher.name}")
        columns.append(made / np.float32(math.sqrt(len(teachers))))
    return torch.from_numpy(np.concatenate(columns, axis=1))


def taught_by(teachers: Sequence[Embedder], card: Card) -> Card:
    """A student's card with its teachers, who have seen persons for it."""
    if not teachers:
        return card
    named = [{"name": one.name, "fingerprint": one.fingerprint} for one in teachers]
    seen = [person for one in teachers if one.card for person in one.card.training_persons]
    persons = tuple(dict.fromkeys((*card.training_persons, *seen)))
    return replace(card, training_persons=persons, data={**card.data, "teachers": named})
