"""search_architecture(): the whole story of a search, from persons to a recipe. Read it down."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch

from passerby.architecture_search.halves import Half, halves
from passerby.architecture_search.searcher import Searcher
from passerby.architecture_search.strengths import changes
from passerby.calls import Call
from passerby.config import Computation, Recipe
from passerby.config.sections import within
from passerby.data.sampling import PersonBatches, person_batches
from passerby.models.cells.genotype import Genotype
from passerby.process import distributed
from passerby.process.devices import find_device
from passerby.process.json_files import read_object
from passerby.process.reporting import say
from passerby.process.spelling import count_of
from passerby.process.whole_files import write_all_whole
from passerby.registry import AUGMENTATIONS
from passerby.tables.records import Split
from passerby.training.determinism import seed_step
from passerby.training.input.image_cache import image_cache
from passerby.training.input.loader import Loader, TrainingImages
from passerby.training.input.persons import train_persons
from passerby.training.record.curves import Curves
from passerby.training.record.logbook import Logbook
from passerby.training.record.resume import stored_state
from passerby.training.record.state import State, remove_state
from passerby.training.record.state_saving import MINUTES, StateSaver
from passerby.training.step.phases import Stage

FOUND = "recipe.json"
_RECORD = "search.json"
# Of the epochs: weights learn alone, as operations without weights are the better ones at first.
_BEFORE_CHOICE = 0.2


@dataclass(frozen=True)
class Search:
    """How cells are looked for.

    Args:
        epochs: of the first half of the persons.
        nodes: inner nodes of a cell.
        width: channels of a node in the first stage; of the found network it is the recipe's.
        rate: of the strengths of operations.

    Raises:
        ValueError: a number out of its range.
    """

    epochs: int = 50
    nodes: int = 4
    width: int = 16
    rate: float = 3e-3

    def __post_init__(self) -> None:
        within("epochs", self.epochs, 1, 100_000)
        within("nodes", self.nodes, 1, 16)
        within("width", self.width, 2, 4096)
        within("rate", self.rate, 1e-9, 10)

    @property
    def first_choice(self) -> float:
        """Epochs, with a fraction, before strengths begin to learn."""
        return _BEFORE_CHOICE * self.epochs


def search_architecture(
    recipe: Recipe,
    split: Split,
    out: str | os.PathLike[str],
    search: Search | None = None,
    *,
    seed: int = 0,
    resume: bool = False,
    device: str | None = None,
    workers: int = 0,
    save_minutes: float = MINUTES,
    cache: int | str = 0,
) -> Recipe:
    """Find the cells of a recipe's network on a split's train part, and write a recipe of them.

    On a CPU seed and number of threads decide what is found, interrupted or not.

    Args:
        recipe: of the system plain with the backbone auto_reid. Its network, input, augmentations,
            sampling, losses, optimizer and schedule are the search's, too.
        split: the data; test parts and held-out persons are not looked at.
        out: folder of the search: ``recipe.json``, to be trained; ``search.json``, how much each
            operation counted on each edge; ``metrics.jsonl``.
        search: how.
        seed: of initialisation, halves, batches and augmentation.
        resume: go on from the last checkpoint in ``out``, if there is one.
        device: "cpu", "cuda:1"; the first GPU where there is one, if not given.
        workers: processes that load images, for each half.
        save_minutes: time between two checkpoints within an epoch; there is one after each.
        cache: memory for decoded images of each half, as "2GB".

    Returns:
        The recipe with the cells that were found.

    Raises:
        ValueError: for a recipe or data that do not fit, a folder that holds another run, a loss
            that is not finite.
        Stopped: a KeyboardInterrupt, with the checkpoint saved, on Ctrl-C and SIGTERM.
    """
    out, place, search = Path(out), find_device(device), search or Search()
    _require_plain(recipe)
    wanted = json.dumps({"search": asdict(search), "recipe": asdict(recipe)})
    begin = State(0, wanted, seed, split.fingerprint, {}, -math.inf)
    stored = stored_state(out, begin, resume)
    if resume and stored is None and (out / _RECORD).exists():
        return _finished(out, begin)

    persons = train_persons(recipe, split, seed, labelled=True)
    both = halves(persons, seed)
    batches = [person_batches(half.records, half.labels, recipe.sampling, seed) for half in both]
    torch.manual_seed(seed)
    counts = both[0].persons, both[1].persons
    searcher = Searcher(
        recipe,
        counts,
        nodes=search.nodes,
        width=search.width,
        rate=search.rate,
        device=place,
    )
    if stored is not None:
        begin = stored
        searcher.restore(stored.learner)
    loaders = [
        _loader(recipe, half, place, seed=seed, workers=workers, cache=cache) for half in both
    ]
    work = _Work(recipe, search, searcher, batches, loaders, begin)
    with (
        Logbook(out, search.epochs, begin.epoch, Curves(out, wanted, [])) as logbook,
        StateSaver(out, begin, searcher, logbook, save_minutes) as saver,
        loaders[0],
        loaders[1],
    ):
        say(_opening(work, counts, split))
        for epoch in range(begin.epoch, search.epochs):
            before = searcher.strengths.genotype()
            logbook.epoch(epoch + 1, _search_epoch(work, epoch, logbook, saver), {}, "")
            if epoch + 1 > search.first_choice:
                changed = changes(before, searcher.strengths.genotype())
                say(f"{changed} of {4 * search.nodes} edges of the cells are others than before")
            saver.epoch(epoch + 1)
    return _write(work, out, sum(counts))


@dataclass(frozen=True, eq=False)
class _Work:
    """What an epoch works with; batches and loaders: of the two halves; begin: where it goes on."""

    recipe: Recipe
    search: Search
    searcher: Searcher
    batches: Sequence[PersonBatches]
    loaders: Sequence[Loader]
    begin: State


def _search_epoch(work: _Work, epoch: int, logbook: Logbook, saver: StateSaver) -> float:
    """An epoch of the first half, beside it as many batches of the second; returns the rate."""
    search, begin = work.search, work.begin
    recipe = work.recipe
    stage = Stage("", 0, search.epochs, ("*",), recipe.losses, recipe.optimizer, recipe.schedule)
    rows, others = (batches.epoch(epoch) for batches in work.batches)
    beside = [others[number % len(others)] for number in range(len(rows))]
    first, rate = (begin.batch, begin.rate) if epoch == begin.epoch else (0, 0.0)
    pairs = zip(
        work.loaders[0].epoch(epoch, rows, first),
        work.loaders[1].epoch(epoch, beside, first),
        strict=True,
    )
    for number, pair in enumerate(pairs, first):
        done = epoch + number / len(rows)
        seed_step(begin.seed, epoch, number)
        rate = stage.rate(done)
        choose = done >= search.first_choice
        losses = work.searcher.step(pair, rate, choose)
        set_aside = (*pair[0].set_aside, *pair[1].set_aside)
        logbook.step(done, losses, replace(pair[0], set_aside=set_aside))
        saver.step(epoch, number + 1, rate)
    return rate


def _require_plain(recipe: Recipe) -> None:
    """ValueError for what a recipe may ask of a training and a search does not do."""
    if distributed.world_size() > 1:
        raise ValueError("a search runs in one process: call it without torchrun")
    if recipe.phases:
        raise ValueError("a search has no phases: take a recipe without them")
    if recipe.computation != Computation():
        raise ValueError("a search computes plainly: leave all of computation at its defaults")


def _loader(
    recipe: Recipe, half: Half, place: torch.device, *, seed: int, workers: int, cache: int | str
) -> Loader:
    """A half's images, augmented by seed and epoch."""
    images = TrainingImages(
        half.records,
        half.labels,
        recipe.input,
        [AUGMENTATIONS.build(call) for call in recipe.augmentations],
        seed,
        cache=image_cache(len(half.records), recipe.input, cache, shared=bool(workers)),
    )
    return Loader(images, half.records, half.labels, workers, place.type == "cuda")


