"""Whether each system learns: its compact recipe on one fixed synthetic set, on one core.

    python benchmarks/systems.py NAME... [--out FOLDER] [--set PATH=VALUE]...

NAME is a recipe with a scale (pcb, mgn, "osnet(width=0.25)"). Draws 140 train and 60 test persons
by seed 0, with their joints, into FOLDER (default: systems-benchmark) unless they are there, trains
``NAME(scale=compact)`` at 96×32 with one group of images a person and epoch, and prints a row of a
Markdown table: CPU minutes, rank-1 / mAP of the same network before and after, by every distance
that it has.
"""

import argparse
import os
import shutil
import time
from dataclasses import replace
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")  # the minutes are those of one core

import torch

from passerby.assessment.score import embed_test_parts
from passerby.calls import Call
from passerby.config import open_recipe
from passerby.data.reading.reader import read_split
from passerby.embedding.embedder import Embedder
from passerby.evaluation.evaluate import evaluate
from passerby.evaluation.ranking.local import distances_of
from passerby.models.checkpoint import load_model
from passerby.models.system import build_model
from passerby.process.reporting import Silent, reporting_to
from passerby.synthesis.writing import write
from passerby.training.loop import train

SETTINGS = ("input.height=96", "input.width=32", "sampling.limit=1")


def main(names: list[str], out: Path, settings: list[str]) -> None:
    """Train and score each, and print its row as soon as it is known."""
    root = out / "data"
    # Pictures are the same with and without joints, which AACN alone asks for.
    write(root, seed=0, train_persons=140, test_persons=60, joints=True, workers=1)
    split = read_split(str(root))
    print("| system | distance | CPU minutes | untrained | trained | rank-1 gained |")
    print("|---|---|---|---|---|---|", flush=True)
    for name in names:
        compact = Call.parse(name).with_option("scale", "compact")
        recipe = open_recipe(str(compact), [*SETTINGS, *settings])
        torch.manual_seed(0)
        before = scores(build_model(recipe.network, 0), recipe, split)
        run = out / name
        shutil.rmtree(run, ignore_errors=True)
        start = time.process_time()
        with reporting_to(Silent()):
            train(recipe, replace(split, query=(), gallery=()), run)
        minutes = (time.process_time() - start) / 60
        after = scores(load_model(run)[0], recipe, split)
        for distance, report in after.items():
            old = before[distance]
            gained = f"{report.rank1 - old.rank1:+.2f}"
            row = [name, distance, f"{minutes:.1f}", said(old), said(report), gained]
            print(f"| {' | '.join(row)} |", flush=True)


def scores(system, recipe, split):
    """Reports by distance: of the embedding, of what stands before the neck, of stripes."""
    embedder = Embedder(system, recipe.input)
    query, gallery, _ = embed_test_parts(embedder.embed, split)
    found = {"global": evaluate(query, gallery)}
    if query.local is not None:
        for which in ("local", "both"):
            found[which] = evaluate(query, gallery, distances=distances_of(query, gallery, which))
    if recipe.network.system.startswith("pcb"):
        embedder = Embedder(system, recipe.input, before_neck=True)
        parts = embed_test_parts(embedder.embed, split)
        found["before neck"] = evaluate(*parts[:2])
    return found


def said(report):
    """Rank-1 / mAP."""
    return f"{report.rank1:.2f} / {report.mean_average_precision:.2f}"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("names", nargs="+")
    parser.add_argument("--out", type=Path, default=Path("systems-benchmark"))
    parser.add_argument("--set", action="append", default=[], help="as passerby train takes it")
    given = parser.parse_args()
    main(given.names, given.out, given.set)
