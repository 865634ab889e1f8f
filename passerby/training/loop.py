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
from passerby.training.curves import Curves
from passerby.training.learner import Learner, NonFiniteLoss
from passerby.training.loader import Loader, TrainingImages
from passerby.training.logbook import Logbook, read_metrics
from passerby.training.state import State, load_state, remove_state, save_state
from passerby.version import __version__


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
    console: Console | None = None,
) -> Run:
    """Train a recipe on a split's train part and score its test parts once, at the end.

    Writes into ``out``: the model (a folder that `passerby.load` opens), ``metrics.jsonl``, a
    state to resume from while it runs, ``report.json``, and curves if ``tensorboard`` is wanted.
    The result is the epoch that is best on the recipe's held-out persons, or the last one where it
    holds out none. The same seed gives the same weights on a CPU with the same number of threads.

    Raises ValueError for a recipe or data that do not fit, for a folder that holds another run,
    and for a loss that is not finite (naming the term and the images).
    """
    out, console = Path(out), console or Console(quiet=distributed.rank() > 0)
    place, data = distributed.place(device), split.fingerprint
    curves = Curves(out, tensorboard)
    stored = _stored_state(out, recipe, seed, data, resume)
    if resume and stored is None and _is_finished(out, recipe, seed, data):
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
    if workers is None:
        workers = 0 if place.type == "cpu" else min(os.cpu_count() or 1, 8)
    loader = Loader(images, held.train, labels, workers, pin_memory=place.type == "cuda")

    # What is trained: the network, and losses that may have parameters of their own.
    torch.manual_seed(seed)
    start = recipe.network if stored is None else replace(recipe.network, start="none")
    with distributed.first_rank_first():
        model = build_model(start, persons=len(classes))
    learner = Learner(recipe, model, place)
    first_epoch, best_score = 0, -math.inf
    if stored is not None:
        learner.restore(stored.learner)
        first_epoch, best_score = stored.epoch, stored.best_score

    card = _card(recipe, split, held, classes, seed)
    distributed.wait_for_all()  # all have looked into the folder before anything is written
    with Logbook(out, recipe.epochs, first_epoch, console, curves) as logbook:
        logbook.say(_opening(recipe, split, held, first_epoch, place))
        for epoch in range(first_epoch, recipe.epochs):
            torch.manual_seed(seed + epoch)  # dropout, layers that a phase begins: as uninterrupted
            stage = learner.begin(epoch)
            batches = sampler.epoch(epoch)
            for number, batch in enumerate(loader.epoch(epoch, batches)):
                done = epoch + number / len(batches)
                losses = _step(learner, batch, rate := stage.rate(done), held.train)
                logbook.step(done, losses, batch)
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
            state = State(epoch + 1, recipe.to_json(), seed, data, learner.state(), best_score)
            distributed.on_first_rank(partial(save_state, out, state))
    return distributed.on_first_rank(lambda: _test(out, recipe, split, place, console))


def _batches(labels: Sequence[int], size: Sampling, seed: int) -> PersonBatches:
    """Which images make a batch, over all processes."""
    if size.persons % distributed.world_size():
        raise ValueError(
            f"{size.persons} persons a batch do not divide over {distributed.world_size()} "
            "processes: set sampling.persons to a multiple"
        )
    return PersonBatches(labels, size.persons, size.images, seed=seed, limit=size.limit)


def _scores(learner: Learner, recipe: Recipe, unseen: Split) -> dict[str, float]:
    """Scores on the held-out persons, without a word: the logbook's progress is on the screen."""
    embedder = Embedder(learner.result, recipe.input, device=str(learner.device))
    rule, quiet = Scoring(camera_rule=unseen.has_cameras), Console(quiet=True)
    return score_model(embedder, unseen, rule, quiet).figures()


def _step(
    learner: Learner, batch: Batch, rate: float, records: Sequence[Record]
) -> dict[str, float]:
    try:
        return learner.step(batch, rate)
    except NonFiniteLoss as error:
        images = [records[row].image for row in error.rows[:4]]
        raise ValueError(
            f"{error} at learning rate {rate:.2e}; the batch began with {', '.join(images)}. "
            "Lower the rate (--set optimizer.rate=...) or lengthen the warm-up"
        ) from None


def _test(out: Path, recipe: Recipe, split: Split, place: torch.device, console: Console) -> Run:
    """Score the chosen model on the test parts, once, and close the run."""
    report = _stored_report(out, split)
    if report is None and split.query and split.gallery:
        embedder = load(out, device=str(place))
        report = score_model(embedder, split, Scoring(camera_rule=split.has_cameras), console)
        report.to_json(out / "report.json")
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


def _stored_state(out: Path, recipe: Recipe, seed: int, data: str, resume: bool) -> State | None:
    """The state to resume from; refuses to mix two runs in one folder."""
    out.mkdir(parents=True, exist_ok=True)
    if not resume:
        if (out / "metrics.jsonl").exists() or (out / "config.json").exists():
            raise ValueError(f"{out} already holds a run: add --resume, or choose another --out")
        return None
    state = load_state(out)
    if state is not None and (Recipe.from_json(state.recipe), state.seed) != (recipe, seed):
        raise ValueError(
            f"the run in {out} has another recipe or seed ({state.seed}): resume it with the same, "
            "or choose another --out"
        )
    if state is not None:
        _refuse_other_data(out, state.data, data)
    return state


def _is_finished(out: Path, recipe: Recipe, seed: int, data: str) -> bool:
    """Whether the folder holds this very run, finished; ValueError when it holds another one."""
    if not (out / "config.json").exists():
        return False
    card = read_card(out)
    if (card.recipe, card.seed) != (recipe, seed):
        raise ValueError(f"{out} holds a finished run of another recipe or seed: choose another")
    _refuse_other_data(out, card.data.get("fingerprint"), data)
    rows = read_metrics(out / "metrics.jsonl")
    return bool(rows) and rows[-1]["epoch"] == recipe.epochs


def _refuse_other_data(out: Path, found: object, wanted: str) -> None:
    if found != wanted:
        raise ValueError(
            f"the run in {out} was trained on other data: name the same, or choose another --out"
        )


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
    recipe: Recipe, split: Split, held: HoldOut, first_epoch: int, place: torch.device
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
    if first_epoch:
        lines.append(f"resumed after epoch {first_epoch}")
    return "\n".join(lines)
