"""Several data sets trained on together, each tested apart."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from passerby.tables.records import JUNK, Record, Split


def join_splits(splits: Sequence[Split], *, labelled: bool = True) -> Split:
    """One split that trains on the train parts of all; one alone is returned as it is.

    labelled: persons alone, as training needs them; without it also `images_in_train`.

    Persons and cameras are told apart by their sources, so the names must differ: a root is given
    one with ``NAME:[KIND=]ROOT`` (`read_split`) or `Split.of_source`. Junk and distractors, which
    stand for other numbers in other sets, are left out of the joint train part. The test parts
    stay with the splits in ``joined``: a gallery over several sets would tell the sets apart, not
    the persons. Raises ValueError for no split and for equal names.
    """
    if not splits:
        raise ValueError("there is no data set to train on: name one, as in --data ROOT")
    if len(splits) == 1:
        return splits[0]
    apart = tuple(part for split in splits for part in split.joined or (split,))
    require_distinct_names(apart)
    wanted = persons_in_train if labelled else images_in_train
    return Split(
        "+".join(split.source for split in apart),
        train=tuple(record for split in apart for record in wanted(split)),
        notes=tuple(f"{split.source}: {note}" for split in apart for note in split.notes),
        ignored=tuple(path for split in apart for path in split.ignored),
        joined=apart,
    )


def persons_in_train(split: Split) -> tuple[Record, ...]:
    """The train part without junk and distractors, which are no persons.

    Raises ValueError when nothing is left to train on.
    """
    records = _persons(split)
    if not records:
        unknown = "nobody is known" if split.train else "there is nothing to train on"
        raise ValueError(f"{split.source} has no train part with persons: {unknown}")
    return records


def images_in_train(split: Split) -> tuple[Record, ...]:
    """What can be learnt from without labels: the train part's persons, and all of a set in which
    nobody is known.

    Raises ValueError when nothing is left to train on.
    """
    parts = split.joined or (split,)
    records = tuple(record for part in parts for record in _persons(part) or part.train)
    if not records:
        raise ValueError(f"{split.source} has no train part: there is nothing to train on")
    return records


def _persons(split: Split) -> tuple[Record, ...]:
    nobody = {JUNK, split.distractor}
    return tuple(record for record in split.train if record.person not in nobody)


def require_distinct_names(splits: Sequence[Split]) -> None:
    """ValueError when two splits have one name, also as files have it, with advice."""
    counts = Counter(file_name(split.source).casefold() for split in splits)
    for split in splits:
        if counts[file_name(split.source).casefold()] > 1:
            raise ValueError(
                f"two data sets are named {split.source!r}, and their persons could not be told "
                f"apart: name them, as in --data first:ROOT --data second:ROOT (from Python: "
                "read_split('first:ROOT'))"
            )


def file_name(source: str) -> str:
    """A source's name as a part of a file's name."""
    return re.sub(r"[^\w.-]", "_", source)
