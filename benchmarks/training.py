"""Images per second of whole training steps, beside other toolkits and plain torchvision.

    python benchmarks/training.py [--part step cbam loader ...] [--only NAME ...] [--size paper]

Prints Markdown tables. A step is all of it: reading and augmenting the images in the same process,
forward, losses, backward, optimiser; 16 persons × 4 images of 256×128 in float32 on the CPU. Every
contestant trains ResNet with last stride 1, a circle classifier (scale 64, margin 0.35) and the
batch-hard triplet loss with Adam, in a process of its own, on JPEG crops of 128×64 that are drawn
into a temporary folder. Time is that of the least step after the first. Toolkits that are not
installed say so. A row more is a function that returns a step, and its entry in ROWS.
"""

from __future__ import annotations

import argparse
import collections
import collections.abc
import importlib
import io
import json
import os
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import nullcontext, redirect_stdout
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from PIL import Image
from processor import processor
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset
from torchvision import models
from torchvision import transforms as T

from passerby.config import (
    IMAGENET_MEAN,
    IMAGENET_STD,
    Computation,
    Input,
    LossTerm,
    Network,
    Recipe,
)
from passerby.data.reading.reader import read_split
from passerby.data.sampling import PersonBatches
from passerby.embedding.preprocessing import normalised
from passerby.models.systems.plain import Plain
from passerby.process.cores import available_cores
from passerby.registry import AUGMENTATIONS
from passerby.synthesis.writing import write
from passerby.training.input.loader import Key, Loader, TrainingImages
from passerby.training.step.learner import Learner
from passerby.training.step.step_memory import freed_memory_kept

RATE, SCALE, MARGIN, TRIPLET = 3.5e-4, 64.0, 0.35, 0.3
Step = Callable[[], None]
PLAIN = Computation()
LOADED = 20  # batches that are timed where only loading is
WORKERS, EPOCHS, BATCHES = 2, range(5), 20  # processes, epochs and batches of each in part workers


@dataclass(frozen=True)
class Size:
    """A network, its input, P × K, padding before the crop, and how many steps are timed."""

    depth: int
    height: int
    width: int
    persons: int
    images: int
    padding: int
    steps: int


SIZES = {
    "paper": Size(50, 256, 128, 16, 4, 10, 2),
    "small": Size(18, 64, 32, 4, 4, 3, 2),
}


class Work:
    """The images, their labels and the P × K batches, the same for every contestant."""

    def __init__(self, root: str, size: Size) -> None:
        self.size = size
        self.records = read_split(root).train
        persons = sorted({record.person for record in self.records})
        self.persons = len(persons)
        self.labels = [persons.index(record.person) for record in self.records]
        sampler = PersonBatches(self.labels, size.persons, size.images, seed=0)
        self.batches = [batch for epoch in range(LOADED + 2) for batch in sampler.epoch(epoch)]


# Ours ---------------------------------------------------------------------------------------------


def our_images(work: Work) -> TrainingImages:
    """Passerby's images with flip, crop and erasing."""
    size = work.size
    calls = ("flip", f"pad_and_crop(padding={size.padding})", "erase(probability=0.5)")
    augmentations = [AUGMENTATIONS.build(call) for call in calls]
    shape = Input(height=size.height, width=size.width)
    return TrainingImages(work.records, work.labels, shape, augmentations, seed=0)


def our_batches(work: Work) -> Iterator:
    """Passerby's loader in this process."""
    images = our_images(work)
    return Loader(images, work.records, work.labels, 0, pin_memory=False).epoch(0, work.batches)


def our_normalised(work: Work) -> Iterator:
    """The same and normalised to float32, which the training step does, as others' loaders do."""
    shape = Input(height=work.size.height, width=work.size.width)
    return (normalised(batch.images, shape) for batch in our_batches(work))


def ours(work: Work, attention: str = "none", how: Computation = PLAIN) -> Step:
    """Passerby's loader and learner, as its training loop uses them."""
    recipe = Recipe(
        "benchmark",
        input=Input(height=work.size.height, width=work.size.width),
        network=Network(
            f"resnet{work.size.depth}(last_stride=1)",
            attention=attention,
            classifier=f"circle(scale={SCALE}, margin={MARGIN})",
        ),
        losses=(LossTerm("cross_entropy"), LossTerm(f"triplet(margin={TRIPLET})")),
        computation=how,
    )
    learner = Learner(recipe, Plain(recipe.network, work.persons), torch.device("cpu"))
    batches = our_batches(work)
    return lambda: learner.step(next(batches), RATE) and None


