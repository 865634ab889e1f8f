"""train(): the whole story of a run, from records to a tested model. Read it top to bottom."""

from __future__ import annotations

import math
import os
import platform
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import torch
from rich.console import Console

from passerby import distributed
from passerby.config import Recipe, Sampling
from passerby.data.batch import Batch
from passerby.data.holdout import HoldOut, hold_out
from passerby.data.records import JUNK, Record, Split
from passerby.data.sampling import PersonBatches
from passerby.embedding.embedder import Embedder, load
from passerby.embedding.scoring import Scoring, score_model
from passerby.evaluation.report import Report
from passerby.models.checkpoint import Card, read_card, save_model
from passerby.models.model import build_model
from passerby.registry import AUGMENTATIONS
from passerby.training.collapse import CollapseWatch
from passerby.training.curves import Curves
from passerby.training.determinism import seed_step, strict
from passerby.training.keeping import MINUTES, Keeper
from passerby.training.learner import Learner, NonFiniteLoss
from passerby.training.loader import Loader, TrainingImages
from passerby.training.logbook import Logbook
from passerby.training.resuming import is_finished, stored_state
from passerby.training.state import State, remove_state
from passerby.version import __version__
from passerby.whole_files import write_whole


@dataclass(frozen=True)
class Run:
    """A finished run: its folder, the model's card, the test report if there were test parts."""

    out: Path
    card: Card
    report: Report | None


def train(
    recipe: Recipe,
    split: Split,
    out: str | os.PathLike[str],
    *,
    seed: int = 0,
    resume: bool = False,
    device: str | None = None,
    workers: int | None = None,
    tensorboard: bool = False,
    save_minutes: float = MINUTES,
    deterministic: bool = False,
    console: Console | None = None,
) -> Run:
    """Train a recipe on a split's train part and score its test parts once, at the end.

    Writes into ``out``: the model (a folder that `passerby.load` opens), ``metrics.jsonl``, a
    state to resume from while it runs (after each epoch, and every ``save_minutes`` within one),
    ``report.json``, and curves if ``tensorboard`` is wanted. The result is the epoch that is best
    on the recipe's held-out persons, or the last one where it holds out none. The same seed gives
    the same weights on a CPU with the same number of threads, however often the run is
    interrupted; ``deterministic`` refuses, on a GPU, the operations that would not.

    Raises ValueError for a recipe or data that do not fit, for a folder that holds another run,
    for a full disk, and for a loss or gradient that is not finite (naming the term, the step and
    the images); Stopped (a KeyboardInterrupt), with the state saved, on Ctrl-C and SIGTERM.
    """
    out, console = Path(out), console or Console(quiet=distributed.rank() > 0)
    place, curves = distributed.place(device), Curves(out, tensorboard)
    begin = State(0, recipe.to_json(), seed, split.fingerprint, {}, -math.inf)
    stored = stored_state(out, begin, resume)
    if resume and stored is None and is_finished(out, begin):
        return distributed.on_first_rank(lambda: _test(out, recipe, split, place, console))

    # Who is trained on: the persons of the train part less those held out to choose the epoch.
    held = hold_out(_trainable(split), recipe.validation_persons, seed)
    unseen = Split(split.source, query=held.query, gallery=held.gallery)
    classes = sorted({(record.source, record.person) for record in held.train})
    numbers = {person: number for number, person in enumerate(classes)}
    labels = [numbers[record.source, record.person] for record in held.train]

    # How images arrive: P × K batches, decoded, resized, augmented, by seed and epoch alone.
    sampler = _batches(labels, recipe.sampling, seed)
    augmentations = [AUGMENTATIONS.build(call) for call in recipe.augmentations]
    images = TrainingImages(held.train, labels, recipe.input, augmentations, seed)
    loader = Loader(images, held.train, labels, _workers(workers, place), place.type == "cuda")

    # What is trained: the network, and losses that may have parameters of their own.
    torch.manual_seed(seed)
    network = recipe.network if stored is None else replace(recipe.network, start="none")
    with distributed.first_rank_first():
        model = build_model(network, persons=len(classes))
    learner = Learner(recipe, model, place)
    if stored is not None:
        learner.restore(stored.learner)
        begin = stored
    best_score, rate = begin.best_score, begin.rate

    card = _card(recipe, split, held, classes, seed)
    distributed.wait_for_all()  # all have looked into the folder before anything is written
    with (
        strict(deterministic),
        Logbook(out, recipe.epochs, begin.epoch, console, curves) as logbook,
        Keeper(out, begin, learner, logbook, save_minutes) as keeper,
        CollapseWatch(learner.model, recipe.losses, recipe.schedule) as watch,
    ):
        logbook.say(_opening(recipe, split, held, begin, place))
        for epoch in range(begin.epoch, recipe.epochs):
            torch.manual_seed(seed + epoch)  # layers that a phase begins: as uninterrupted
            stage = learner.begin(epoch)
            batches = sampler.epoch(epoch)
            first = begin.batch if epoch == begin.epoch else 0
            for number, batch in enumerate(loader.epoch(epoch, batches, first), first):
                done = epoch + number / len(batches)
                seed_step(seed, epoch, number)
                losses = _step(
                    learner,
                    batch,
                    rate := stage.rate(done),
                    held.train,
                    (epoch, number, len(batches)),
                )
                logbook.step(done, losses, batch)
                logbook.warn(watch.step(done, losses))
                keeper.step(epoch, number + 1, rate, best_score)
            learner.close(epoch, loader.epoch(epoch, batches))

            # Which epoch is the result: the best on the held-out persons, else the last one.
            last = epoch + 1 == recipe.epochs
            scores: dict[str, float] = {}
            if held.query and (last or (epoch + 1) % recipe.validate_every == 0):
                scores = distributed.on_first_rank(lambda: _scores(learner, recipe, unseen))
            better = scores and scores["mean_average_precision"] > best_score
            if better or (last and not held.query):
                best_score = scores.get("mean_average_precision", best_score)
                chosen = replace(card, epoch=epoch + 1, scores=scores)
                distributed.on_first_rank(partial(save_model, out, learner.result, chosen))
            logbook.epoch(epoch + 1, rate, scores, stage.name)
            keeper.epoch(epoch + 1, best_score)
    return distributed.on_first_rank(lambda: _test(out, recipe, split, place, console))


