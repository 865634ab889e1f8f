"""From a model and a data set to a calibration: choose persons, embed them, fit, store it."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Literal

import numpy as np

from passerby.data.images import UnreadableImage, decode
from passerby.embedding.embedder import Embedder
from passerby.evaluation.bootstrap import FEWEST_PERSONS
from passerby.evaluation.decisions.calibration import Calibration
from passerby.evaluation.decisions.calibration_files import parse_calibrations, read_calibrations
from passerby.evaluation.decisions.calibration_fitting import calibrate
from passerby.evaluation.decisions.conditions import conditions_of
from passerby.evaluation.decisions.judged.calibrating import Subject
from passerby.evaluation.decisions.judged.camera_pairs import between_cameras, drawn_pairs
from passerby.evaluation.decisions.likelihood import Curve
from passerby.evaluation.ranking.distances import Metric
from passerby.models.checkpoint import Card
from passerby.models.packaged import is_packaged, model_folder, packaged_folders
from passerby.tables.embeddings import Embeddings
from passerby.tables.records import JUNK, Record, Split

Part = Literal["held-out", "train", "validation", "test"]

_MEASURED = 500  # images whose heights tell those of all
_MOST_IMAGES = 12_000  # 72 million pairs; more would cost minutes and change little


@dataclass(frozen=True)
class Seen:
    """How vectors are seen that are not compared as they are. mapped: them, after it; pooling: the
    name of what comes out."""

    mapped: Callable[[Embeddings], Embeddings]
    pooling: str


@dataclass(frozen=True)
class CalibrationRecords:
    """The images to calibrate on, and what to know of their choice."""

    records: tuple[Record, ...]
    warnings: tuple[str, ...]


def calibrate_model(
    embedder: Embedder,
    split: Split,
    *,
    part: Part = "held-out",
    metric: Metric = "cosine",
    false_match_rate: float = 1e-3,
    replicates: int = 200,
    images: int = 1,
    seed: int = 0,
    prior: Curve | None = None,
    by_cameras: bool = False,
    seen: Seen | None = None,
) -> Calibration:
    """Calibrate a model on persons that it was not trained on; errors as `calibration_records`.

    images: of a query, pooled (see `calibrate`); false_match_rate: the rate that decisions will be
    asked at; a warning says when the data are too few for it; by_cameras: two cameras get one of
    their own where they differ from the others; seen: how a gallery sees vectors of the model, None
    for as they are.
    """
    chosen = calibration_records(split, embedder.card, part)
    records, warnings = _within_limit(chosen.records, seed)
    embedded = embedder.embed(records)
    if embedded.set_aside:
        warnings += (f"{len(embedded.set_aside)} images cannot be read and were set aside",)
    known, pooling = embedded.embeddings, embedder.pooling
    if seen is not None:
        known, pooling = seen.mapped(known), seen.pooling
    calibration = calibrate(
        known,
        metric,
        pooling=pooling,
        false_match_rate=false_match_rate,
        replicates=replicates,
        images=images,
        seed=seed,
        prior=prior or (_prior_of(embedder, metric) if seen is None else None),
    )
    if by_cameras and images == 1 and calibration.pairs == "across cameras":
        judged = drawn_pairs(known, seed)
        calibration = replace(
            calibration, between=between_cameras(judged, calibration, _part_of(calibration), seed)
        )
    return replace(
        calibration,
        warnings=(*chosen.warnings, *warnings, *calibration.warnings),
        conditions=conditions_of(known, _heights(records, seed)),
    )


def _part_of(calibration: Calibration) -> Subject:
    """What a calibration of some of its cameras is of."""
    return Subject(
        calibration.model, calibration.pooling, calibration.pairs, calibration,
        calibration.sources, calibration.quality.fitting.persons, part=True,
    )  # fmt: skip


def calibration_records(split: Split, card: Card | None, part: Part) -> CalibrationRecords:
    """Images of persons that the model has not seen, junk and distractors left out.

    held-out: persons of train and validation that are not in the card's training list; the test
    part where there are fewer than thirty, or where there is no such list. train, validation, test:
    that part whole. Raises ValueError when the part is empty or a person of it trained the model.
    """
    trained = frozenset(card.training_persons) if card is not None else frozenset()
    warnings: list[str] = []
    if part == "held-out":
        known = _persons(split.train + split.validation, split)
        unseen = tuple(r for r in known if r.person_name not in trained)
        enough = len({r.person_name for r in unseen}) >= FEWEST_PERSONS or not split.query
        if trained and unseen and enough:
            return CalibrationRecords(unseen, tuple(_doubts(split, trained)))
        part = "test"
        why = "fewer than 30 persons were held out of training" if trained else "no training list"
        warnings.append(
            f"{why}: calibrated on the test part, so its persons no longer test decisions"
        )
    parts = {
        "train": split.train,
        "validation": split.validation,
        "test": split.query + split.gallery,
    }
    records = _persons(parts[part], split)
    if not records:
        raise ValueError(f"{split.source} has no images in its {part} part to calibrate on")
    # Where the set numbers its train and test persons apart, equal numbers are other persons.
    if not (part == "test" and split.separate_namespaces):
        _require_untrained(records, trained)
    return CalibrationRecords(records, (*warnings, *_doubts(split, trained)))


def calibration_file(model: str | os.PathLike[str]) -> Path:
    """Where the calibrations of a MODEL are kept: in its folder, or beside an exported file."""
    path = model_folder(model)
    return path / "calibration.json" if path.is_dir() else path.with_suffix(".calibration.json")


def file_to_write(model: str | os.PathLike[str], out: str | os.PathLike[str] | None = None) -> Path:
    """The file that a new calibration of a MODEL goes to: ``out``, or the one beside the model.

    Raises ValueError for the packaged model, whose files belong to the installation, and for a
    folder that does not exist: before the work, not after it.
    """
    file = calibration_file(model) if out is None else Path(out)
    if is_packaged(file):
        raise ValueError(
            "the packaged model keeps the calibration it came with: name a file of your own "
            "(--out FILE), for compare --calibration FILE and gallery calibrate --calibration FILE"
        )
    if out is not None and (file.is_dir() or not file.parent.is_dir()):
        raise ValueError(f"expected the name of a file in a folder that exists, got {file}")
    return file


def is_of_other_sites(calibration: Calibration) -> bool:
    """Whether this is what came with a packaged model, fitted on other sites than the user's."""
    return calibration in _packaged()


