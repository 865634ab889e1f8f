"""train(): the whole story of a run, from records to a tested model. Read it top to bottom."""

from __future__ import annotations

import math
import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import numpy as np
import torch

from passerby.config import Recipe
from passerby.data.batch import Batch
from passerby.data.holdout import HoldOut, hold_out
from passerby.data.reading.joining import persons_in_train
from passerby.data.sampling import person_batches
from passerby.embedding.embedder import Embedder
from passerby.evaluation.report import Report
from passerby.models.checkpoint import Card, read_card, save_model
from passerby.models.starting import Start, build_started
from passerby.process import distributed
from passerby.process.cores import available_cores
from passerby.process.reporting import say
from passerby.registry import AUGMENTATIONS
from passerby.tables.records import Record, Split
from passerby.training.determinism import seed_step, strict
from passerby.training.input.image_cache import image_cache
from passerby.training.input.loader import Loader, TrainingImages
from passerby.training.record.collapse import CollapseWatch
from passerby.training.record.curves import Curves
from passerby.training.record.logbook import Logbook
from passerby.training.record.resume import is_finished, stored_state
from passerby.training.record.state import State, remove_state
from passerby.training.record.state_saving import MINUTES, Keeper
from passerby.training.scores import (
    Scores,
    check_watched,
    mean_scores,
    score_each,
    score_test_parts,
)
from passerby.training.step.learner import Learner, NonFiniteLoss
from passerby.version import __version__


@dataclass(frozen=True)
class Run:
    """A finished run: its folder, the model's card, the test report if there were test parts.

    reports: by source; of several joined data sets each has its own, and ``report`` is None.
    """

    out: Path
    card: Card
    report: Report | None
    reports: Mapping[str, Report] = field(default_factory=dict)


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
    track: Sequence[str] = (),
    save_minutes: float = MINUTES,
    deterministic: bool = False,
    evaluate_on: Sequence[Split] = (),
    cache: int | str = 0,
) -> Run:
    """Train a recipe on a split's train part and score its test parts once, at the end.

    Several data sets are joined by `join_splits` and tested apart; those of ``evaluate_on`` are
    watched, and choose nothing. cache: memory for images of all processes here, as "2GB".
    Writes into ``out``: the model (a folder that `passerby.load` opens), ``metrics.jsonl``, a
    state to resume from while it runs (after each epoch, and every ``save_minutes`` within one),
    ``report.json``, and curves if ``tensorboard`` is wanted; services of ``track``, such as
    ``"wandb(project=reid)"``, follow the run. The result is the epoch that is best on the
    recipe's held-out persons, or the last one where it holds out none. The same seed gives the
    same weights on a CPU with the same number of threads, however often the run is interrupted;
    ``deterministic`` refuses, on a GPU, the operations that would not.

    Raises ValueError for a recipe or data that do not fit, for a folder that holds another run,
    for a full disk, and for a loss or gradient that is not finite (naming the term, the step and
    the images); Stopped (a KeyboardInterrupt), with the state saved, on Ctrl-C and SIGTERM.
    """
    out, place = Path(out), distributed.place(device)
    curves = Curves(out, recipe.to_json(), ["tensorboard", *track] if tensorboard else track)
    begin = State(0, recipe.to_json(), seed, split.fingerprint, {}, -math.inf)
    watched = check_watched(evaluate_on, split)
    stored = stored_state(out, begin, resume)
    if resume and stored is None and is_finished(out, begin):
        return distributed.on_first_rank(lambda: _test(out, split, place))

    # Who is trained on: the persons of the train part less those held out to choose the epoch.
    held = hold_out(persons_in_train(split), recipe.validation_persons, seed)
    classes = sorted({(record.source, record.person) for record in held.train})
    numbers = {person: number for number, person in enumerate(classes)}
    labels = [numbers[record.source, record.person] for record in held.train]

    # How images arrive: P × K batches, decoded, resized, augmented, by seed and epoch alone.
    sampler = person_batches(held.train, labels, recipe.sampling, seed)
    workers = _workers(workers, place)
    images = TrainingImages(
        held.train,
        labels,
        recipe.input,
        [AUGMENTATIONS.build(call) for call in recipe.augmentations],
        seed,
        cache=image_cache(len(labels), recipe.input, cache, shared=bool(workers)),
    )
    loader = Loader(images, held.train, labels, workers, pin_memory=place.type == "cuda")

    # What is trained: the network, and losses that may have parameters of their own.
    torch.manual_seed(seed)
    network = recipe.network if stored is None else replace(recipe.network, start="none")
    with distributed.first_rank_first():
        model, started = build_started(network, persons=len(classes))
    learner = Learner(recipe, model, place)
    if stored is not None:
        learner.restore(stored.learner)
    begin = stored or replace(begin, started=vars(started))
    best_score, rate = begin.best_score, begin.rate

    card = Start(**begin.started).noted(_card(recipe, split, held, classes, seed))
    distributed.wait_for_all()  # all have looked into the folder before anything is written
    with (
        strict(deterministic),
        Logbook(out, recipe.epochs, begin.epoch, curves) as logbook,
        Keeper(out, begin, learner, logbook, save_minutes) as keeper,
        CollapseWatch(learner.model, learner.terms, recipe.schedule) as watch,
        loader,
    ):
        say("\n".join([_opening(recipe, split, held, begin, learner), *watched]))
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
            due = last or (epoch + 1) % recipe.validate_every == 0
            scores = mean_scores(_scores(learner, recipe, held.tests if due else ()))
            better = scores and scores["mean_average_precision"] > best_score
            if better or (last and not held.query):
                best_score = scores.get("mean_average_precision", best_score)
                chosen = replace(card, epoch=epoch + 1, scores=scores)
                distributed.on_first_rank(partial(save_model, out, learner.result, chosen))
            elsewhere = _scores(learner, recipe, evaluate_on if due else ())
            logbook.epoch(epoch + 1, rate, scores, stage.name, elsewhere)
            keeper.epoch(epoch + 1, best_score)
    return distributed.on_first_rank(lambda: _test(out, split, place))