def _batches(labels: Sequence[int], size: Sampling, seed: int) -> PersonBatches:
    """Which images make a batch, over all processes."""
    if size.persons % distributed.world_size():
        raise ValueError(
            f"{size.persons} persons a batch do not divide over {distributed.world_size()} "
            "processes: set sampling.persons to a multiple"
        )
    return PersonBatches(labels, size.persons, size.images, seed=seed, limit=size.limit)


def _workers(asked: int | None, place: torch.device) -> int:
    """Processes that load images: beside a GPU, which would wait for them, some."""
    if asked is not None:
        return asked
    return 0 if place.type == "cpu" else min(os.cpu_count() or 1, 8)


def _scores(learner: Learner, recipe: Recipe, unseen: Split) -> dict[str, float]:
    """Scores on the held-out persons, without a word: the logbook's progress is on the screen."""
    embedder = Embedder(learner.result, recipe.input, device=str(learner.device))
    rule, quiet = Scoring(camera_rule=unseen.has_cameras), Console(quiet=True)
    return score_model(embedder, unseen, rule, quiet).figures()


def _step(
    learner: Learner,
    batch: Batch,
    rate: float,
    records: Sequence[Record],
    where: tuple[int, int, int],
) -> dict[str, float]:
    """One training step; where: epochs done, steps done in this one, and its steps."""
    try:
        return learner.step(batch, rate)
    except NonFiniteLoss as error:
        images = [records[row].image for row in error.rows[:4]]
        raise ValueError(
            f"epoch {where[0] + 1}, step {where[1] + 1} of {where[2]}: {error} at learning rate "
            f"{rate:.2e}; the batch began with {', '.join(images)}. "
            "Lower the rate (--set optimizer.rate=...) or lengthen the warm-up"
        ) from None


def _test(out: Path, recipe: Recipe, split: Split, place: torch.device, console: Console) -> Run:
    """Score the chosen model on the test parts, once, and close the run."""
    report = _stored_report(out, split)
    if report is None and split.query and split.gallery:
        embedder = load(out, device=str(place))
        report = score_model(embedder, split, Scoring(camera_rule=split.has_cameras), console)
        write_whole(out / "report.json", (report.to_json() + "\n").encode())
    if report is not None:
        console.print(f"test: {report}", highlight=False, markup=False)
    remove_state(out)
    return Run(out, read_card(out), report)


def _stored_report(out: Path, split: Split) -> Report | None:
    """The report of a run that was finished before, if it is of these queries."""
    if not (out / "report.json").exists():
        return None
    report = Report.from_json(out / "report.json")
    return report if report.queries + report.left_out == len(split.query) else None


def _trainable(split: Split) -> tuple[Record, ...]:
    """The train part without junk and distractors, which are no persons."""
    nobody = {JUNK, split.distractor}
    records = tuple(record for record in split.train if record.person not in nobody)
    if not records:
        raise ValueError(f"{split.source} has no train part: there is nothing to train on")
    return records


def _card(
    recipe: Recipe, split: Split, held: HoldOut, classes: Sequence[tuple[str, int]], seed: int
) -> Card:
    return Card(
        recipe=recipe,
        persons=len(classes),
        seed=seed,
        epoch=0,
        training_persons=tuple(f"{source}/{person}" for source, person in classes),
        validation_persons=tuple(f"{source}/{person}" for source, person in held.persons),
        data={
            "source": split.source,
            "images": len(held.train),
            "fingerprint": split.fingerprint,
            "notes": list(split.notes),
        },
        versions={
            "passerby": __version__,
            "python": platform.python_version(),
            "torch": torch.__version__,
            "numpy": np.__version__,
        },
    )


def _opening(
    recipe: Recipe,
    split: Split,
    held: HoldOut,
    begin: State,
    place: torch.device,
) -> str:
    persons = len({(record.source, record.person) for record in held.train})
    lines = [
        f"{recipe.name}: {len(held.train)} images of {persons} persons of {split.source}, "
        f"{recipe.epochs} epochs on {place}"
    ]
    lines += [f"phase {phase.name}: {phase.epochs} epochs" for phase in recipe.phases]
    if held.persons:
        lines.append(f"{len(held.persons)} more persons are held out to choose the epoch")
    lines += split.notes
    if not split.has_cameras:
        lines.append("no camera numbers: scores are taken with the camera rule off")
    if begin.epoch or begin.batch:
        within = f" and {begin.batch} batches" if begin.batch else ""
        lines.append(f"resumed after epoch {begin.epoch}{within}")
    return "\n".join(lines)
