"""Two halves of the training persons: one trains weights, by the other cells are chosen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from passerby.tables.records import Record
from passerby.training.input.persons import TrainPersons


@dataclass(frozen=True, eq=False)
class Half:
    """records; labels [N]: the class of each, 0…persons − 1."""

    records: Sequence[Record]
    labels: Sequence[int]
    persons: int


def halves(persons: TrainPersons, seed: int) -> tuple[Half, Half]:
    """The persons in two halves by seed, each with its share of each source.

    Raises:
        ValueError: for fewer than four persons.
    """
    if len(persons.classes) < 4:
        raise ValueError(
            "a search needs at least 4 training persons, 2 in each half, got "
            f"{len(persons.classes)}"
        )
    shuffled = np.random.default_rng([seed, 21]).permutation(len(persons.classes)).tolist()
    dealt = sorted(shuffled, key=lambda label: persons.classes[label][0])  # stable: by source
    return _half(persons, dealt[::2]), _half(persons, dealt[1::2])


def _half(persons: TrainPersons, labels: Sequence[int]) -> Half:
    numbers = {label: number for number, label in enumerate(sorted(labels))}
    rows = [row for row, label in enumerate(persons.labels) if label in numbers]
    return Half(
        [persons.train[row] for row in rows],
        [numbers[persons.labels[row]] for row in rows],
        len(numbers),
    )