def _workers(asked: int | None, place: torch.device) -> int:
    """Processes that load images: beside a GPU, which would wait for them, some."""
    if asked is not None:
        return asked
    return 0 if place.type == "cpu" else min(available_cores(), 8)


def _scores(learner: Learner, recipe: Recipe, splits: Sequence[Split]) -> Scores:
    """Figures of the network as it is, by source; one process scores, the others wait."""
    if not splits:
        return {}
    embedder = Embedder(learner.result, recipe.input, device=str(learner.device))
    return distributed.on_first_rank(lambda: score_each(embedder, splits))


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


def _test(out: Path, split: Split, place: torch.device) -> Run:
    """Score the chosen model on the test parts, once, and close the run."""
    reports = score_test_parts(out, split, str(place))
    remove_state(out)
    report = None if split.joined else reports.get(split.source)
    return Run(out, read_card(out), report, reports)


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
    learner: Learner,
) -> str:
    persons = len({(record.source, record.person) for record in held.train})
    lines = [
        f"{recipe.name}: {len(held.train)} images of {persons} persons of {split.source}, "
        f"{recipe.epochs} epochs on {learner.device}"
    ]
    lines += [f"phase {phase.name}: {phase.epochs} epochs" for phase in recipe.phases]
    lines += Start(**begin.started).remarks(held.persons)
    if held.persons:
        lines.append(f"{len(held.persons)} more persons are held out to choose the epoch")
    lines += split.notes
    if not split.has_cameras:
        lines.append("no camera numbers: scores are taken with the camera rule off")
    if begin.epoch or begin.batch:
        within = f" and {begin.batch} batches" if begin.batch else ""
        lines.append(f"resumed after epoch {begin.epoch}{within}")
    lines += [learner.remark] if learner.remark else []
    return "\n".join(lines)
