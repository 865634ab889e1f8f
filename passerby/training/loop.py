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
from torch import Tensor

from passerby.config import Recipe
from passerby.data.keypoints import joints_of_records
from passerby.data.sampling import PersonBatches, person_batches
from passerby.embedding.embedder import Embedder
from passerby.evaluation.report import Report
from passerby.models.checkpoint import Card, read_card, save_model
from passerby.models.starting import Start, build_started
from passerby.process import distributed
from passerby.process.cores import available_cores
from passerby.process.devices import find_device
from passerby.process.reporting import say
from passerby.registry import AUGMENTATIONS
from passerby.sharing.model_card import write_model_card
from passerby.tables.records import Record, Split, person_name
from passerby.training.determinism import seed_step, strict
from passerby.training.input.frozen import frozen_vectors, require_frozen_fits
from passerby.training.input.image_cache import image_cache
from passerby.training.input.loader import Loader, TrainingImages
from passerby.training.input.persons import TrainPersons, train_persons
from passerby.training.input.teachers import make_targets, taught_by
from passerby.training.input.vectors_once import remove_vectors
from passerby.training.opening import opening
from passerby.training.record.collapse import CollapseWatch
from passerby.training.record.curves import Curves
from passerby.training.record.logbook import Logbook
from passerby.training.record.resume import is_finished, stored_state
from passerby.training.record.state import State, remove_state
from passerby.training.record.state_saving import MINUTES, StateSaver
from passerby.training.scores import (
    Scores,
    check_watched,
    mean_scores,
    score_each,
    score_test_parts,
)
from passerby.training.step.learner import Learner, NonFiniteLoss
from passerby.training.step.step_memory import freed_memory_kept
from passerby.training.texts import fill_texts, remove_texts
from passerby.version import __version__
from passerby.weights.fitted_input import fitted_input


@dataclass(frozen=True)
class Run:
    """A finished run: its folder, the model's card, the test report if there were test parts.

    reports: by source; of several joined data sets each has its own, and ``report`` is None.
    """

    out: Path
    card: Card
    report: Report | None
    reports: Mapping[str, Report] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class _Work:
    """What an epoch works with.

    begin: where the run begins or goes on; card: of its model; watched: scored, and choose nothing.
    """

    recipe: Recipe
    seed: int
    persons: TrainPersons
    sampler: PersonBatches
    loader: Loader
    learner: Learner
    begin: State
    card: Card
    watched: Sequence[Split]


