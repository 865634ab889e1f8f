"""Whether searched cells are better than others: found, published and random ones, trained alike.

    python benchmarks/architecture_search.py [--out FOLDER] [--random N]
        [--epochs N] [--width N] [--rate R] [--seed N]    (of the search)

Draws 140 train and 60 test persons by seed 0 into FOLDER/data (default: systems-benchmark, as
benchmarks/systems.py) unless they are there, searches cells for ``auto_reid(scale=compact)`` at
128×32 on the train persons, then trains that network by seed 0 with the found cells, the
authors', and N that are drawn by chance, and prints a row of a Markdown table for each: CPU
minutes, rank-1 / mAP on the test persons.
"""

import argparse
import os
import shutil
import time
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")  # the minutes are those of one core

import numpy as np

from passerby.architecture_search.search import Search, search_architecture, with_cells
from passerby.config import open_recipe
from passerby.data.reading.reader import read_split
from passerby.models.backbones.auto_reid import PUBLISHED
from passerby.models.cells.genotype import Edge, Genotype
from passerby.models.cells.operations import NAMES
from passerby.models.cost import cost_of
from passerby.process.reporting import Silent, reporting_to
from passerby.synthesis.writing import write
from passerby.training.loop import train

SETTINGS = ("input.height=128", "input.width=32", "sampling.limit=1")


def main(out: Path, random: int, search: Search, seed: int) -> None:
    """Search, then train and score each."""
    root = out / "data"
    if not root.exists():
        write(root, seed=0, train_persons=140, test_persons=60, workers=1)
    split = read_split(str(root))
    recipe = open_recipe("auto_reid(scale=compact)", SETTINGS)
    shutil.rmtree(out / "cells", ignore_errors=True)
    start = time.process_time()
    found = search_architecture(recipe, split, out / "cells", search, seed=seed)
    print(f"searched in {(time.process_time() - start) / 60:.1f} CPU minutes:")
    print(found.network.backbone)
    print("| cells | 10³ parameters | CPU minutes | rank-1 / mAP |\n|---|---|---|---|", flush=True)
    cells = {
        "found": Genotype.parse(found.network.backbone.split("'")[1]),
        "the authors' (retrieval)": Genotype.parse(PUBLISHED["retrieval"]),
        **{f"random, draw {draw}": by_chance(search.nodes, draw) for draw in range(random)},
    }
    for name, genotype in cells.items():
        run = out / "architecture"
        shutil.rmtree(run, ignore_errors=True)
        start = time.process_time()
        with reporting_to(Silent()):
            own = with_cells(recipe, genotype, f"cells: {name}")
            report = train(own, split, run).report
        minutes = (time.process_time() - start) / 60
        figures = f"{report.rank1:.2f} / {report.mean_average_precision:.2f}"
        print(
            f"| {name} | {cost_of(own).parameters / 1e3:.0f} | {minutes:.1f} | {figures} |",
            flush=True,
        )


def by_chance(nodes: int, seed: int) -> Genotype:
    """Two edges into each node, of operations that are drawn evenly ("none" is not among them)."""
    draw = np.random.default_rng(seed)

    def edge(source: int) -> Edge:
        return Edge(NAMES[int(draw.integers(1, len(NAMES)))], source)

    def cell() -> tuple[tuple[Edge, ...], ...]:
        sources = (draw.choice(node, 2, replace=False).tolist() for node in range(2, nodes + 2))
        return tuple(tuple(map(edge, pair)) for pair in sources)

    return Genotype(cell(), cell())


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--out", type=Path, default=Path("systems-benchmark"))
    parser.add_argument("--random", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=40)
    parser.add_argument("--width", type=int, default=4)
    parser.add_argument("--rate", type=float, default=0.02)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    search = Search(epochs=given.epochs, width=given.width, rate=given.rate)
    main(given.out, given.random, search, given.seed)