@cache
def _packaged() -> tuple[Calibration, ...]:
    """What came with the packaged models, with what it holds of pairs by one camera."""
    files = [calibration_file(folder) for folder in packaged_folders()]
    kept = tuple(one for file in files if file.exists() for one in read_calibrations(file))
    return kept + tuple(one.within for one in kept if one.within is not None)


def _prior_of(embedder: Embedder, metric: Metric) -> Curve | None:
    """The curve that came with a packaged model, where this is it."""
    key = (embedder.fingerprint, metric, embedder.pooling)
    return next((one.curve for one in _packaged() if one.key == key), None)


def find_calibration(
    path: str | os.PathLike[str], embedder: Embedder, metric: Metric = "cosine"
) -> Calibration | None:
    """The calibration of this model, distance and pooling in a file; None where there is none.

    Without the file it is looked for inside the model's own, as an exported one carries it.

    Raises ValueError for a damaged file, and when the file holds only calibrations of something
    else, saying of what.
    """
    inside = not Path(path).exists()
    if inside and not embedder.calibration:
        return None
    wanted = (embedder.fingerprint, metric, embedder.pooling)
    kept = read_inside(embedder) if inside else read_calibrations(path)
    path = embedder.place if inside else path
    for calibration in kept:
        if calibration.key == wanted:
            return calibration
    others = "; ".join(", ".join(calibration.key) for calibration in kept) or "nothing"
    raise ValueError(
        f"{path} holds no calibration for {', '.join(wanted)} (model, distance, pooling), but for "
        f"{others}: run passerby calibrate with the same options, or change them"
    )


def _heights(records: Sequence[Record], seed: int) -> list[int]:
    """Pixels from top to bottom of some of the images, of those that can be read."""
    drawn = np.random.default_rng([seed, 9]).permutation(len(records))[:_MEASURED].tolist()
    heights = []
    for row in drawn:
        with suppress(UnreadableImage):
            heights.append(decode(records[row].image).shape[0])
    return heights


def read_inside(embedder: Embedder) -> tuple[Calibration, ...]:
    """The calibrations that an exported model carries in its file, none where it has none."""
    if not embedder.calibration:
        return ()
    return parse_calibrations(embedder.calibration, embedder.place)


def _persons(records: Sequence[Record], split: Split) -> tuple[Record, ...]:
    """Each image once, without junk and distractors, who are no persons."""
    nobody = {JUNK, split.distractor}
    return tuple({r.image: r for r in records if r.person not in nobody}.values())


def _require_untrained(records: Sequence[Record], trained: frozenset[str]) -> None:
    seen = sorted({record.person_name for record in records} & trained)
    if seen:
        raise ValueError(
            f"{len(seen)} of these persons trained the model ({', '.join(seen[:3])}, ...): their "
            "distances are too good to calibrate on. Choose --part held-out or --part test, or "
            "other data"
        )


def _doubts(split: Split, trained: frozenset[str]) -> list[str]:
    sources = {name.rpartition("/")[0] for name in trained}
    if not trained:
        return ["the model does not say whom it was trained on: make sure it was not these persons"]
    if split.source not in sources:
        return [
            f"the model was trained on {', '.join(sorted(sources))}; whether any of its persons is "
            f"in {split.source} cannot be known from their numbers"
        ]
    return []


def _within_limit(
    records: tuple[Record, ...], seed: int
) -> tuple[tuple[Record, ...], tuple[str, ...]]:
    """Whole persons, drawn by seed, up to the limit of images."""
    if len(records) <= _MOST_IMAGES:
        return records, ()
    names = sorted({record.person_name for record in records})
    order = np.random.default_rng([seed, 7]).permutation(len(names)).tolist()
    place = {names[row]: number for number, row in enumerate(order)}
    ranked = sorted(records, key=lambda record: place[record.person_name])[:_MOST_IMAGES]
    kept = {record.person_name for record in ranked[:-1]}
    chosen = tuple(record for record in records if record.person_name in kept)
    return chosen, (f"{len(kept)} of {len(names)} persons drawn by seed, to bound the pairs",)