@dataclass(frozen=True, eq=False)
class _Watchers:
    """What looks on as a run trains."""

    logbook: Logbook
    saver: StateSaver
    collapse: CollapseWatch


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
    teachers: Sequence[Embedder] = (),
) -> Run:
    """Train a recipe on a split's train part and score its test parts once, at the end.

    The result is the best epoch on the recipe's held-out persons, the last one where it holds out
    none. On a CPU seed and number of threads decide the weights, interrupted or not.

    Args:
        recipe: all that decides what is trained, and how.
        split: the data; several sets are joined by `join_splits` and tested apart.
        out: folder of the run: the model (`passerby.load` opens it), ``metrics.jsonl``, a
            checkpoint to resume from while it runs, ``report.json``.
        seed: of initialisation, batches and augmentation.
        resume: go on from the last checkpoint in ``out``, if there is one.
        device: "cpu", "cuda:1"; the first GPU where there is one, if not given.
        workers: processes that load images; 0 on a CPU and up to 8 beside a GPU, if not given.
        tensorboard: write curves into ``out/tensorboard`` as well.
        track: services that follow the run, such as ``"wandb(project=reid)"``.
        save_minutes: time between two checkpoints within an epoch; there is one after each.
        deterministic: refuse, on a GPU, operations that do not repeat exactly.
        evaluate_on: data sets to score now and then, to watch: they choose nothing.
        cache: memory for decoded images of all processes here, as "2GB".
        teachers: models to imitate; persons are then not classified, and images of nobody known
            are of use (`distil` makes the recipe and calls this).

    Returns:
        The run: its folder, the model's card, the report of the test part (of each data set).

    Raises:
        ValueError: for a recipe or data that do not fit (before anything is written), a folder
            that holds another run, a full disk, and a loss or gradient that is not finite (naming
            the term, the step and the images).
        Stopped: a KeyboardInterrupt, with the checkpoint saved, on Ctrl-C and SIGTERM.

    Examples:
        ``train(open_recipe("table1_ours"), read_split("market1501=ROOT"), "runs/ours")``
    """
    out, place = Path(out), find_device(device)
    recipe = _fitted(recipe)
    curves = Curves(out, recipe.to_json(), ["tensorboard", *track] if tensorboard else track)
    watched = check_watched(evaluate_on, split)
    begin = State(0, recipe.to_json(), seed, split.fingerprint, {}, -math.inf)
    stored = stored_state(out, begin, resume)
    if resume and stored is None and is_finished(out, begin):
        return distributed.on_first_rank(lambda: _test(out, split, place))

    persons = train_persons(recipe, split, seed, labelled=not teachers)
    sampler = person_batches(persons.train, persons.labels, recipe.sampling, seed)
    workers = _workers(workers, place)
    classes = 0 if teachers else len(persons.classes)
    learner, begin = _learner(recipe, classes, place, begin=begin, stored=stored)
    card = taught_by(teachers, _card(recipe, split, persons, seed))
    card = Start(**begin.started).recorded_in(replace(card, persons=classes))
    targets = make_targets(teachers, persons.train, out) if teachers else None
    if stored is None:  # else they are in its state
        texts = partial(fill_texts, out=out, begin=begin, device=place)
        texts(learner.model, recipe.input, recipe.texts, persons.train, persons.labels)
    if learner.whole is not None:
        vectors = frozen_vectors(recipe, learner.whole, persons, out, seed=seed, place=place)
        loader = Loader(vectors, persons.train, persons.labels, 0, False, targets=targets)
    else:
        loader = _loader(
            recipe, persons, targets, seed=seed, workers=workers, cache=cache, place=place
        )
    work = _Work(recipe, seed, persons, sampler, loader, learner, begin, card, evaluate_on)
    losses = [stage.losses for stage in learner.stages]
    distributed.barrier()  # all have looked into the folder before anything is written
    with (
        strict(deterministic),
        Logbook(out, recipe.epochs, begin.epoch, curves) as logbook,
        StateSaver(out, begin, learner, logbook, save_minutes) as saver,
        CollapseWatch(learner.model, losses, recipe.schedule) as collapse,
        loader,
    ):
        lines = opening(recipe, split, persons, learner, begin, labelled=not teachers)
        say("\n".join([*lines, *watched]))
        watchers = _Watchers(logbook, saver, collapse)
        for epoch in range(begin.epoch, recipe.epochs):
            rate = _train_epoch(work, epoch, watchers)
            _validate_epoch(work, epoch, rate, watchers)
    return distributed.on_first_rank(lambda: _test(out, split, place))


def _fitted(recipe: Recipe) -> Recipe:
    """The recipe with images as its backbone was trained for, which is said where it changes.

    Raises ValueError where it asks for what a frozen backbone has no part in.
    """
    if recipe.network.frozen:
        require_frozen_fits(recipe)
    fitted = fitted_input(recipe.network, recipe.input)
    if fitted.said:
        say(fitted.said)
    return replace(recipe, network=fitted.network, input=fitted.size)


def _train_epoch(work: _Work, epoch: int, watchers: _Watchers) -> float:
    """An epoch's batches, from where a resumed run had come; returns the last learning rate."""
    torch.manual_seed(work.seed + epoch)  # layers that a phase begins: as uninterrupted
    learner, begin = work.learner, work.begin
    phase = learner.begin_epoch(epoch)
    batches = work.sampler.epoch(epoch)
    first, rate = (begin.batch, begin.rate) if epoch == begin.epoch else (0, 0.0)
    with freed_memory_kept(learner.device):
        for number, batch in enumerate(work.loader.epoch(epoch, batches, first), first):
            done = epoch + number / len(batches)
            seed_step(work.seed, epoch, number)
            rate = phase.rate(done)
            try:
                losses = learner.step(batch, rate)
            except NonFiniteLoss as error:
                where = f"epoch {epoch + 1}, step {number + 1} of {len(batches)}"
                raise _located(error, where, rate, work.persons.train) from None
            watchers.logbook.step(done, losses, batch)
            watchers.logbook.warn(watchers.collapse.step(done, losses))
            watchers.saver.step(epoch, number + 1, rate)
    learner.end_epoch(epoch, work.loader.epoch(epoch, batches))
    return rate


