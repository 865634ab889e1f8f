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
import platform
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import redirect_stdout
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from PIL import Image
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
from passerby.training.input.loader import Loader, TrainingImages
from passerby.training.step.learner import Learner
from passerby.training.step.step_memory import keep_freed_memory

RATE, SCALE, MARGIN, TRIPLET = 3.5e-4, 64.0, 0.35, 0.3
Step = Callable[[], None]
PLAIN = Computation()
LOADED = 20  # batches that are timed where only loading is


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


def our_batches(work: Work) -> Iterator:
    """Passerby's loader in this process."""
    size = work.size
    calls = ("flip", f"pad_and_crop(padding={size.padding})", "erase(probability=0.5)")
    augmentations = [AUGMENTATIONS.build(call) for call in calls]
    shape = Input(height=size.height, width=size.width)
    images = TrainingImages(work.records, work.labels, shape, augmentations, seed=0)
    return Loader(images, work.records, work.labels, 0, pin_memory=False).epoch(0, work.batches)


def our_normalised(work: Work) -> Iterator:
    """The same and normalised to float32, which the training step does, as others' loaders do."""
    keep_freed_memory()  # as every training on a CPU does
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


def loading(batches: Callable[[Work], Iterator]) -> Callable[[Work], Step]:
    """Only the images of the next batch."""

    def prepare(work: Work) -> Step:
        iterator = batches(work)

        def step() -> None:
            next(iterator)

        return step

    return prepare


ROWS = {
    "passerby": Row("step", "passerby", ours),
    "fastreid": Row("step", "fastreid", fastreid),
    "torchreid": Row("step", "torchreid", torchreid),
    "plain": Row("step", "plain torchvision", plain),
    "plain-last": Row(
        "step", "plain torchvision, channels last", lambda work: plain(work, channels_last=True)
    ),
    "passerby-cbam": Row("cbam", "passerby", lambda work: ours(work, "cbam")),
    "plain-cbam": Row("cbam", "plain torchvision", lambda work: plain(work, cbam=True)),
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
    ),
    "plain-loader": Row(
        "loader",
        "Pillow, torchvision.transforms",
        loading(lambda work: batches_of(work, plain_transform(work.size))),
    ),
}
PARTS = {
    "step": "Whole step: ResNet, circle classifier, cross-entropy and triplet",
    "cbam": "Whole step with CBAM in every residual block",
    "loader": "Loader alone: decoded, resized, augmented, stacked",
    "computation": "Ours, by how it is computed; the ratio is to the first row",
}


def measured(name: str, root: str, size: Size) -> dict[str, float]:
    """Seconds of the least step after the first, and the peak memory in MB, in this process."""
    warnings.simplefilter("ignore")
    torch.manual_seed(0)
    step = ROWS[name].prepare(Work(root, size))
    step()
    cpu, wall = [], []
    for _ in range(LOADED if ROWS[name].part == "loader" else size.steps):
        began = time.process_time(), time.perf_counter()
        step()
        cpu.append(time.process_time() - began[0])
        wall.append(time.perf_counter() - began[1])
    return {"cpu": min(cpu), "wall": min(wall), "memory": peak_memory()}


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


def table_line(row: Row, found: dict, images: int, ours: dict) -> str:
    """A line of the Markdown table; the ratio is how many times as fast ours is."""
    if "error" in found:
        return f"| {row.title} | – | – | – | – | {found['error']} |"
    ratio = f"{found['cpu'] / ours['cpu']:.2f}" if "cpu" in ours else "–"
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
    parser.add_argument("--measure", choices=ROWS, help=argparse.SUPPRESS)
    parser.add_argument("--root", help=argparse.SUPPRESS)
    options = parser.parse_args()
    size = SIZES[options.size]
    if options.measure:
        print(json.dumps(measured(options.measure, options.root, size)))
        return
    images = size.persons * size.images
    print(
        f"{platform.machine()}, {available_cores()} cores, {options.threads} thread(s), torch "
        f"{torch.__version__}; ResNet-{size.depth}, {images} images of {size.height}×{size.width}"
    )
    with tempfile.TemporaryDirectory() as folder:
        root = str(write(Path(folder) / "set", train_persons=2 * size.persons, test_persons=2))
        for part in options.part:
            print(f"\n### {PARTS[part]}\n")
            print("| | images / CPU s | images / wall s | ours is × as fast | peak MB | |")
            print("|---|---|---|---|---|---|")
            results: dict[str, dict] = {}
            for name in [name for name in options.only if ROWS[name].part == part]:
                results[name] = measured_apart(name, root, options)
                own = next(iter(results.values()))
                print(table_line(ROWS[name], results[name], images, own), flush=True)


if __name__ == "__main__":
    main()
