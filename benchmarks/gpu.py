"""Everything that a GPU changes, in one command and one table, in less than ten minutes.

    python benchmarks/gpu.py [--device cuda] [--size paper] [--minutes 10] [--workers N]
        [--parts NAME ...]

Parity with the CPU in fp32, of embeddings and of the losses of a step; the same run twice;
training steps by precision, batch and torch.compile; the loader alone; embedding from JPEG bytes
and of the network alone, with latencies; ONNX Runtime on CUDA and TensorRT, CUDA graphs, and how
busy the GPU is; evaluation and re-ranking; a process group as torchrun
starts it (NCCL). Networks have random weights and images are drawn: figures are speeds and
differences. What did not fit into the time, or failed, says so in its row. ``--device cpu --size
small`` goes through all of it in a minute; it is how the test of this file does.
"""

from __future__ import annotations

import argparse
import io
import os
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from gpu_runtimes import busy_share, graph_seconds, provider_figures
from PIL import Image
from processor import processor

from passerby.config import Computation, Input, LossTerm, Network, Recipe, Sampling
from passerby.conversion.onnx_files import write_onnx
from passerby.data.batch import Batch
from passerby.data.reading.reader import read_split
from passerby.data.sampling import PersonBatches
from passerby.embedding.embedder import Embedder, load
from passerby.evaluation.evaluate import evaluate
from passerby.evaluation.ranking.rerank import rerank
from passerby.models.checkpoint import Card, load_model, save_model
from passerby.models.system import build_model
from passerby.process.distributed import gathered, process_group, world_size
from passerby.process.reporting import Silent, reporting_to
from passerby.registry import AUGMENTATIONS
from passerby.synthesis.figures import observe
from passerby.synthesis.writing import write
from passerby.tables.embeddings import Embeddings
from passerby.training.input.loader import Loader, TrainingImages
from passerby.training.loop import train
from passerby.training.step.learner import Learner

Row = tuple[str, str]  # what was measured, and the figure with its unit


@dataclass(frozen=True)
class Size:
    """batches: of training; images: of embedding at once; evaluated: query, gallery, dimensions."""

    network: Network
    input: Input
    batches: tuple[int, ...]
    images: tuple[int, ...]
    evaluated: tuple[int, int, int]
    repeats: int


SIZES = {
    "paper": Size(
        Network("resnet50(last_stride=1)", attention="cbam", classifier="circle"),
        Input(),
        (64, 128, 256),
        (1, 32, 256, 1024),
        (11_659, 82_161, 2_048),
        20,
    ),
    "small": Size(
        Network("resnet18", attention="cbam", classifier="circle"),
        Input(height=32, width=16),
        (8,),
        (1, 8),
        (50, 200, 32),
        2,
    ),
}


@dataclass(frozen=True)
class Work:
    """What every part gets. root: of drawn persons; folder: for its files."""

    size: Size
    device: torch.device
    root: str
    folder: Path
    workers: int

    @property
    def recipe(self) -> Recipe:
        losses = (LossTerm("cross_entropy"), LossTerm("triplet"))
        return Recipe("gpu", input=self.size.input, network=self.size.network, losses=losses)

    def checkpoint(self) -> Path:
        """A model folder, made once."""
        folder = self.folder / "model"
        if not folder.exists():
            torch.manual_seed(0)
            save_model(folder, build_model(self.recipe.network, 0), Card(self.recipe, 0, 0, 0))
        return folder

    def wait(self) -> None:
        """Until the device has done what it was given."""
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)

    def precisions(self) -> tuple[str, ...]:
        return ("fp32", "bf16", "fp16") if self.device.type == "cuda" else ("fp32", "bf16")


def embedding_parity(work: Work) -> Iterator[Row]:
    """Vectors of length 1 of drawn persons, against the CPU in fp32."""
    crops = pictures(work.size.repeats)
    expected = load(work.checkpoint(), device="cpu", unit_length=True)(crops)
    for precision in work.precisions():
        embedder = load(
            work.checkpoint(), device=str(work.device), precision=precision, unit_length=True
        )
        made = embedder(crops)
        cosines = (made * expected).sum(axis=1)
        yield (
            f"embeddings in {precision}, off the CPU's by",
            f"{np.abs(made - expected).max():.1e} (1 − cosine {1 - cosines.min():.1e})",
        )