# Plain torchvision --------------------------------------------------------------------------------


class Crops(Dataset):
    """Images by Pillow and torchvision's transforms; an item is (image, label)."""

    def __init__(self, work: Work, transform: Callable) -> None:
        self.work, self.transform = work, transform

    def __getitem__(self, row: int) -> tuple[Tensor, int]:
        image = Image.open(self.work.records[row].image).convert("RGB")
        return self.transform(image), self.work.labels[row]


def plain_transform(size: Size, normalised: bool = True) -> Callable:
    """Resize, flip, pad and crop, normalise, erase: the usual list on Pillow images."""
    shape = (size.height, size.width)
    return T.Compose(
        [
            T.Resize(shape),
            T.RandomHorizontalFlip(0.5),
            T.Pad(size.padding),
            T.RandomCrop(shape),
            T.ToTensor(),
            *([T.Normalize(IMAGENET_MEAN, IMAGENET_STD)] if normalised else []),
            T.RandomErasing(0.5, (0.02, 0.4), (0.3, 1 / 0.3), 0 if normalised else 0.45),
        ]
    )


def batches_of(work: Work, transform: Callable) -> Iterator:
    """(images, labels) of the P × K batches, in this process."""
    return iter(DataLoader(Crops(work, transform), batch_sampler=work.batches))


class CircleHead(nn.Module):
    """Batch norm neck and circle classifier (Sun et al. 2020, eq. 5-9), cross-entropy of it."""

    def __init__(self, channels: int, persons: int) -> None:
        super().__init__()
        self.neck = nn.BatchNorm1d(channels)
        self.neck.bias.requires_grad_(False)
        self.weight = nn.Parameter(0.01 * torch.randn(persons, channels))

    def forward(self, vectors: Tensor, persons: Tensor) -> Tensor:
        cosine = F.linear(F.normalize(self.neck(vectors)), F.normalize(self.weight))
        towards = torch.clamp_min(1 + MARGIN - cosine.detach(), 0) * (cosine - (1 - MARGIN))
        away = torch.clamp_min(cosine.detach() + MARGIN, 0) * (cosine - MARGIN)
        right = F.one_hot(persons, cosine.shape[1]).bool()
        return F.cross_entropy(SCALE * torch.where(right, towards, away), persons)


def hard_triplet(vectors: Tensor, persons: Tensor) -> Tensor:
    """Batch-hard triplet loss (Hermans et al. 2017, eq. 5) with torch.cdist."""
    distances = torch.cdist(vectors, vectors)
    same = persons[:, None] == persons
    positive = (distances * same).max(1).values
    negative = distances.masked_fill(same, torch.inf).min(1).values
    return F.relu(positive - negative + TRIPLET).mean()


class LiteralCbam(nn.Module):
    """CBAM as one writes it from the paper (Woo et al. 2018, eq. 1-3)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        hidden = channels // 16
        self.mlp = nn.Sequential(
            nn.Flatten(),
            nn.Linear(channels, hidden, bias=False),
            nn.ReLU(),
            nn.Linear(hidden, channels, bias=False),
        )
        self.convolution = nn.Conv2d(2, 1, 7, padding=3, bias=False)

    def forward(self, maps: Tensor) -> Tensor:
        average = self.mlp(F.adaptive_avg_pool2d(maps, 1))
        largest = self.mlp(F.adaptive_max_pool2d(maps, 1))
        maps = maps * torch.sigmoid(average + largest)[:, :, None, None]
        pooled = torch.cat([maps.max(1, keepdim=True)[0], maps.mean(1, keepdim=True)], dim=1)
        return maps * torch.sigmoid(self.convolution(pooled))


def plain_backbone(depth: int, cbam: bool) -> nn.Module:
    """torchvision's ResNet without its classifier, last stride 1."""
    network = getattr(models, f"resnet{depth}")(weights=None)
    network.fc = nn.Identity()
    first = network.layer4[0]
    (first.conv2 if depth >= 50 else first.conv1).stride = (1, 1)
    first.downsample[0].stride = (1, 1)
    if cbam:
        for stage in (network.layer1, network.layer2, network.layer3, network.layer4):
            for block in stage:  # behind the batch norm that closes the residual branch
                name = "bn3" if depth >= 50 else "bn2"
                norm = getattr(block, name)
                setattr(block, name, nn.Sequential(norm, LiteralCbam(norm.num_features)))
    return network


