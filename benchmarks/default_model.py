"""Make the model that comes with Passerby from nothing: persons, training, packing, calibration.

    python benchmarks/default_model.py OUT [--workers N] [--install]

OUT/varied, OUT/rendered and OUT/street are the synthetic sets, OUT/runs the three rounds of
training, OUT/first, OUT/second and OUT/default what is packed after them (half precision), OUT/site
the persons the last is calibrated on: others, all seen by the cameras of one site, since strangers
are compared within a site, too. Called again after an interruption it goes on where it stopped.
--install copies the packed model into the package. Needs the extra "passerby[imagenet]" for the
ImageNet weights it starts from and the assets of rendered persons (docs/synthetic.md); the packed
model needs neither. Prints the size, and images per second of one core.
"""

from __future__ import annotations

import argparse
import shutil
import time
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from passerby.assessment.calibrate import calibrate_model, file_to_write
from passerby.data.reading.joining import join_splits
from passerby.data.reading.reader import read_split
from passerby.embedding.embedder import load
from passerby.embedding.familiarity import (
    contentless_images,
    learn_familiarity,
    write_familiarity,
)
from passerby.evaluation.decisions.calibration_files import write_calibration
from passerby.models.checkpoint import Card, load_model, save_model
from passerby.models.packaged import DEFAULT, model_folder
from passerby.recipes.street_lite0 import street_lite0
from passerby.synthesis.writing import write
from passerby.tables.records import Split
from passerby.training.loop import train

# The sets that train it; test persons only measure.
PERSONS = {"seed": 22, "train_persons": 1500, "test_persons": 120, "cameras": 4, "sites": 60}
RENDERED = {"seed": 51, "train_persons": 6000, "test_persons": 0, "cameras": 4, "sites": 240}
STREET = {"seed": 52, "train_persons": 2000, "test_persons": 0, "cameras": 4, "sites": 80}
# The one that calibrates it.
SITE = {"seed": 23, "train_persons": 0, "test_persons": 500, "cameras": 6, "sites": 1}
SOURCE = "street"  # the data set's name in the model's card


@dataclass(frozen=True)
class Round:
    """A run of training: the sets that it learns from, and what of the recipe is its own."""

    sets: tuple[str, ...]
    epochs: int
    mix_style: float


# Each begins with what the one before has packed, at the full rate again.
ROUNDS = {
    "first": Round(("varied",), 10, 0.0),
    "second": Round(("varied",), 24, 0.0),
    DEFAULT: Round(("rendered", "street"), 8, 0.5),
}
SETS = {"varied": PERSONS, "rendered": RENDERED, "street": STREET}
WARNING = (
    "learnt from synthetic persons: on real ones a stated false-match rate of 0.001 came out as "
    "0.0032 (page: The packaged model); calibrate a copy of the model on persons of your own"
)  # measured by unseen_cameras.py on the model in the package: to be measured again with another


def learn_persons(model: Path, split: Split, images: int = 3000) -> None:
    """Put beside a model how the vectors of some of its training persons lie."""
    rows = np.random.default_rng(0).permutation(len(split.train))[:images].tolist()
    embedder = load(model)
    persons = embedder.embed([split.train[row] for row in rows]).embeddings.vectors
    contentless = np.asarray(embedder(contentless_images()))
    write_familiarity(model, learn_familiarity(persons, contentless))


def drawn(out: Path, style: str, workers: int) -> Split:
    """The set of a style, drawn if it is not there yet."""
    if not (out / style).exists():
        write(out / style, **SETS[style], images=2, style=style, workers=workers)
    return read_split(f"{style}:synthetic={out / style}")


def renamed_start(card: Card) -> Card:
    """The card with the model it began with as the packaged one, which it was in its time.

    A folder of the machine that trained it would help nobody; the fingerprint says which it was.
    """
    begun = card.data.get("started_from")
    if not begun:
        return card
    network = replace(card.recipe.network, start=DEFAULT)
    data = {**card.data, "started_from": {**begun, "model": DEFAULT}}
    return replace(card, recipe=replace(card.recipe, network=network), data=data)


def make(out: Path, workers: int) -> Path:
    """Draw, train, pack and calibrate into a folder; returns the packed model's."""
    start = "imagenet"
    for name, this in ROUNDS.items():
        run, packed = out / "runs" / name, out / name
        split = join_splits([drawn(out, style, workers) for style in this.sets])
        if not packed.exists():
            begun = (run / "metrics.jsonl").exists()
            recipe = street_lite0(this.epochs, start, this.mix_style)
            train(recipe, split, run, seed=0, resume=begun, workers=1, cache="3GB")
            model, card = load_model(run)
            save_model(packed, model, renamed_start(card), half=True)
        start = str(packed)
    finish(out, packed, split, workers)
    return packed


def finish(out: Path, packed: Path, learnt: Split, workers: int) -> None:
    """Write beside a packed model what is learnt with it: familiarity and calibration."""
    learn_persons(packed, learnt)
    if not (out / "site").exists():
        write(
            out / "site", **SITE, images=2, style="rendered", distractors=0, junk=0, workers=workers
        )
    site = read_split(f"{SOURCE}_site:synthetic={out / 'site'}")
    for flip in (False, True):
        calibration = calibrate_model(load(packed, flip=flip), site, part="test")
        # That the sets might share persons is no doubt here: their seeds differ.
        known = tuple(doubt for doubt in calibration.warnings if SOURCE not in doubt)
        warned = replace(calibration, warnings=(*known, WARNING))
        write_calibration(file_to_write(packed), warned)


def speed(model: Path, images: int = 256) -> float:
    """Images per second of one core, from arrays of 160×80 pixels to embeddings."""
    torch.set_num_threads(1)
    embedder = load(model)
    pixels = np.random.default_rng(0).integers(0, 256, (images, 160, 80, 3), np.uint8)
    embedder(list(pixels[:64]))
    start = time.process_time()
    embedder(list(pixels))
    return images / (time.process_time() - start)


def main() -> None:
    """Make the model and say what came of it."""
    parser = argparse.ArgumentParser()
    parser.add_argument("out", type=Path)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--install", action="store_true")
    parser.add_argument("--speed", action="store_true", help="only time the installed model")
    arguments = parser.parse_args()
    if arguments.speed:
        print(f"{speed(model_folder(DEFAULT)):.0f} images per second of one core")
        return
    packed = make(arguments.out, arguments.workers)
    size = sum(file.stat().st_size for file in packed.iterdir())
    print(f"{packed}: {size / 1e6:.2f} MB, {speed(packed):.0f} images per second of one core")
    if arguments.install:
        shutil.rmtree(model_folder(DEFAULT))
        shutil.copytree(packed, model_folder(DEFAULT))


if __name__ == "__main__":
    main()
