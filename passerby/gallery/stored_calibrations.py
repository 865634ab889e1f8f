"""The calibrations that a gallery carries: of single images, and of queries of several, pooled.

Its own say what its distances are worth. One that lay beside the model when the gallery was made
was learnt of whatever images that was: it counts where its cameras are the gallery's, else the
gallery is "uncalibrated here". The one that came with the packaged model never counts.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Literal

from passerby.assessment.calibrate import (
    Seen,
    calibrate_model,
    calibration_file,
    calibration_records,
    is_of_other_sites,
)
from passerby.embedding.embedder import Embedder
from passerby.evaluation.decisions.calibration import Calibration
from passerby.evaluation.decisions.calibration_files import calibration_from, read_calibrations
from passerby.evaluation.decisions.conditions import shortened
from passerby.stores import Store
from passerby.stores.about import About
from passerby.tables.records import Split

Kind = Literal["single", "pooled"]

UNCALIBRATED = "uncalibrated here"

_LAST: deque[tuple[Mapping[str, object], Calibration]] = deque(maxlen=8)  # with their entries


@dataclass(frozen=True)
class Judge:
    """What says in a gallery what a distance is worth. calibration: None where nothing does; notes:
    why not, or what to know of it."""

    calibration: Calibration | None
    notes: tuple[str, ...] = ()


def judge_of(about: About, images: int, cameras: Callable[[], Collection[str]]) -> Judge:
    """What judges the distances of queries of so many images, or why nothing does.

    cameras: gives those of the gallery, as "SOURCE/CAMERA". Raises ValueError as `calibration_of`.
    """
    kind: Kind = "single" if images == 1 else "pooled"
    own, brought = calibration_of(about, kind), calibration_of(about, kind, brought=True)
    if own is not None and not is_of_other_sites(own):
        return Judge(own, _doubts(own, images))
    if own is None and brought is not None and _covers(brought, cameras):
        return Judge(brought, _doubts(brought, images))
    foreign = own or brought
    if foreign is not None:
        return Judge(None, (_elsewhere(foreign),))
    if images == 1:
        return Judge(
            None,
            (
                f"{UNCALIBRATED}: distances alone do not say who it is (passerby gallery calibrate "
                "GALLERY --review, or --from DATA with labelled crops of this site)",
            ),
        )
    return Judge(
        None,
        (
            f"{UNCALIBRATED} for pooled queries: {images} images were pooled, whose distances are "
            f"other than those of one image (passerby gallery calibrate --from DATA --images "
            f"{images})",
        ),
    )


def _covers(calibration: Calibration, cameras: Callable[[], Collection[str]]) -> bool:
    if calibration.conditions is None or is_of_other_sites(calibration):
        return False
    return calibration.conditions.cover(cameras())


def _elsewhere(calibration: Calibration) -> str:
    """Why a calibration of other images is not applied."""
    if is_of_other_sites(calibration):
        return (
            f"{UNCALIBRATED}: the model's calibration is of other sites "
            f"({shortened(calibration.sources)}); for this one: passerby gallery calibrate GALLERY "
            "--review, or --from DATA with labelled crops of it"
        )
    known = calibration.conditions
    of = "images of which nothing is known" if known is None else str(known)
    return (
        f"{UNCALIBRATED}: the calibration beside the model is of {of}, and not of this gallery's "
        "cameras; if it holds for them, say so: passerby gallery calibrate GALLERY; else with "
        "labelled crops of them: --from DATA"
    )


def _doubts(calibration: Calibration, images: int) -> tuple[str, ...]:
    doubts = calibration.warnings
    most = calibration.pooling.rpartition(" to ")[2].partition(" ")[0]
    if images > 1 and most.isdigit() and images > int(most):
        doubts += (f"{images} images were pooled, and the calibration is of {most} at most",)
    return doubts


def calibration_of(about: About, kind: Kind, *, brought: bool = False) -> Calibration | None:
    """The gallery's own calibration of one kind, or what was brought with its model; None where
    there is none.

    Raises ValueError for one that is damaged or of another model, distance or pooling.
    """
    entry = (about.brought if brought else about.calibrations).get(kind)
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
    """Store the calibrations of a file that fit the gallery with it, as holding there; returns
    their kinds.

    path: a file of `passerby calibrate`, by default the one beside the gallery's model. Raises
    ValueError where there is none, none that fits, or the one that came with the packaged model.
    """
    about = store.about
    if path is None and not about.place:
        raise ValueError("the gallery does not say where its model is: name the calibration file")
    file = Path(path) if path is not None else calibration_file(about.place)
    if not file.is_file():
        raise ValueError(f"there is no file {file}: run passerby calibrate on the gallery's model")
    given = read_calibrations(file)
    found = fitting(about.model, about.pooling, given)
    if any(is_of_other_sites(one) for one in given):
        raise ValueError(
            f"{file} came with the packaged model and is of other sites, so that it says nothing "
            "here: passerby gallery calibrate GALLERY --from DATA, with labelled crops of this site"
        )
    if not found:
        others = "; ".join(", ".join(one.key) for one in given) or "nothing"
        raise ValueError(
            f"{file} has no calibration for {about.model}, cosine, {about.pooling} (model, "
            f"distance, pooling), but for {others}: run passerby calibrate on the gallery's model"
        )
    keep_calibrations(store, found)
    return tuple(sorted(found))


def keep_calibrations(store: Store, found: Mapping[str, Mapping[str, object]]) -> None:
    """Store calibrations, by kind, with a gallery, in place of its earlier ones of these kinds."""
    store.change_about(lambda about: replace(about, calibrations={**about.calibrations, **found}))


def calibrate_gallery(
    store: Store, embedder: Embedder, split: Split, images: int = 1, seen: Seen | None = None
) -> str:
    """Calibrate the gallery's model on the persons of its own site, for this gallery alone.

    embedder: the gallery's; split: labelled crops of the site; images: of a query, pooled; seen:
    how the gallery sees vectors, where it was adapted. Returns
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
    brought = calibration_of(store.about, "single", brought=True)
    prior = None if brought is None else brought.curve
    calibration = calibrate_model(
        embedder, split, images=images, prior=prior, by_cameras=True, seen=seen
    )
    found = fitting(store.about.model, store.about.pooling, [calibration])
    keep_calibrations(store, found)
    return str(calibration)


def _kind(model: str, pooling: str, calibration: Calibration) -> Kind | None:
    if calibration.key[:2] != (model, "cosine"):
        return None
    if calibration.pooling == pooling:
        return "single"
    return "pooled" if calibration.pooling.startswith(f"{pooling}+mean of ") else None
