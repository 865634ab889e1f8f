"""The calibrations that a gallery carries: of single images, and of queries of several, pooled."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Literal

from passerby.assessment.calibrate import calibrate_model, calibration_file, calibration_records
from passerby.embedding.embedder import Embedder
from passerby.evaluation.decisions.calibration import Calibration
from passerby.evaluation.decisions.calibration_files import calibration_from, read_calibrations
from passerby.stores import Store
from passerby.stores.about import About
from passerby.tables.records import Split

Kind = Literal["single", "pooled"]

_LAST: deque[tuple[Mapping[str, object], Calibration]] = deque(maxlen=8)  # with their entries


def calibration_of(about: About, kind: Kind) -> Calibration | None:
    """The calibration of one kind, None where the gallery has none.

    Raises ValueError for one that is damaged or of another model, distance or pooling.
    """
    entry = about.calibrations.get(kind)
    if entry is None:
        return None
    try:
        calibration = _read(entry)
    except ValueError as error:
        raise ValueError(
            f"the {kind} calibration of the gallery is damaged ({error}): store it again with "
            "passerby gallery calibrate"
        ) from None
    if _kind(about.model, about.pooling, calibration) != kind:
        raise ValueError(
            f"the {kind} calibration of the gallery is of {', '.join(calibration.key)} (model, "
            f"distance, pooling) and not of {about.model}, cosine, {about.pooling}: store it again "
            "with passerby gallery calibrate"
        )
    return calibration


def _read(entry: Mapping[str, object]) -> Calibration:
    """The calibration of an entry, read once: that takes as long as a search."""
    for known, calibration in _LAST:
        if known is entry:  # an About and what it holds are never changed, only replaced
            return calibration
    calibration = calibration_from(entry)
    _LAST.append((entry, calibration))
    return calibration


def fitting(
    model: str, pooling: str, calibrations: Iterable[Calibration]
) -> dict[str, Mapping[str, object]]:
    """By kind, as a gallery stores them, those that are of the cosine of a model and pooling.

    Of several of one kind the last counts.
    """
    kinds = [(_kind(model, pooling, one), one) for one in calibrations]
    return {kind: asdict(one) for kind, one in kinds if kind is not None}


def store_calibrations(store: Store, path: str | os.PathLike[str] | None = None) -> tuple[str, ...]:
    """Store the calibrations of a file that fit the gallery with it; returns their kinds.

    path: a file of `passerby calibrate`, by default the one beside the gallery's model. Raises
    ValueError where there is none, or none that fits.
    """
    about = store.about
    if path is None and not about.place:
        raise ValueError("the gallery does not say where its model is: name the calibration file")
    file = Path(path) if path is not None else calibration_file(about.place)
    if not file.is_file():
        raise ValueError(f"there is no file {file}: run passerby calibrate on the gallery's model")
    given = read_calibrations(file)
    found = fitting(about.model, about.pooling, given)
    if not found:
        others = "; ".join(", ".join(one.key) for one in given) or "nothing"
        raise ValueError(
            f"{file} has no calibration for {about.model}, cosine, {about.pooling} (model, "
            f"distance, pooling), but for {others}: run passerby calibrate on the gallery's model"
        )
    store.set_about(replace(about, calibrations={**about.calibrations, **found}))
    return tuple(sorted(found))


def calibrate_gallery(store: Store, embedder: Embedder, split: Split, images: int = 1) -> str:
    """Calibrate the gallery's model on the persons of its own site, for this gallery alone.

    embedder: the gallery's; split: labelled crops of the site; images: of a query, pooled. Returns
    the calibration in words; the model's own files stay as they are. Raises ValueError as
    `calibrate_model`, and before anything is embedded where the persons are too few.
    """
    records = calibration_records(split, embedder.card, "held-out").records
    persons = {record.person for record in records}
    if len(persons) < 4:
        raise ValueError(
            "a calibration needs at least two persons to fit on and two others to judge with, got "
            f"{len(persons)}"
        )
    calibration = calibrate_model(embedder, split, images=images)
    found = fitting(store.about.model, store.about.pooling, [calibration])
    store.set_about(replace(store.about, calibrations={**store.about.calibrations, **found}))
    return str(calibration)


def _kind(model: str, pooling: str, calibration: Calibration) -> Kind | None:
    if calibration.key[:2] != (model, "cosine"):
        return None
    if calibration.pooling == pooling:
        return "single"
    return "pooled" if calibration.pooling.startswith(f"{pooling}+mean of ") else None
