"""The demo: data, a baseline at once, the paper's system trained, and a page to look at."""

from __future__ import annotations

import os
import platform
import re
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import torch

from passerby.assessment.score import EmbedRecords, embed_test_parts
from passerby.config import Recipe
from passerby.data.check import check_data
from passerby.data.reading.reader import read_split
from passerby.embedding.embedder import Embedder, load
from passerby.embedding.histogram import embed_histograms
from passerby.evaluation.evaluate import evaluate_camera_pairs
from passerby.evaluation.ranking.rankings import rank
from passerby.explanation.subject import open_subject
from passerby.models.system import build_model
from passerby.process.cores import available_cores
from passerby.process.reporting import say
from passerby.process.spelling import count_of
from passerby.recipes.demo import demo as demo_recipe
from passerby.synthesis.writing import write
from passerby.tables.records import Split, persons_of
from passerby.training.loop import train
from passerby.training.record.logbook import read_metrics
from passerby.version import __version__
from passerby.visual.drawing import save_picture
from passerby.visual.explain.explaining import Choice, explain_scored, explained_sections
from passerby.visual.explain.model_scores import Scored, scored
from passerby.visual.model_rankings import choose_queries
from passerby.visual.ranking_pictures import describe, draw_ranking
from passerby.visual.report_page import Method, Page, Picture, write_report

TRAINING_IMAGES = 14_400
"""How many images the demo's training may see, so that it ends in time on two cores."""

_SHOWN = 4  # ranked lists on the page


def demo(
    data: str | None,
    out: str | os.PathLike[str],
    *,
    seed: int = 0,
    device: str | None = None,
) -> Path:
    """Run the demo into a folder and return its ``report.html``.

    data: a data set as ``[KIND=]ROOT``; None draws a synthetic one. Called again it goes on where
    it stopped. Raises ValueError when the data lack a train, query or gallery part.
    """
    out = Path(out)
    out.mkdir(parents=True, exist_ok=True)
    started = time.perf_counter()
    given = f" --data {_quoted(data)}" if data else ""
    command = f"passerby demo{given} --out {_quoted(str(out))} --seed {seed}"
    data = data or f"synthetic={_synthetic(out, seed)}"
    say(check_data(data))
    split = read_split(data)
    if not (split.train and split.query and split.gallery):
        raise ValueError(f"the demo needs train, query and gallery; found {list(split.parts)}")

    say("\nA colour histogram, without any learning", bold=True)
    histogram = _scored("colour histogram", embed_histograms, split)
    first = _picture(histogram, split, choose_queries(len(histogram.query), _SHOWN, seed)[0])
    save_picture(first.image, out / "histogram.png")
    say(f"its ranked list of one query: {out / 'histogram.png'}")

    recipe = _recipe(split)
    say(f"\nThe network, untrained and trained ({count_of(recipe.epochs, 'epoch')})", bold=True)
    torch.manual_seed(seed)
    blank = Embedder(build_model(recipe.network, persons=0), recipe.input, device=device)
    untrained = _scored("untrained network", blank.embed, split)
    untested = replace(split, query=(), gallery=())  # scored below, with pictures, and only once
    train(recipe, untested, out / "run", seed=seed, resume=True, device=device)
    embedder = load(out / "run", device=device)
    trained = _scored("the paper's system", embedder.embed, split)

    page = _page(data, split, recipe, [histogram, untrained, trained], out=out, seed=seed)
    say("\nWhat the network looks at")
    shown = Choice(queries=_SHOWN, seed=seed)
    subject = open_subject(out / "run", device)
    explained = explain_scored(subject, [trained, histogram, untrained], split, shown)
    notes = [*page.notes, *explained.notes]
    page = replace(page, sections=explained_sections(explained), notes=notes)
    seconds = time.perf_counter() - started
    facts = {"command": command, "time": f"{seconds / 60:.1f} minutes in all"}
    page = replace(page, facts={**page.facts, **facts})
    path = write_report(out / "report.html", page)
    say(f"\nOpen {path.resolve()}", bold=True)
    say("What to try next:")
    for what, command in page.next_steps:
        say(f"  {what}: {command}")
    return path