def _validate_epoch(work: _Work, epoch: int, rate: float, watchers: _Watchers) -> None:
    """Score and log an epoch, save the model if it is the result so far, and the checkpoint.

    The result is the epoch that is best on the held-out persons, else the last one.
    """
    recipe, held, saver = work.recipe, work.persons.held, watchers.saver
    last = epoch + 1 == recipe.epochs
    due = last or (epoch + 1) % recipe.validate_every == 0
    scores = mean_scores(_scores(work.learner, recipe, held.tests if due else ()))
    better = scores and scores["mean_average_precision"] > saver.best_score
    if better or (last and not held.query):
        saver.best_score = scores.get("mean_average_precision", saver.best_score)
        chosen = replace(work.card, epoch=epoch + 1, scores=scores)
        distributed.on_first_rank(partial(save_model, saver.out, work.learner.result, chosen))
    elsewhere = _scores(work.learner, recipe, work.watched if due else ())
    phase = work.learner.stage(epoch).name
    watchers.logbook.epoch(epoch + 1, rate, scores, phase, elsewhere)
    saver.epoch(epoch + 1)


def _loader(
    recipe: Recipe,
    persons: TrainPersons,
    targets: Tensor | None,
    *,
    seed: int,
    workers: int,
    cache: int | str,
    place: torch.device,
) -> Loader:
    """How images arrive: decoded, resized, augmented, by seed and epoch alone."""
    images = TrainingImages(
        persons.train,
        persons.labels,
        recipe.input,
        [AUGMENTATIONS.build(call) for call in recipe.augmentations],
        seed,
        cache=image_cache(len(persons.train), recipe.input, cache, shared=bool(workers)),
        joints=joints_of_records(persons.train),
    )
    pin_memory = place.type == "cuda"
    return Loader(images, persons.train, persons.labels, workers, pin_memory, targets=targets)


def _learner(
    recipe: Recipe,
    classes: int,
    place: torch.device,
    *,
    begin: State,
    stored: State | None,
) -> tuple[Learner, State]:
    """What is trained: the network, and losses with parameters of their own; where it begins."""
    torch.manual_seed(begin.seed)
    network = recipe.network
    if stored is not None and not network.frozen:  # whose state is that of its head
        network = replace(network, start="none")
    with distributed.first_rank_first():
        model, started = build_started(network, persons=classes)
    learner = Learner(recipe, model, place)
    if stored is not None:
        learner.restore(stored.learner)
    return learner, stored or replace(begin, started=vars(started))


def _workers(wanted: int | None, place: torch.device) -> int:
    """Processes that load images: beside a GPU, which would wait for them, some."""
    if wanted is not None:
        return wanted
    return 0 if place.type == "cpu" else min(available_cores(), 8)


def _scores(learner: Learner, recipe: Recipe, splits: Sequence[Split]) -> Scores:
    """Figures of the network as it is, by source; one process scores, the others wait."""
    if not splits:
        return {}
    embedder = Embedder(learner.result, recipe.input, device=str(learner.device))
    return distributed.on_first_rank(lambda: score_each(embedder, splits))


def _located(
    error: NonFiniteLoss, where: str, rate: float, records: Sequence[Record]
) -> ValueError:
    """What went wrong in a step, where, on which images, and what helps."""
    images = [records[row].image for row in error.rows[:4]]
    return ValueError(
        f"{where}: {error} at learning rate {rate:.2e}; the batch began with {', '.join(images)}. "
        "Lower the rate (--set optimizer.rate=...) or lengthen the warm-up"
    )


def _test(out: Path, split: Split, place: torch.device) -> Run:
    """Score the chosen model on the test parts, once, and close the run."""
    reports = score_test_parts(out, split, str(place))
    remove_state(out)
    remove_vectors(out)
    remove_texts(out)
    write_model_card(out)
    report = None if split.joined else reports.get(split.source)
    return Run(out, read_card(out), report, reports)


def _card(recipe: Recipe, split: Split, persons: TrainPersons, seed: int) -> Card:
    return Card(
        recipe=recipe,
        persons=len(persons.classes),
        seed=seed,
        epoch=0,
        training_persons=tuple(person_name(*key) for key in persons.classes),
        validation_persons=tuple(person_name(*key) for key in persons.held.persons),
        data={
            "source": split.source,
            "images": len(persons.train),
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
