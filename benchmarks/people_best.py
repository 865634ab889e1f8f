"""The best recipe on a small, mixed set of real crops: made, trained and scored by one command.

    python benchmarks/people_best.py ROOT OUT [--recipe RECIPE] [--score-test]

ROOT is a Market-1501 layout with ``sources.csv`` (see people.py). OUT/sources gets a set a source,
of links; OUT/drawn the rendered persons that train with them (assets: docs/synthetic.md); OUT/run
the training run. It goes on from where it was interrupted. Prints the commands that cross-validate
the recipe and that leave a source out; with --score-test, once and last, the scores on the test
part: one gallery of all sources, plain, with mirror images, centred on cameras (of each source
apart), and re-ranked.
"""

from __future__ import annotations

import argparse
import shlex
from dataclasses import replace
from pathlib import Path

import numpy as np
import people
from default_model import RENDERED

from passerby.assessment.score import Scoring, score_embeddings
from passerby.config import open_recipe
from passerby.data.reading.joining import join_splits
from passerby.data.reading.reader import read_split
from passerby.embedding.embedder import load
from passerby.evaluation.bootstrap import bootstrap_report
from passerby.synthesis.writing import write
from passerby.tables.records import Split
from passerby.training.loop import train

# Of the persons that train the packaged model.
DRAWN = RENDERED | {"train_persons": 1500, "sites": 60}


def prepare(root: Path, out: Path) -> list[str]:
    """Divide and draw what is not there yet; returns the data sets as ``--data`` takes them."""
    people.main(root, out / "sources")
    if not (out / "drawn").exists():
        write(out / "drawn", **DRAWN, images=2, style="rendered")
    sources = sorted(path.name for path in (out / "sources").iterdir())
    real = [f"{name}:market1501={out / 'sources' / name}" for name in sources]
    return [*real, f"drawn:synthetic={out / 'drawn'}"]


def score_test(run: Path, tests: list[Split]) -> None:
    """Print a row for each way to score the test parts of all sources as one gallery.

    Then the plain score of each source's queries in that gallery.
    """
    ways = {
        "": Scoring(),
        "re-ranked": Scoring(rerank=True),
        "centred on cameras": Scoring(centre=True),
        "centred on cameras, re-ranked": Scoring(centre=True, rerank=True),
    }
    print("\n| scored | rank-1 | rank-5 | rank-10 | mAP | mINP |\n|---|---|---|---|---|---|")
    intervals, sources = [], []
    for flip in (False, True):
        embedder = load(run, flip=flip)
        query = embedder.embed([r for part in tests for r in part.query]).embeddings
        gallery = embedder.embed([r for part in tests for r in part.gallery]).embeddings
        for way, scoring in ways.items():
            name = ", ".join(filter(None, ["mirrored" if flip else "plain", way]))
            report = score_embeddings(query, gallery, scoring)
            figures = [*report.cmc[[0, 4, 9]], report.mean_average_precision, report.minp]
            print(f"| {name} | " + " | ".join(f"{figure:.2f}" for figure in figures) + " |")
            intervals.append(f"{name}: {bootstrap_report(report)}")
        if not flip:
            for part in tests:
                own = query[np.flatnonzero(query.sources == part.source)]
                report = score_embeddings(own, gallery, Scoring())
                sources.append(f"{part.source}: {report}")
    print("\n" + "\n".join(intervals) + "\n\n" + "\n".join(sources))


def main(root: Path, out: Path, recipe: str, test: bool) -> None:
    """Prepare, train, and score where asked."""
    data = prepare(root, out)
    split = join_splits([read_split(name) for name in data])
    command = f"passerby cross-validate {shlex.quote(recipe)} " + " ".join(
        f"--data {name}" for name in data
    )
    tests = [part for part in split.joined if part.query and part.source != "drawn"]
    only = " ".join(f"--only {part.source}" for part in tests)
    print(f"\n{command} {only} --out {out / 'folds'}")
    print(f"{command} {only} --by sources --out {out / 'without'}\n")
    begun = (out / "run" / "metrics.jsonl").exists()
    tested = replace(split, joined=())  # scored below, and only when asked
    train(open_recipe(recipe), tested, out / "run", seed=0, resume=begun, workers=1, cache="3GB")
    if test:
        score_test(out / "run", tests)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("root", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--recipe", default="people_best")
    parser.add_argument("--score-test", action="store_true")
    arguments = parser.parse_args()
    main(arguments.root, arguments.out, arguments.recipe, arguments.score_test)