def training_step(
    network: nn.Module, head: CircleHead, triplet: Callable, batches: Iterator
) -> Step:
    """Forward, losses, backward and Adam on the next batch."""
    parameters = [*network.parameters(), *head.parameters()]
    optimizer = torch.optim.Adam(parameters, RATE, weight_decay=5e-4)

    def step() -> None:
        images, persons = next(batches)
        vectors = network(images)
        loss = head(vectors, persons) + triplet(vectors, persons)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        loss.item()

    return step


def plain(work: Work, cbam: bool = False, channels_last: bool = False) -> Step:
    """torchvision's network and transforms, losses as written above."""
    network = plain_backbone(work.size.depth, cbam).train()
    head = CircleHead(2048 if work.size.depth >= 50 else 512, work.persons)
    batches = batches_of(work, plain_transform(work.size))
    if channels_last:
        network = network.to(memory_format=torch.channels_last)
        batches = ((x.contiguous(memory_format=torch.channels_last), y) for x, y in batches)
    return training_step(network, head, hard_triplet, batches)


# Peers --------------------------------------------------------------------------------------------


def torchreid_transform(size: Size) -> Callable:
    """torchreid's transforms; its crop enlarges by an eighth in place of the padding."""
    module = importlib.import_module("torchreid.reid.data.transforms")
    names = ["random_flip", "random_crop", "random_erase"]
    with redirect_stdout(io.StringIO()):
        return module.build_transforms(size.height, size.width, names)[0]


def torchreid(work: Work) -> Step:
    """torchreid's ResNet, transforms and triplet loss; it has no circle classifier: the plain one.

    Its network returns the vectors after its linear classifier, which is left out.
    """
    resnet = importlib.import_module("torchreid.reid.models.resnet")
    triplet = importlib.import_module("torchreid.reid.losses").TripletLoss(TRIPLET)
    block, layers = (resnet.Bottleneck, [3, 4, 6, 3]), (resnet.BasicBlock, [2, 2, 2, 2])
    kind, counts = block if work.size.depth >= 50 else layers
    network = resnet.ResNet(work.persons, "softmax", kind, counts, last_stride=1)
    width, network.classifier = network.feature_dim, nn.Identity()
    batches = batches_of(work, torchreid_transform(work.size))
    return training_step(network, CircleHead(width, work.persons), triplet, batches)


def fastreid(work: Work) -> Step:
    """fastreid's backbone, head and losses; its data package cannot be imported: torchvision's."""
    # It was written for Python before 3.10.
    collections.Mapping = collections.abc.Mapping  # type: ignore[attr-defined]
    importlib.import_module("fastreid.modeling.meta_arch")
    settings = importlib.import_module("fastreid.config").get_cfg()
    settings.merge_from_list(
        [
            *("MODEL.DEVICE", "cpu", "MODEL.BACKBONE.PRETRAIN", False),
            *("MODEL.BACKBONE.DEPTH", f"{work.size.depth}x", "MODEL.BACKBONE.LAST_STRIDE", 1),
            *("MODEL.BACKBONE.FEAT_DIM", 2048 if work.size.depth >= 50 else 512),
            *("MODEL.HEADS.NUM_CLASSES", work.persons, "MODEL.HEADS.WITH_BNNECK", True),
            *("MODEL.HEADS.CLS_LAYER", "CircleSoftmax", "MODEL.HEADS.POOL_LAYER", "GlobalAvgPool"),
            *("MODEL.HEADS.SCALE", int(SCALE), "MODEL.HEADS.MARGIN", MARGIN),
            *("MODEL.LOSSES.NAME", ("CrossEntropyLoss", "TripletLoss")),
            *("MODEL.LOSSES.CE.EPSILON", 0.0, "MODEL.LOSSES.TRI.MARGIN", TRIPLET),
            *("MODEL.LOSSES.TRI.HARD_MINING", True, "MODEL.LOSSES.TRI.NORM_FEAT", False),
        ]
    )
    network = importlib.import_module("fastreid.modeling").build_model(settings).train()
    storage = importlib.import_module("fastreid.utils.events").EventStorage
    optimizer = torch.optim.Adam(network.parameters(), RATE, weight_decay=5e-4)
    batches = batches_of(work, plain_transform(work.size, normalised=False))

    def step() -> None:
        images, persons = next(batches)
        with storage():
            loss = sum(network({"images": images.mul_(255), "targets": persons}).values())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        loss.item()

    return step


# Measuring ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Row:
    """A row of a part's table: its title and a function that returns its step."""

    part: str
    title: str
    prepare: Callable[[Work], Step]
    plain: bool = False  # not ours: without the memory that our training keeps between steps