def _synthetic(out: Path, seed: int) -> Path:
    say("drawing synthetic persons")
    # Fewer than the default, so that the first result is there within 20 seconds.
    return write(
        out / "data",
        seed=seed,
        train_persons=140,
        distractors=40,
        junk=20,
        workers=available_cores(),
    )


def _scored(name: str, embed: EmbedRecords, split: Split) -> Scored:
    query, gallery, notes = embed_test_parts(embed, split)
    made = scored(name, query, gallery, split.has_cameras)
    say(f"{name}: {made.report}")
    return replace(made, report=replace(made.report, notes=notes))


def _recipe(split: Split) -> Recipe:
    """As many epochs of one group of four images a person as the demo's time allows.

    Batches hold fewer persons where the set has fewer.
    """
    persons = len(persons_of(split.train))
    recipe = demo_recipe(max(2, round(TRAINING_IMAGES / (4 * persons))))
    size = replace(recipe.sampling, persons=min(recipe.sampling.persons, persons))
    return replace(recipe, sampling=size)


def _quoted(argument: str) -> str:
    """An argument as any shell takes it."""
    return argument if re.fullmatch(r"[\w./:\\=-]+", argument) else f'"{argument}"'


def _picture(method: Scored, split: Split, row: int) -> Picture:
    query, gallery = method.query, method.gallery
    ranking = rank(query, gallery, 10, queries=[row], camera_rule=split.has_cameras)[0]
    image, safe = (
        draw_ranking(query, gallery, ranking, colours=colours, person_names=split.person_names)
        for colours in ("paper", "safe")
    )
    return Picture(image, f"{method.name}, query {row}", describe(ranking), safe)


def _page(
    data: str, split: Split, recipe: Recipe, methods: Sequence[Scored], *, out: Path, seed: int
) -> Page:
    histogram, _, trained = methods
    reports = {method.name: method.report for method in methods}
    if split.has_cameras:
        pairs = evaluate_camera_pairs(trained.query, trained.gallery)
        reports[trained.name] = replace(trained.report, camera_pairs=pairs)
    rows = choose_queries(len(trained.query), _SHOWN, seed)
    pictures = [_picture(trained, split, row) for row in rows]
    pictures.append(_picture(histogram, split, min(rows[0], len(histogram.query) - 1)))
    model, root = _quoted(str(out / "run")), _quoted(data)
    rule = "" if split.has_cameras else " --no-camera-rule"
    return Page(
        title="Passerby: the demo",
        introduction=(
            "Person re-identification: is the person in this picture the one in that picture, "
            "taken by another camera? The system of Li and Wang 2021 (Joint Loss and Multiple "
            "Attention Mechanism, doi 10.32604/iasc.2021.017926: CBAM in every residual block, "
            "circle classifier, cross-entropy and triplet loss) in a compact form, beside the "
            "same network untrained and a colour histogram. No test person was trained on."
        ),
        methods=[Method(name, report) for name, report in reports.items()],
        headline=trained.name,
        epochs=read_metrics(out / "run" / "metrics.jsonl"),
        pictures=pictures,
        facts={
            "data": f"{split.source}: {count_of(len(split.train), 'train image')} of "
            f"{count_of(len(persons_of(split.train)), 'person')}",
            "recipe": f"{recipe.name}, {count_of(recipe.epochs, 'epoch')}, seed {seed}",
            "versions": f"passerby {__version__}, torch {torch.__version__}, "
            f"Python {platform.python_version()}",
            "machine": f"{platform.machine()}, {available_cores()} cores, {platform.system()}",
        },
        notes=[*split.notes, *trained.report.notes],
        next_steps=[
            ("see what it looks at", f"passerby explain {model} --data {root} --out why"),
            ("draw more ranked lists", f"passerby rank {model} --data {root} --out lists{rule}"),
            (
                "train longer",
                f'passerby train "table1_ours(scale=compact)" --data {root} --out runs/ours',
            ),
            (
                "compare the rows of the paper's Table 1",
                f"passerby ablate --data {root} --out runs/table1 --rows baseline,ours",
            ),
            ("use your own pictures", "passerby demo --data FOLDER --out demo-own"),
        ],
    )