def loss_parity(work: Work) -> Iterator[Row]:
    """The losses of one step from the same start, against fp32 on the CPU."""
    expected = step_losses(work, Computation(), torch.device("cpu"))
    kinds = ("float32", "bfloat16", "float16") if work.device.type == "cuda" else ("bfloat16",)
    for kind in kinds:
        made = step_losses(work, Computation(precision=kind), work.device)
        off = max(abs(made[name] / value - 1) for name, value in expected.items())
        yield f"losses in {kind}, off by", f"{off:.1e} of their value"


def step_losses(work: Work, how: Computation, device: torch.device) -> dict[str, float]:
    learner, batch = learner_of(work, work.size.batches[0], how, device)
    return learner.step(batch, 1e-4)


def repeatability(work: Work) -> Iterator[Row]:
    """Two deterministic runs of one seed."""
    recipe = replace(
        work.recipe,
        epochs=2,
        input=SIZES["small"].input,
        network=SIZES["small"].network,
        sampling=Sampling(persons=4, images=2),
    )
    split = replace(read_split(work.root), query=(), gallery=())
    prints = [
        train(
            recipe, split, work.folder / f"run{number}", device=str(work.device),
            deterministic=True, workers=0,
        ).card.fingerprint
        for number in (1, 2)
    ]  # fmt: skip
    yield "two runs of one seed, deterministic", "equal" if len({*prints}) == 1 else "NOT EQUAL"


def training(work: Work) -> Iterator[Row]:
    """Whole steps on images that lie ready."""
    kinds = [Computation(), Computation(precision="bfloat16")]
    if work.device.type == "cuda":
        kinds += [Computation(precision="float16"), Computation("bfloat16", compile=True)]
    for batch_size in work.size.batches:
        for how in kinds:
            learner, batch = learner_of(work, batch_size, how, work.device)
            if work.device.type == "cuda":
                torch.cuda.reset_peak_memory_stats(work.device)
            seconds = timed(work, lambda one=learner, of=batch: one.step(of, 1e-4))
            memory = ""
            if work.device.type == "cuda":
                memory = f", {torch.cuda.max_memory_allocated(work.device) / 2**30:.1f} GB"
            compiled = ", compiled" if how.compile else ""
            yield (
                f"training, batch {batch_size}, {how.precision}{compiled}",
                f"{batch_size / seconds:.0f} images/s{memory}",
            )


