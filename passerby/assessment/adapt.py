"""How one person varies in a model's vectors, learnt of labelled crops, kept beside the model."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from passerby.adaptation.back_end import WITHIN_CLASS, BackEnd
from passerby.adaptation.within_class import within_class
from passerby.embedding.embedder import Embedder
from passerby.models.packaged import is_packaged, model_folder
from passerby.process.whole_files import write_whole
from passerby.tables.keys import numbered, person_numbers
from passerby.tables.records import JUNK, Split
from passerby.tables.unit_length import unit


def within_class_file(model: str | os.PathLike[str], out: str | os.PathLike[str] | None) -> Path:
    """Where the covariance of a model is written. Raises ValueError for the packaged model's."""
    file = model_folder(model) / WITHIN_CLASS if out is None else Path(out)
    if is_packaged(file):
        raise ValueError(
            "the packaged model stays as it came: copy its folder and learn of the copy, or name "
            "another file with --out"
        )
    return file


def learn_within_class(embedder: Embedder, split: Split, file: Path) -> BackEnd:
    """Write the within-class covariance of all known persons of a split; drawn ones will do.

    Raises ValueError where nobody has two images.
    """
    named = [
        (record, part == "train" and split.separate_namespaces)
        for part, records in split.parts.items()
        for record in records
        if record.person not in (JUNK, split.distractor)
    ]
    known = embedder.embed([record for record, _ in named]).embeddings
    apart = {record.image: other for record, other in named}  # of those that could be read
    images = [] if known.images is None else known.images.tolist()
    persons = numbered(person_numbers(known)[0], np.array([apart[image] for image in images]))
    within = within_class(unit(known.vectors), persons)
    decided = (
        f"how a person varies: of {len(known)} images of {len({*persons.tolist()})} persons of "
        f"{split.source}",
    )
    made = BackEnd(embedder.fingerprint, embedder.pooling, within, None, decided, len(known))
    write_whole(file, made.to_bytes())
    return made