def loading(batches: Callable[[Work], Iterator]) -> Callable[[Work], Step]:
    """Only the images of the next batch."""

    def prepare(work: Work) -> Step:
        iterator = batches(work)

        def step() -> None:
            next(iterator)

        return step

    return prepare


def our_pool(work: Work) -> Step:
    """Passerby's loader: one pool of processes for all epochs."""
    images = our_images(work)

    def step() -> None:
        with Loader(images, work.records, work.labels, WORKERS, pin_memory=False) as loader:
            for epoch in EPOCHS:
                for _ in loader.epoch(epoch, work.batches[:BATCHES]):
                    pass

    return step


class OurBatches(Dataset):
    """Passerby's images for torch's DataLoader; an item is a whole batch."""

    def __init__(self, work: Work) -> None:
        self.images, self.batches, self.number = our_images(work), work.batches[:BATCHES], 0

    def __len__(self) -> int:
        return len(self.batches)

    def __getitem__(self, number: int) -> Tensor:
        rows = self.batches[number]
        return self.images.load(
            [Key(0, number * len(rows) + i, r) for i, r in enumerate(rows)]
        ).images


def our_dataloader(work: Work) -> Step:
    """Torch's DataLoader with processes that stay, over our batches."""
    return all_epochs(
        lambda: DataLoader(
            OurBatches(work), batch_size=None, num_workers=WORKERS, persistent_workers=True
        )
    )


def plain_dataloader(work: Work) -> Step:
    """Torch's DataLoader over Pillow images and torchvision's transforms."""
    crops = Crops(work, plain_transform(work.size))
    return all_epochs(
        lambda: DataLoader(
            crops,
            batch_sampler=work.batches[:BATCHES],
            num_workers=WORKERS,
            persistent_workers=True,
        )
    )


def all_epochs(make: Callable[[], DataLoader]) -> Step:
    """A step that makes a DataLoader and goes through all epochs."""

    def step() -> None:
        loader = make()
        for _ in EPOCHS:
            for _ in loader:
                pass

    return step


ROWS = {
    "passerby": Row("step", "passerby", ours),
    "fastreid": Row("step", "fastreid", fastreid, plain=True),
    "torchreid": Row("step", "torchreid", torchreid, plain=True),
    "plain": Row("step", "plain torchvision", plain, plain=True),
    "plain-last": Row(
        "step",
        "plain torchvision, channels last",
        lambda work: plain(work, channels_last=True),
        plain=True,
    ),
    "passerby-cbam": Row("cbam", "passerby", lambda work: ours(work, "cbam")),
    "plain-cbam": Row("cbam", "plain torchvision", lambda work: plain(work, cbam=True), plain=True),
    "whole": Row("computation", "as it is", ours),
    "accumulate": Row(
        "computation", "accumulate=4", lambda work: ours(work, how=Computation(accumulate=4))
    ),
    "recompute": Row(
        "computation", "recompute", lambda work: ours(work, how=Computation(recompute=True))
    ),
    "bfloat16": Row(
        "computation", "bfloat16", lambda work: ours(work, how=Computation(precision="bfloat16"))
    ),
    "compile": Row(
        "computation", "compile", lambda work: ours(work, how=Computation(compile=True))
    ),
    "passerby-loader": Row("loader", "passerby", loading(our_normalised)),
    "passerby-uint8": Row("loader", "passerby, uint8 as it hands over", loading(our_batches)),
    "torchreid-loader": Row(
        "loader",
        "torchreid",
        loading(lambda work: batches_of(work, torchreid_transform(work.size))),
        plain=True,
    ),
    "plain-loader": Row(
        "loader",
        "Pillow, torchvision.transforms",
        loading(lambda work: batches_of(work, plain_transform(work.size))),
        plain=True,
    ),
    "ours-workers": Row("workers", "passerby's pool", our_pool),
    "ours-dataloader": Row("workers", "the same images in torch's DataLoader", our_dataloader),
    "plain-dataloader": Row(
        "workers", "DataLoader, Pillow, torchvision.transforms", plain_dataloader, plain=True
    ),
}
PARTS = {
    "step": "Whole step: ResNet, circle classifier, cross-entropy and triplet",
    "cbam": "Whole step with CBAM in every residual block",
    "loader": "Loader alone: decoded, resized, augmented, stacked",
    "workers": f"Loader with {WORKERS} processes: all epochs, the start of each included",
    "computation": "Ours, by how it is computed; the ratio is to the first row",
}


