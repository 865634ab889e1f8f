"""What attention costs in each runtime, beside its share of the arithmetic.

    python benchmarks/attention.py [--backbone "resnet50(last_stride=1)"] [--size 256 128]
        [--attentions cbam se eca] [--runtimes torch onnx openvino] [--batch 8] [--rounds 7]

Networks with random weights, all in one process and asked in turns: CPU time of a batch with the
attention over that without, the median over rounds, and the same of the multiplications.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path
from statistics import median

import torch
from processor import processor

import passerby
from passerby.config import Input, Network, Recipe
from passerby.embedding.converted import drawn_persons
from passerby.embedding.embedder import Embedder
from passerby.models.checkpoint import Card, save_model
from passerby.models.cost import cost_of
from passerby.models.system import build_model


def recipe_of(attention: str, backbone: str, size: Input) -> Recipe:
    """A recipe of that network and size."""
    return Recipe(attention, input=size, network=Network(backbone, attention=attention))


def opened(recipe: Recipe, folder: Path, runtime: str) -> Embedder:
    """The network with random weights, ready in one thread."""
    if not folder.exists():
        torch.manual_seed(0)
        model = build_model(recipe.network, persons=0)
        for module in model.modules():
            if isinstance(module, torch.nn.BatchNorm1d | torch.nn.BatchNorm2d):
                module.running_var.uniform_(0.5, 1.5)
        save_model(folder, model, Card(recipe, 0, 0, 0))
    return passerby.load(folder, runtime=runtime, threads=1, device="cpu")


def main() -> None:
    """Measure and print a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--backbone", default="resnet50(last_stride=1)")
    parser.add_argument("--size", nargs=2, type=int, default=[256, 128])
    parser.add_argument("--attentions", nargs="+", default=["cbam", "se", "eca"])
    parser.add_argument("--runtimes", nargs="+", default=["torch", "onnx", "openvino"])
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    size = Input(height=options.size[0], width=options.size[1])
    names = ["none", *options.attentions]
    recipes = {name: recipe_of(name, options.backbone, size) for name in names}
    images = drawn_persons(options.batch, size)
    times: dict[tuple[str, str], list[float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        ready = {
            (name, runtime): opened(recipes[name], Path(folder) / name, runtime)
            for runtime in options.runtimes
            for name in names
        }
        for number in range(options.rounds + 1):
            for key, embedder in ready.items():
                began = time.process_time()
                embedder.runtime.start(images, None)()
                if number:  # the first one warms up
                    times.setdefault(key, []).append(time.process_time() - began)
    print(f"{processor()}; {options.backbone}, {size.height}×{size.width}, batch {options.batch}\n")
    print(f"| CPU time over that without | arithmetic | {' | '.join(options.runtimes)} |")
    print("|---" * (2 + len(options.runtimes)) + "|")
    plain = cost_of(recipes["none"]).multiplications
    for name in options.attentions:
        cells = [f"{cost_of(recipes[name]).multiplications / plain:.3f}"]
        for runtime in options.runtimes:
            pairs = zip(times[name, runtime], times["none", runtime], strict=True)
            cells.append(f"{median(one / other for one, other in pairs):.2f}")
        print(f"| {name} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
