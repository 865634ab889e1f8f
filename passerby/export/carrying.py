"""What goes along with an exported file: the model's card, and what holds of its vectors.

In 32 bits vectors are the checkpoint's, and all that is known of them stays true. In 8 bits they
are others: a calibration is fitted anew where labelled data are named, else left behind; how a
person varies and what is familiar are carried over where the crops that it was quantised on show
that they still hold.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from dataclasses import replace
from fnmatch import fnmatch
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from passerby.adaptation.back_end import WITHIN_CLASS, BackEnd
from passerby.assessment.calibrate import calibrate_model
from passerby.embedding.embedder import Embedder, load
from passerby.embedding.familiarity import FILE as FAMILIARITY
from passerby.embedding.familiarity import contentless_images, familiarity_beside
from passerby.evaluation.decisions.calibration_files import read_calibrations, write_calibration
from passerby.process.reporting import say
from passerby.process.whole_files import write_whole
from passerby.sharing.model_card import FILE as CARD
from passerby.sharing.model_card import write_model_card, written_by_hand
from passerby.tables.records import Split
from passerby.tables.unit_length import unit

CALIBRATION = "calibration.json"

_OF_THE_MODEL = (CARD, "config.json", "statements.json", "report*.json")
_OF_ITS_VECTORS = (CALIBRATION, WITHIN_CLASS, FAMILIARITY)

_MOST_NOISE = 0.1  # of the variance within a person: what 8 bits may add to it
_MORE_STRANGE = 0.01  # of the crops, that 8 bits may make look like no persons
_LESS_FOUND = 0.02  # of the images without content, that they may let through


def carried(names: Iterable[str]) -> set[str]:
    """Which of the files in a folder are of those that an export writes beside the graph."""
    patterns = _OF_THE_MODEL + _OF_ITS_VECTORS
    return {name for name in names if any(fnmatch(name, pattern) for pattern in patterns)}


def carry_model(place: Path, part: Path, what: str) -> None:
    """Put card, statements and reports of a checkpoint beside its export; what: "ONNX, int8"."""
    _copy(place, part, _OF_THE_MODEL[1:])
    if written_by_hand(place / CARD):
        shutil.copyfile(place / CARD, part / CARD)
    else:
        write_model_card(part, exported=what)


def carry_vectors(place: Path, part: Path) -> None:
    """Put all that holds of a checkpoint's vectors beside its export in 32 bits."""
    _copy(place, part, _OF_ITS_VECTORS)


def refit_calibrations(place: Path, part: Path, split: Split | None) -> tuple[str, ...]:
    """Fit on labelled data what the checkpoint's calibrations are of; what was done, in words."""
    if not (place / CALIBRATION).is_file():
        return ()
    left = f"not carried over: {CALIBRATION}, as 8 bits make other distances; "
    if split is None:
        return (f"{left}with --data ROOT it is fitted anew, or by passerby calibrate OUT --data",)
    say("calibrating the 8-bit model")
    try:
        for old in read_calibrations(place / CALIBRATION):
            ways = old.pooling.split("+")
            embedder = load(part, flip="flip" in ways, before_neck="before_neck" in ways)
            made = calibrate_model(embedder, split, metric=old.metric)
            write_calibration(part / CALIBRATION, made)
    except ValueError as error:
        (part / CALIBRATION).unlink(missing_ok=True)
        return (f"{left}fitting it on {split.source} failed: {error}",)
    return (f"{CALIBRATION} was fitted anew on {split.source}",)


def carry_if_true(place: Path, part: Path, images: Tensor) -> tuple[str, ...]:
    """Carry over what still holds of 8-bit vectors; what was found, in words.

    images: uint8 [N, 3, H, W], crops of persons.
    """
    if not any((place / name).is_file() for name in (WITHIN_CLASS, FAMILIARITY)):
        return ()
    before, after = load(place), load(part)
    pair = [unit(one.of_inputs(list(images)).embeddings) for one in (before, after)]
    return (*_carry_within(before, after, part, *pair), *_carry_familiarity(before, after, *pair))


def _carry_within(
    before: Embedder,
    after: Embedder,
    part: Path,
    plain: NDArray[np.float32],
    small: NDArray[np.float32],
) -> tuple[str, ...]:
    file = Path(before.place) / WITHIN_CLASS
    known = BackEnd.from_bytes(file.read_bytes()) if file.is_file() else None
    if known is None or known.within is None or known.model != before.fingerprint:
        return ()
    noise = float(np.trace(np.cov((small - plain).T, bias=True)))
    share = noise / float(np.trace(known.within.covariance))
    found = f"8 bits add {share:.1%} to the variance within a person"
    if share > _MOST_NOISE:
        return (f"not carried over: {WITHIN_CLASS}, as {found}; passerby adapt learns it anew",)
    made = replace(known, model=after.fingerprint, decided=(*known.decided, found))
    write_whole(part / WITHIN_CLASS, made.to_bytes())
    return (f"carried over: {WITHIN_CLASS}, as {found}",)


def _carry_familiarity(
    before: Embedder, after: Embedder, plain: NDArray[np.float32], small: NDArray[np.float32]
) -> tuple[str, ...]:
    learnt = familiarity_beside(before)
    if learnt is None:
        return ()
    blank = contentless_images()
    persons = [float(learnt.strange(vectors).mean()) for vectors in (plain, small)]
    empty = [float(learnt.strange(one(blank)).mean()) for one in (before, after)]
    found = (
        f"{persons[1]:.1%} of the crops ({persons[0]:.1%} in 32 bits) and {empty[1]:.1%} "
        f"({empty[0]:.1%}) of images without content are called strange"
    )
    if persons[1] > persons[0] + _MORE_STRANGE or empty[1] < empty[0] - _LESS_FOUND:
        return (f"not carried over: {FAMILIARITY}, as {found}",)
    shutil.copyfile(Path(before.place) / FAMILIARITY, Path(after.place) / FAMILIARITY)
    return (f"carried over: {FAMILIARITY}, as {found}",)


def _copy(place: Path, part: Path, patterns: Iterable[str]) -> None:
    for pattern in patterns:
        for file in sorted(place.glob(pattern)):
            shutil.copyfile(file, part / file.name)
