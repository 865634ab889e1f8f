"""What heads on frozen backbones gain, on the persons of benchmarks/systems.py, on one core.

    python benchmarks/frozen_heads.py NAME... [--out FOLDER] [--epochs N]

NAME is BACKBONE/HEAD of the recipe frozen_head (lite0/mlp). Prints a row of a Markdown table: CPU
seconds of the run, rank-1 / mAP of the pooled vectors of the frozen backbone, without a head, and
of the model.
"""

import argparse
import os
import shutil
import time
from dataclasses import replace
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")  # the seconds are those of one core

from passerby.assessment.score import embed_test_parts
from passerby.data.reading.reader import read_split
from passerby.embedding.embedder import Embedder
from passerby.evaluation.evaluate import evaluate
from passerby.models.checkpoint import load_model
from passerby.process.reporting import Silent, reporting_to
from passerby.recipes.frozen_head import frozen_head
from passerby.synthesis.writing import write
from passerby.training.loop import train
from passerby.training.step.trunk_and_head import Trunk


def main(names: list[str], out: Path, epochs: int) -> None:
    """Train and score each, and print its row as soon as it is known."""
    root = out / "data"
    if not root.exists():
        write(root, seed=0, train_persons=140, test_persons=60, workers=1)
    split = read_split(str(root))
    print("| backbone | head | CPU s | frozen alone | with head |")
    print("|---|---|---|---|---|", flush=True)
    for name in names:
        backbone, _, head = name.partition("/")
        recipe = frozen_head(backbone, head, epochs)
        run = out / name.replace("/", "-")
        shutil.rmtree(run, ignore_errors=True)
        start = time.process_time()
        with reporting_to(Silent()):
            train(recipe, replace(split, query=(), gallery=()), run)
        seconds = time.process_time() - start
        whole = load_model(run)[0]
        before, after = (scored(one, recipe, split) for one in (Trunk(whole), whole))
        print(f"| {backbone} | {head} | {seconds:.0f} | {before} | {after} |", flush=True)


def scored(system, recipe, split):
    """Rank-1 / mAP."""
    query, gallery, _ = embed_test_parts(Embedder(system, recipe.input).embed, split)
    report = evaluate(query, gallery)
    return f"{report.rank1:.1f} / {report.mean_average_precision:.1f}"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("names", nargs="+")
    parser.add_argument("--out", type=Path, default=Path("systems-benchmark"))
    parser.add_argument("--epochs", type=int, default=40)
    given = parser.parse_args()
    main(given.names, given.out, given.epochs)
