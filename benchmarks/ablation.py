"""What each row of Table 1 costs: parameters, multiplications, and images per second of CPU time.

    OMP_NUM_THREADS=1 python benchmarks/ablation.py [--scale compact] [--rows all] [--steps 3]
        [--set computation.precision=bfloat16]

Training is the whole step on a batch of 16 persons × 4 images that is in memory: forward, losses,
backward, Adam. Embedding is the network as it is tested. Time is the process's CPU time, the least
of the steps after the first; the rows follow each other in one process and take turns in each
step, so that a busy machine slows all of them alike. Prints a Markdown table.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from dataclasses import replace

import torch

from passerby.config import Recipe, open_recipe
from passerby.data.batch import Batch
from passerby.models.cost import cost_of
from passerby.models.system import build_model
from passerby.studies.ablation import chosen_rows
from passerby.training.step.learner import Learner

PERSONS = 500


def steps_of(recipe: Recipe) -> tuple[Callable[[], object], Callable[[], object]]:
    """A training step and an embedding of the same batch."""
    network = build_model(replace(recipe.network, start="none"), PERSONS)
    learner = Learner(recipe, network, torch.device("cpu"))
    persons = torch.arange(recipe.sampling.persons).repeat_interleave(recipe.sampling.images)
    size = (len(persons), 3, recipe.input.height, recipe.input.width)
    pixels = torch.randint(0, 256, size, dtype=torch.uint8)
    nothing = torch.zeros_like(persons)
    batch = Batch(pixels, persons, nothing, nothing, torch.arange(len(persons)))
    images = torch.randn(size).to(memory_format=torch.channels_last)

    def embed() -> None:
        network.eval()
        with torch.inference_mode():
            network(images)
        network.train()

    return lambda: learner.step(batch, recipe.optimizer.rate), embed


def main(names: str, scale: str, settings: Sequence[str], steps: int) -> None:
    """Print a row a row."""
    rows = chosen_rows(names)
    recipes = [open_recipe(f"table1_{row.name}(scale={scale})", settings) for row in rows]
    works = [steps_of(recipe) for recipe in recipes]
    least = [[float("inf")] * 2 for _ in rows]
    for step in range(steps + 1):
        for row, work in enumerate(works):
            for kind, run in enumerate(work):
                start = time.process_time()
                run()
                if step:
                    least[row][kind] = min(least[row][kind], time.process_time() - start)
    print("| row | M parameters | G multiply-adds | trained images / CPU s | embedded |")
    print("|---|---|---|---|---|")
    for row, recipe, (trained, embedded) in zip(rows, recipes, least, strict=True):
        cost, images = cost_of(recipe), recipe.sampling.persons * recipe.sampling.images
        print(
            f"| {row.title} | {cost.parameters / 1e6:.2f} | {cost.multiplications / 1e9:.3f} "
            f"| {images / trained:.1f} | {images / embedded:.1f} |"
        )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scale", choices=("compact", "paper"), default="compact")
    parser.add_argument("--rows", default="all")
    parser.add_argument("--steps", type=int, default=3)
    parser.add_argument("--set", action="append", default=[])
    arguments = parser.parse_args()
    main(arguments.rows, arguments.scale, arguments.set, arguments.steps)
