"""fine_tune(): a model learns from the unlabelled sightings of a gallery. Read it top to bottom.

Several rounds, each a training of its own: the model groups the sightings into pseudo persons,
learns to tell these apart beside labelled ones who are rehearsed, and groups anew (Dai et al. 2021,
"Cluster Contrast for Unsupervised Person ReID"; Ge et al. 2020, "Self-paced Contrastive Learning").
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from passerby.config import Recipe, with_settings
from passerby.data.holdout import HoldOut
from passerby.data.reading.joining import join_splits
from passerby.data.sampling import person_batches
from passerby.embedding.embedder import load
from passerby.fine_tuning.pseudo_persons import PseudoPersons, pseudo_persons
from passerby.fine_tuning.recipe import LOSS, tuned_recipe
from passerby.fine_tuning.rehearsal import Guard, guard_figures, rehearsal_of, rehearsed
from passerby.models.checkpoint import Card, load_model, read_card, save_model
from passerby.models.packaged import model_folder
from passerby.process.json_files import read_object
from passerby.process.reporting import say
from passerby.process.whole_files import write_whole
from passerby.sharing.model_card import write_model_card
from passerby.stores import Store
from passerby.tables.records import Split, person_name
from passerby.training.loop import train
from passerby.training.record.state_saving import MINUTES

TOLERANCE = 2.0
"""Points of rank-1 and mAP that the guard may lose; of some 60 persons they are by chance."""

_WORK = "work"  # in the folder of the run, until it ends
_PLAN = "plan.json"
_STEP_COST = 4.0  # of an image in training, beside one that is embedded plainly


class GuardWorsened(ValueError):
    """The adapted model was refused."""

    def __init__(self, guard: Guard, tolerance: float) -> None:
        super().__init__(
            f"refused: {guard}, which is {guard.worse_by:.1f} points worse, and at most "
            f"{tolerance:g} are allowed (--tolerance). No model was written: the sightings were "
            "not what the links took them for, or too few; try again with more of them, or with "
            "fewer --images"
        )
        self.guard = guard


@dataclass(frozen=True)
class FineTuned:
    """card: of the model in ``out``; guard; persons: the pseudo persons of the last round."""

    out: Path
    card: Card
    guard: Guard
    persons: PseudoPersons

    def __str__(self) -> str:
        return (
            f"{self.guard}\n"
            f"the model is in {self.out}, fingerprint {self.card.fingerprint}. It contains what it "
            "learnt of the people in the sightings: who deletes these deletes it too, and adapts "
            "anew\n"
            "calibration, familiarity and how a person varies (within_class.safetensors) are of "
            "the old vectors and were not taken along: passerby calibrate, passerby gallery "
            "calibrate"
        )


@dataclass(frozen=True)
class Effort:
    """rounds: how often sightings are grouped anew; images: seen in training, in all, half of them
    rehearsed (None: 8 for each picture, between 6,000 and 60,000); tolerance: points that the
    guard may lose; loss: as a call. Raises ValueError for numbers that make no sense."""

    rounds: int = 3
    images: int | None = None
    tolerance: float = TOLERANCE
    loss: str = LOSS

    def __post_init__(self) -> None:
        if self.rounds < 1 or (self.images is not None and self.images < 1):
            raise ValueError(
                f"expected at least 1 round and 1 image, got {self.rounds} and {self.images}"
            )
        if not self.tolerance >= 0:
            raise ValueError(f"the tolerance is 0 points or more, got {self.tolerance}")

    def of(self, pictures: int) -> int:
        """Images for so many pictures of sightings."""
        return self.images or min(max(8 * pictures, 6_000), 60_000)


def fine_tune(
    model: str | os.PathLike[str],
    store: Store,
    out: str | os.PathLike[str],
    *,
    rehearsal: str | None = None,
    effort: Effort = Effort(),
    settings: Sequence[str] = (),
    seed: int = 0,
    resume: bool = False,
    device: str | None = None,
    workers: int | None = None,
    cache: int | str = 0,
    save_minutes: float = MINUTES,
) -> FineTuned:
    """Fine-tune a model on the sightings of a gallery, which stays as it is; needs no labels.

    Args:
        model: folder of a checkpoint, or "default".
        store: the gallery; sightings whose pictures are gone take no part. Of passages the kept
            pictures are trained on.
        out: folder of the new model.
        rehearsal: [KIND=]ROOT of labelled persons to rehearse; drawn ones without it.
        effort: how long.
        settings: of the recipe (`tuned_recipe`), ``path=value`` each.
        seed: of drawing, batches and augmentation.
        resume: go on with what was interrupted.
        device: where it runs.
        workers: processes that load images.
        cache: memory for decoded images.
        save_minutes: time between two checkpoints.

    Raises:
        GuardWorsened: nothing was written as a model.
        ValueError: too few sightings, one camera, too few links; a folder that holds something.
        Stopped: a KeyboardInterrupt, with all saved, on Ctrl-C and SIGTERM.
    """
    out, folder = Path(out), model_folder(model)
    card, work = read_card(folder), out / _WORK
    plan = _plan(card, store, seed=seed, effort=effort, rehearsal=rehearsal, settings=settings)
    _begin(work, plan, resume)
    held = rehearsal_of(rehearsal, work / "drawn", seed)
    first = load(folder, device=device)
    started = time.monotonic()
    before = guard_figures(first, held)
    pace = (len(held.query) + len(held.gallery)) / (time.monotonic() - started)
    newest, persons = folder, None
    for number in range(1, effort.rounds + 1):
        here = work / f"round-{number}"
        persons = _persons(store, newest, work / f"persons-{number}.json", device)
        say(f"round {number} of {effort.rounds}: {persons}")
        split = join_splits([persons.split, rehearsed(held)])
        share = effort.of(len(persons.images)) / effort.rounds
        recipe, images = _recipe(
            card, newest, split, share, seed=seed, loss=effort.loss, settings=settings
        )
        if number == 1:
            _say_time(images * effort.rounds, pace)
        train(
            recipe, split, here, seed=seed + number, resume=resume, device=device,
            workers=workers, cache=cache, save_minutes=save_minutes,
        )  # fmt: skip
        newest = here
    assert persons is not None
    after = guard_figures(load(newest, device=device), held)
    guard = Guard(before, after, len(held.persons))
    if guard.worse_by > effort.tolerance:
        shutil.rmtree(work)
        raise GuardWorsened(guard, effort.tolerance)
    made = _keep(newest, out, card, str(model), persons=persons, held=held, guard=guard)
    shutil.rmtree(work)
    return FineTuned(out, made, guard, persons)


def _plan(
    card: Card,
    store: Store,
    *,
    seed: int,
    effort: Effort,
    rehearsal: str | None,
    settings: Sequence[str],
) -> dict[str, object]:
    """What an interrupted call must have in common with the one that resumes it."""
    digest = hashlib.sha256()
    ids = [name for part in store.read(with_vectors=False) for name in part.ids.tolist()]
    digest.update("\n".join(sorted(ids)).encode())
    return {
        "model": card.fingerprint, "sightings": digest.hexdigest()[:16], "seed": seed,
        "effort": asdict(effort), "rehearsal": rehearsal or "", "settings": [*settings],
    }  # fmt: skip


def _begin(work: Path, plan: dict[str, object], resume: bool) -> None:
    """Make the folder, or find it as an interrupted call left it. Raises ValueError otherwise."""
    file, out = work / _PLAN, work.parent
    if (out / "config.json").exists():
        raise ValueError(f"{out} already holds a model: choose another --out")
    if not file.exists():
        work.mkdir(parents=True, exist_ok=True, mode=0o700)  # what it learns of persons
        write_whole(file, json.dumps(plan, indent=1) + "\n")
        return
    if not resume:
        raise ValueError(f"{out} holds an unfinished adaptation: add --resume, or remove {work}")
    if read_object(file, "the plan of an adaptation") != plan:
        raise ValueError(
            f"what {out} was begun with is not this: the same model, options and sightings are "
            f"needed (none added or removed since). Remove {work} and begin anew"
        )


def _persons(store: Store, model: Path, file: Path, device: str | None) -> PseudoPersons:
    """The pseudo persons of a round, those of an interrupted call if it came to that."""
    if file.exists():
        return PseudoPersons.read(file)
    try:
        embedder = load(model, flip=True, device=device)
        found = pseudo_persons(store, embedder, file.parent / "pictures")
    except ValueError:
        shutil.rmtree(file.parent)  # neither a model nor what it learnt of persons stays
        raise
    found.write(file)
    return found


def _recipe(
    card: Card,
    newest: Path,
    split: Split,
    wanted: float,
    *,
    seed: int,
    loss: str,
    settings: Sequence[str],
) -> tuple[Recipe, int]:
    """The recipe of one round, in whole epochs that show about so many images, and how many."""

    def of(epochs: int) -> Recipe:
        return with_settings(tuned_recipe(card.recipe, str(newest), split, epochs, loss), settings)

    batches = person_batches(split.train, _labels(split), of(1).sampling, seed).epoch(0)
    images = sum(map(len, batches))
    epochs = max(1, round(wanted / max(1, images)))
    return of(epochs), epochs * images


def _labels(split: Split) -> list[int]:
    numbers: dict[tuple[str, int], int] = {}
    return [numbers.setdefault(record.person_key, len(numbers)) for record in split.train]


def _say_time(images: int, pace: float) -> None:
    minutes = images * _STEP_COST / pace / 60
    say(f"{images:,} images to train on, half of them rehearsed: about {minutes:.0f} minutes here")


def _keep(
    newest: Path,
    out: Path,
    card: Card,
    model: str,
    *,
    persons: PseudoPersons,
    held: HoldOut,
    guard: Guard,
) -> Card:
    """The last round's model as the run's, with a card that says what it learnt from."""
    system, own = load_model(newest)
    names = [person_name(*key) for key in dict.fromkeys(r.person_key for r in held.train)]
    guarded = [person_name(*key) for key in held.persons]
    recipe = replace(
        own.recipe,
        name=f"{card.recipe.name.removesuffix(', adapted')}, adapted",
        network=replace(own.recipe.network, start=model),
    )
    made = replace(
        own,
        recipe=recipe,
        training_persons=tuple(dict.fromkeys([*card.training_persons, *names])),
        validation_persons=tuple(guarded),
        data={
            **own.data,
            "started_from": {"model": model, "fingerprint": card.fingerprint},
            "adapted": {
                "from": card.fingerprint,
                "sightings": persons.seen,
                "cameras": len({*persons.cameras.tolist()}),
                "summary": str(persons),
                "guard": str(guard),
            },
        },
    )
    made = save_model(out, system, made)
    shutil.copyfile(newest / "metrics.jsonl", out / "metrics.jsonl")
    write_model_card(out)
    return made
