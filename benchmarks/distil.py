"""Students of the packaged model: size, speed, and scores on train persons seen by several cameras.

    python benchmarks/distil.py OUT --data ROOT [--last N] [--images N] [--epochs N] [--only NAME]
        [--persons N] [--timed N]

OUT/persons is a drawn set of other persons than the teacher's, read without its labels; OUT/NAME is
the run of each student. Called again after an interruption it goes on where it stopped. The scores
are those of unseen_cameras.py on ROOT, which trains nobody here. Prints a Markdown table: the
teacher, each student's start, and the student. Speed is images per second of one core, from pixels
of 160×80 to vectors, in eager mode. EfficientNet-Lite0 starts from ImageNet (the extra
"passerby[imagenet]"), the others from nothing: their ImageNet weights are no package.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from default_model import speed
from unseen_cameras import seen_by_several

import passerby
from passerby.config import IMAGENET_MEAN, IMAGENET_STD, Input, Network, Optimizer, Recipe, Schedule
from passerby.data.reading.reader import read_split
from passerby.embedding.embedder import Embedder, load
from passerby.models.checkpoint import Card, load_model, read_card, save_model
from passerby.models.packaged import model_folder
from passerby.models.system import build_model
from passerby.synthesis.writing import write
from passerby.tables.records import Record
from passerby.training.distillation import distil

# The teacher's seed is 22: nobody here has taught it.
PERSONS = {"seed": 31, "train_persons": 750, "test_persons": 60, "cameras": 4, "sites": 40}
HALF = (0.498, 0.498, 0.498), (0.502, 0.502, 0.502)  # of EfficientNet-Lite's ImageNet weights


def recipe(name: str, network: Network, epochs: int, mean: tuple, std: tuple) -> Recipe:
    """A student at 128×64: what the students differ in, and one schedule for all."""
    return Recipe(
        name,
        epochs=epochs,
        input=Input(height=128, width=64, mean=mean, std=std),
        network=network,
        augmentations=(
            "flip",
            "pad_and_crop(padding=4)",
            "colour_jitter(brightness=0.3, contrast=0.2, saturation=0.2)",
            "erase(probability=0.4)",
        ),
        optimizer=Optimizer("adamw", rate=1e-3, weight_decay=1e-2, decays="matrices"),
        schedule=Schedule("cosine", warm_up=0.5, warm_up_start=0.05),
        validate_every=epochs,
    )


def lite0(epochs: int) -> Recipe:
    """EfficientNet-Lite0, the teacher's own network, at 128×64 in place of 192×96."""
    network = Network(
        "efficientnet_lite0(last_stride=1)", start="imagenet", pooling="gem(power=3.0)"
    )
    return recipe("lite0", network, epochs, *HALF)


def osnet_x0_25(epochs: int) -> Recipe:
    """OSNet x0.25, 512 numbers."""
    network = Network("osnet(width=0.25)", projection="linear_norm_relu(width=512)", neck="none")
    return recipe("osnet_x0_25", network, epochs, IMAGENET_MEAN, IMAGENET_STD)


def resnet18(epochs: int) -> Recipe:
    """ResNet-18, 512 numbers."""
    network = Network("resnet18(last_stride=1)", pooling="gem(power=3.0)")
    return recipe("resnet18", network, epochs, IMAGENET_MEAN, IMAGENET_STD)


STUDENTS: dict[str, Callable[[int], Recipe]] = {
    "lite0": lite0,
    "osnet_x0_25": osnet_x0_25,
    "resnet18": resnet18,
}


def score(embedder: Embedder, records: list[Record], rows: np.ndarray) -> str:
    """Rank-1 and mAP with each train image of a person seen by several cameras as a query."""
    known = embedder.embed(records).embeddings
    report = passerby.evaluate(known[rows], known)
    return f"{report.rank1:.1f} / {report.mean_average_precision:.1f}"


def untrained(student: Recipe, folder: Path) -> Path:
    """The student as its training begins."""
    torch.manual_seed(0)
    save_model(folder, build_model(student.network, 0), Card(student, 0, 0, 0))
    return folder


def row(
    name: str,
    model: Path | str,
    told: str,
    records: list[Record],
    rows: np.ndarray,
    *,
    timed: int,
) -> str:
    """A line of the table; timed: images that the speed is of."""
    embedder = load(model)
    size = embedder.input
    network, _ = load_model(model_folder(model))
    numbers = sum(p.numel() for p in network.parameters()) / 1e6
    return (
        f"| {name} | {size.height}×{size.width} | {numbers:.2f} | {embedder.dimensions} | "
        f"{speed(model_folder(model), timed):.0f} | {told} | {score(embedder, records, rows)} |"
    )


def main() -> None:
    """Draw, distil, score."""
    parser = argparse.ArgumentParser()
    parser.add_argument("out", type=Path)
    parser.add_argument("--data", required=True)
    parser.add_argument("--first", type=int, default=1)
    parser.add_argument("--last", type=int, default=10**9)
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--images", type=int, default=6000, help="of the drawn ones, evenly")
    parser.add_argument("--persons", type=int, default=PERSONS["train_persons"])
    parser.add_argument("--timed", type=int, default=256, help="images that a speed is of")
    parser.add_argument("--only", nargs="*", choices=list(STUDENTS), default=list(STUDENTS))
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    most = arguments.persons
    fewer = {name: min(PERSONS[name], most) for name in ("test_persons", "sites")}
    settings = {**PERSONS, "train_persons": most, **fewer}
    write(arguments.out / "persons", **settings, images=2, style="varied")
    split = read_split(f"drawn:unlabelled={arguments.out / 'persons' / 'bounding_box_train'}")
    split = replace(split, train=split.train[:: max(len(split.train) // arguments.images, 1)])
    ours = passerby.read_split(arguments.data).train
    records = [r for r in ours if arguments.first <= r.person <= arguments.last]
    rows = seen_by_several(records)
    print(
        f"{len(split.train)} drawn images without labels, {arguments.epochs} epochs; {len(rows)} "
        f"queries of {len({records[one].person for one in rows})} persons\n"
    )
    print("| model | input | parameters (10⁶) | numbers | images/s | CPU minutes | rank-1 / mAP |")
    print("|---|---|---|---|---|---|---|")
    timed = arguments.timed
    print(row("`default`, the teacher", "default", "–", records, rows, timed=timed), flush=True)
    for name in arguments.only:
        student, out = STUDENTS[name](arguments.epochs), arguments.out / name
        start, begun = time.process_time(), (out / "metrics.jsonl").exists()
        distil(["default"], student, split, out, seed=0, resume=begun, workers=0, cache="2GB")
        told = f"{(time.process_time() - start) / 60:.1f}"
        begin = untrained(student, arguments.out / f"{name}-untrained")
        print(row(f"{name}, as it begins", begin, "0", records, rows, timed=timed), flush=True)
        print(
            row(
                f"{name}, distilled ({read_card(out).fingerprint})",
                out,
                told,
                records,
                rows,
                timed=timed,
            )
        )


if __name__ == "__main__":
    main()
