"""Who is trained on, and who is held out to choose the epoch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from passerby.config import Recipe
from passerby.data.holdout import HoldOut, hold_out
from passerby.data.reading.joining import images_in_train, persons_in_train
from passerby.tables.records import JUNK, Record, Split


@dataclass(frozen=True, eq=False)
class TrainPersons:
    """train: records; labels [N]: the class of each; classes: the (source, person) of each class.

    Images of nobody known, which only distillation takes, stand last; each has a class of its own,
    beyond ``classes``.
    """

    train: Sequence[Record]
    labels: Sequence[int]
    classes: Sequence[tuple[str, int]]
    held: HoldOut


def train_persons(recipe: Recipe, split: Split, seed: int, *, labelled: bool) -> TrainPersons:
    """The persons of the train part, less those held out to choose the epoch.

    labelled: images of nobody known are no use. Raises ValueError when there is nothing to train
    on, and when too few are left to be held out.
    """
    records = persons_in_train(split) if labelled else images_in_train(split)
    unknown = tuple(record for record in records if record.person == JUNK)
    known = tuple(record for record in records if record.person != JUNK)
    held = hold_out(known, recipe.validation_persons, seed)
    classes = sorted({record.person_key for record in held.train})
    numbers = {person: number for number, person in enumerate(classes)}
    labels = [numbers[record.person_key] for record in held.train]
    own = range(len(classes), len(classes) + len(unknown))
    return TrainPersons((*held.train, *unknown), [*labels, *own], classes, held)