def learner_of(
    work: Work, count: int, how: Computation, device: torch.device
) -> tuple[Learner, Batch]:
    """A learner of eight persons with a batch of noise, the same for all."""
    torch.manual_seed(0)
    recipe = replace(work.recipe, computation=how, sampling=Sampling(persons=count // 4, images=4))
    learner = Learner(recipe, build_model(recipe.network, persons=8), device)
    size, rows = work.size.input, torch.arange(count)
    images = torch.randint(0, 256, (count, 3, size.height, size.width), dtype=torch.uint8)
    return learner, Batch(images, rows // 4 % 8, rows % 4, torch.zeros_like(rows), rows)


def loading(work: Work) -> Iterator[Row]:
    """Images that are read, decoded, resized and augmented: whether the GPU would wait."""
    records = read_split(work.root).train
    persons = sorted({record.person for record in records})
    labels = [persons.index(record.person) for record in records]
    augmentations = [AUGMENTATIONS.build(call) for call in work.recipe.augmentations]
    images = TrainingImages(records, labels, work.size.input, augmentations, seed=0)
    sampler = PersonBatches(labels, 4, 4, seed=0)
    batches = [rows for epoch in range(work.size.repeats) for rows in sampler.epoch(epoch)]
    pinned = work.device.type == "cuda"
    with Loader(images, records, labels, work.workers, pin_memory=pinned) as loader:
        arriving = loader.epoch(0, batches)
        next(arriving)  # the processes are there
        started = time.perf_counter()
        count = sum(len(batch.persons) for batch in arriving)
        seconds = time.perf_counter() - started
    yield f"loader alone, {work.workers} processes", f"{count / seconds:.0f} images/s"


def embedding(work: Work) -> Iterator[Row]:
    """The Embedder, from JPEG bytes and the network alone; latencies of single images."""
    for precision in work.precisions():
        kinds = (False, True) if work.device.type == "cuda" and precision == "bf16" else (False,)
        for compiled in kinds:
            for count in work.size.images:
                embedder = load(
                    work.checkpoint(), device=str(work.device), precision=precision,
                    batch_size=count, compiled=compiled,
                )  # fmt: skip
                yield from embedding_rows(
                    work, embedder, count, precision + (", compiled" if compiled else "")
                )


def embedding_rows(work: Work, embedder: Embedder, count: int, how: str) -> Iterator[Row]:
    files = [jpeg(picture) for picture in pictures(min(count, 16))]
    chosen = [files[number % len(files)] for number in range(count)]
    size = work.size.input
    inputs = torch.randint(0, 256, (count, 3, size.height, size.width), dtype=torch.uint8)
    name = f"embedding, {how}, batch {count}"

    def run_network() -> object:
        return embedder.runtime.start(inputs, None)()

    network = timed(work, run_network)
    yield f"{name}, network", f"{count / network:.0f} images/s"
    yield f"{name}, JPEG", f"{count / timed(work, lambda: embedder(chosen)):.0f} images/s"
    if count == 1:
        took = []
        for _ in range(10 * work.size.repeats):
            started = time.perf_counter()
            embedder(chosen)
            took.append(1000 * (time.perf_counter() - started))
        half, late = np.percentile(took, [50, 99])
        yield f"{name}, JPEG, latency", f"{half:.1f} ms, 99 %: {late:.1f} ms"


def runtimes(work: Work) -> Iterator[Row]:
    """Other ways to run the network: ONNX Runtime's providers, and on a GPU a CUDA graph."""
    model, card = load_model(work.checkpoint())
    size, counts = card.recipe.input, work.size.images[:3]
    file = write_onnx(model, size, work.folder / "onnx")
    yield from provider_figures(file, counts, (size.height, size.width), work.size.repeats)
    if work.device.type != "cuda":
        return
    network = model.eval().to(work.device, memory_format=torch.channels_last)
    for count in counts:
        images = torch.randn(count, 3, size.height, size.width, device=work.device)
        images = images.contiguous(memory_format=torch.channels_last)
        seconds = graph_seconds(network, images, work.size.repeats)
        yield f"CUDA graph, bf16, batch {count}", f"{count / seconds:.0f} images/s"


def busy(work: Work) -> Iterator[Row]:
    """How much of the time the GPU works while images come as JPEG bytes."""
    if work.device.type != "cuda":
        yield "GPU busy, embedding from JPEG", "there is no GPU"
        return
    count = work.size.images[-1]
    files = [jpeg(picture) for picture in pictures(16)] * (count // 4)
    embedder = load(work.checkpoint(), device=str(work.device), precision="bf16")
    share = busy_share(lambda: embedder(files), 3)
    yield f"GPU busy, embedding {len(files)} images from JPEG, bf16", f"{share:.0%} of the time"


def evaluation(work: Work) -> Iterator[Row]:
    """Metrics and re-ranking, which are computed on the CPU beside the GPU."""
    queries, images, width = work.size.evaluated
    rng = np.random.default_rng(0)
    centres = rng.standard_normal((images // 25 + 1, width), np.float32)

    def part(count: int) -> Embeddings:
        persons = rng.integers(0, len(centres), count)
        vectors = centres[persons] + 3 * rng.standard_normal((count, width), np.float32)
        return Embeddings(vectors, persons, rng.integers(0, 15, count))

    query, gallery = part(queries), part(images)
    name = f"{queries:,} × {images:,}"
    started = time.perf_counter()
    evaluate(query, gallery)
    yield f"evaluation, {name}", f"{time.perf_counter() - started:.1f} s"
    started = time.perf_counter()
    evaluate(query, gallery, distances=rerank(query, gallery, memory="64GB"))
    yield f"re-ranking, {name}", f"{time.perf_counter() - started:.1f} s"


def collective(work: Work) -> Iterator[Row]:
    """torchrun with one process: NCCL (gloo on a CPU) starts, gathers and ends without a hang."""
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=1"]
    command += [__file__, "--device", str(work.device), "--collective"]
    started = time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=180)
    if done.returncode:
        raise RuntimeError((done.stderr.strip().splitlines() or ["killed"])[-1])
    yield "process group: start, gather, end", f"{time.perf_counter() - started:.1f} s"


PARTS: tuple[Callable[[Work], Iterator[Row]], ...] = (
    embedding_parity, loss_parity, collective, repeatability, loading, training, embedding,
    runtimes, busy, evaluation,
)  # fmt: skip


def timed(work: Work, run: Callable[[], object]) -> float:
    """Median seconds of a call; the first two, which compile and warm up, are left out."""
    took = []
    for _ in range(work.size.repeats + 2):
        started = time.perf_counter()
        run()
        work.wait()
        took.append(time.perf_counter() - started)
    return float(np.median(took[2:]))


def pictures(count: int) -> Sequence[np.ndarray]:
    """Drawn persons [256, 128, 3]."""
    return [observe(0, number + 1, 1 + number % 4, 0).picture for number in range(count)]


def jpeg(picture: np.ndarray) -> bytes:
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "JPEG", quality=90)
    return file.getvalue()


def join_group(device: torch.device) -> None:
    """What each process of `collective` does."""
    with process_group(str(device)):
        rows = gathered(torch.ones(2, 3, device=device))
        assert rows.shape == (2 * world_size(), 3)


def measure(work: Work, parts: Sequence[str], minutes: float) -> bool:
    """Print the table; whether every part ran."""
    print("| what | figure |\n|---|---|")
    end, whole = time.monotonic() + 60 * minutes, True
    for part in (one for one in PARTS if one.__name__ in parts):
        rows, name = part(work), part.__name__.replace("_", " ")
        while True:
            if time.monotonic() > end:
                print(f"| {name} | no time was left for (the rest of) it |")
                break
            try:
                what, figure = next(rows)
            except StopIteration:
                break
            except Exception as error:  # the others are worth their time all the same
                reason = str(error).strip().partition("\n")[0][:200]
                print(f"| {name} | FAILED: {reason} |", flush=True)
                whole = False
                break
            print(f"| {what} | {figure} |", flush=True)
    return whole


def main() -> None:
    """Measure all parts; exit code 1 where one failed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--size", choices=SIZES, default="paper")
    parser.add_argument("--minutes", type=float, default=10.0)
    names = [part.__name__ for part in PARTS]
    parser.add_argument("--parts", nargs="+", choices=names, default=names)
    parser.add_argument("--workers", type=int, default=8)
    parser.add_argument("--collective", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    device = torch.device(options.device)
    if device.type == "cuda" and not torch.cuda.is_available():
        raise SystemExit("there is no GPU here that PyTorch can use: --device cpu --size small")
    if options.collective:
        join_group(device)
        return
    warnings.simplefilter("ignore")
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else "no GPU"
    print(f"{name}; {processor()}; torch {torch.__version__}; {os.cpu_count()} cores\n")
    with tempfile.TemporaryDirectory() as folder:
        root = write(Path(folder) / "drawn", train_persons=8, test_persons=4, cameras=2, images=2)
        size = SIZES[options.size]
        work = Work(size, device, str(root), Path(folder), options.workers)
        with reporting_to(Silent()):
            whole = measure(work, options.parts, options.minutes)
    if not whole:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