def _opening(work: _Work, counts: tuple[int, int], split: Split) -> str:
    search, begin = work.search, work.begin
    lines = [
        f"{work.recipe.name}: cells of {search.nodes} nodes, {count_of(search.epochs, 'epoch')} "
        f"on {work.searcher.device}; weights by {count_of(counts[0], 'person')} of "
        f"{split.source}, cells by {counts[1]} others",
        *split.notes,
    ]
    if begin.epoch or begin.batch:
        lines.append(
            f"resumed after epoch {begin.epoch} and {count_of(begin.batch, 'batch', 'batches')}"
        )
    return "\n".join(lines)


def _write(work: _Work, out: Path, persons: int) -> Recipe:
    """The found recipe, and beside it what was asked and how much each operation counted."""
    strengths, search, seed = work.searcher.strengths, work.search, work.begin.seed
    origin = (
        f"cells: passerby search-architecture, {count_of(search.epochs, 'epoch')} on "
        f"{count_of(persons, 'person')}, width {search.width}, seed {seed}"
    )
    found = with_cells(work.recipe, strengths.genotype(), origin)
    record = {**_asked(work.begin), "shares": strengths.shares()}
    write_all_whole(
        {
            out / FOUND: found.to_json().encode(),
            out / _RECORD: json.dumps(record, indent=1).encode(),
        }
    )
    remove_state(out)
    return found


def with_cells(recipe: Recipe, genotype: Genotype, origin: str) -> Recipe:
    """The recipe with these cells and their origin, and without what is published of others."""
    backbone = Call.parse(recipe.network.backbone).with_option("cells", str(genotype))
    kept = (o for o in recipe.origins if not o.startswith(("cells:", "expected on ")))
    return replace(
        recipe,
        name=f"{recipe.name} with cells of its own",
        network=replace(recipe.network, backbone=str(backbone)),
        origins=(origin, *kept),
    )


def _asked(begin: State) -> dict[str, Any]:
    return {**json.loads(begin.recipe), "seed": begin.seed, "data": begin.data}


def _finished(out: Path, begin: State) -> Recipe:
    """What a finished search found; ValueError when it was another one."""
    record = read_object(out / _RECORD, "the record of a search")
    if {name: record.get(name) for name in _asked(begin)} != _asked(begin):
        raise ValueError(
            f"{out} holds a finished search of another recipe, data or seed, or with other "
            "options: choose another --out"
        )
    say(f"the search in {out} has finished")
    return Recipe.from_json((out / FOUND).read_text("utf-8"))