def measured(name: str, root: str, size: Size) -> dict[str, float]:
    """Seconds of the least step after the first, and the peak memory in MB, in this process."""
    warnings.simplefilter("ignore")
    torch.manual_seed(0)
    row = ROWS[name]
    with nullcontext() if row.plain else freed_memory_kept(torch.device("cpu")):
        step = row.prepare(Work(root, size))
        step()
        cpu, wall = [], []
        for _ in range(LOADED if row.part == "loader" else size.steps):
            began = cpu_seconds(), time.perf_counter()
            step()
            cpu.append(cpu_seconds() - began[0])
            wall.append(time.perf_counter() - began[1])
    return {"cpu": min(cpu), "wall": min(wall), "memory": peak_memory()}


def cpu_seconds() -> float:
    """CPU time of this process and of those it has started and ended."""
    return time.process_time() + sum(os.times()[2:4])  # children: to a hundredth of a second


def peak_memory() -> float:
    """The greatest resident memory of this process in MB; 0 where the system does not say."""
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
    except OSError:
        return 0.0
    return sum(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM:"))


def measured_apart(name: str, root: str, options: argparse.Namespace) -> dict:
    """Measure one row in a process of its own."""
    here = [sys.executable, __file__, "--measure", name, "--root", root, "--size", options.size]
    limits = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
    environment = os.environ | dict.fromkeys(limits, str(options.threads))
    done = subprocess.run(here, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        return {"error": (done.stderr.strip().splitlines() or ["killed"])[-1]}
    return json.loads(done.stdout.splitlines()[-1])


def least(rounds: list[dict]) -> dict:
    """The best of a row's rounds; an error if all of them failed."""
    good = [found for found in rounds if "error" not in found]
    if not good:
        return rounds[0]
    return {
        "cpu": min(found["cpu"] for found in good),
        "wall": min(found["wall"] for found in good),
        "memory": max(found["memory"] for found in good),
    }


def table_line(row: Row, rounds: list[dict], images: int, ours: list[dict]) -> str:
    """A line of the Markdown table; the ratios are how many times as fast ours is, by round."""
    found = least(rounds)
    if "error" in found:
        return f"| {row.title} | – | – | – | – | {found['error']} |"
    pairs = [(a, b) for a, b in zip(rounds, ours, strict=True) if "cpu" in a and "cpu" in b]
    ratios = sorted(a["cpu"] / b["cpu"] for a, b in pairs)
    ratio = f"{ratios[0]:.2f} to {ratios[-1]:.2f}" if ratios else "–"
    return (
        f"| {row.title} | {images / found['cpu']:.2f} | {images / found['wall']:.2f} | {ratio} "
        f"| {found['memory']:.0f} | |"
    )


def main() -> None:
    """Measure the chosen rows and print a table for each part."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--part", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--only", nargs="+", choices=ROWS, default=list(ROWS))
    parser.add_argument("--size", choices=SIZES, default="paper")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--measure", choices=ROWS, help=argparse.SUPPRESS)
    parser.add_argument("--root", help=argparse.SUPPRESS)
    options = parser.parse_args()
    size = SIZES[options.size]
    if options.measure:
        print(json.dumps(measured(options.measure, options.root, size)))
        return
    images = size.persons * size.images
    print(
        f"{processor()}, {available_cores()} cores, load {os.getloadavg()[0]:.1f}, "
        f"{options.threads} thread(s), torch {torch.__version__}; ResNet-{size.depth}, {images} "
        f"images of {size.height}×{size.width}; {options.rounds} rounds, interleaved"
    )
    with tempfile.TemporaryDirectory() as folder:
        root = str(write(Path(folder) / "set", train_persons=2 * size.persons, test_persons=2))
        for part in options.part:
            print(f"\n### {PARTS[part]}\n")
            print("| | images / CPU s | images / wall s | ours is × as fast | peak MB | |")
            print("|---|---|---|---|---|---|")
            names = [name for name in options.only if ROWS[name].part == part]
            results: dict[str, list[dict]] = {name: [] for name in names}
            for _ in range(options.rounds):  # all rows in turn: load that comes and goes meets all
                for name in names:
                    results[name].append(measured_apart(name, root, options))
            counted = images * (len(EPOCHS) * BATCHES if part == "workers" else 1)
            for name in names:
                print(table_line(ROWS[name], results[name], counted, results[names[0]]), flush=True)


if __name__ == "__main__":
    main()
