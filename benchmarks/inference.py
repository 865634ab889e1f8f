"""Time, memory and start-up of embedding: PyTorch, ONNX Runtime, OpenVINO, and torchreid's way.

    python benchmarks/inference.py [--models lite0 resnet50-cbam osnet] [--only NAME ...]
        [--batches 1 8 32] [--rounds 5] [--threads 1] [--exported MODEL=FOLDER ...]

Prints the CPU and five Markdown tables a model. Each contender is a process of its own, which is
started once and then asked in turns, all of them once a round, so that other work on the machine
meets them alike: images per CPU second, and the median over the rounds of the ratio to plain eager
PyTorch in the same round, once from JPEG bytes and once for the network alone (with its
normalisation). MODEL=FOLDER adds an exported folder to a model's contenders, such as one of
`passerby export --int8`. torchreid is measured where PASSERBY_PEERS names a folder with it.
Networks but the packaged one have random weights: their figures are speeds, and how far the vectors
of length 1 are off those of PyTorch.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any, Protocol

import numpy as np
from processor import processor

MODELS = {
    "lite0": "default",
    "resnet50-cbam": "resnet50(last_stride=1)",
    "osnet": "osnet",
    "small": "resnet18",  # for the test of this file
}
SIZES = {"resnet50-cbam": (256, 128), "osnet": (256, 128), "small": (32, 16)}
OURS = {
    "plain": "plain eager PyTorch",
    "torch": "passerby, PyTorch",
    "torch bf16": "passerby, PyTorch in bf16",
    "onnx": "passerby, ONNX Runtime",
    "openvino": "passerby, OpenVINO fp32",
    "openvino bf16": "passerby, OpenVINO bf16",
    "torchreid": "torchreid's FeatureExtractor",
}
KINDS = ("network", "jpeg")
Times = dict[tuple[str, str, int], list[float]]
"""By kind, contender and batch: seconds of an image, a number a round."""


class Contender(Protocol):
    """Vectors [B, D] of JPEG files, and of prepared inputs, of which it keeps some itself."""

    def from_jpeg(self, files: Sequence[bytes]) -> np.ndarray: ...

    def network(self, count: int) -> np.ndarray: ...


def jpeg_files(count: int) -> list[bytes]:
    """Drawn persons at 256×128, as JPEG files."""
    from PIL import Image

    from passerby.synthesis.figures import observe

    files = []
    for number in range(count):
        picture = observe(0, number + 1, 1 + number % 4, 0).picture
        file = io.BytesIO()
        Image.fromarray(picture).save(file, "JPEG", quality=90)
        files.append(file.getvalue())
    return files


def write_checkpoint(name: str, folder: Path) -> str:
    """The MODEL of that name: the packaged one, or a network with random weights in the folder."""
    if MODELS[name] == "default":
        return "default"
    import torch

    from passerby.config import Input, Network, Recipe
    from passerby.models.checkpoint import Card, save_model
    from passerby.models.system import build_model

    torch.manual_seed(0)
    height, width = SIZES[name]
    attention = "none" if name == "osnet" else "cbam"
    recipe = Recipe(
        name,
        input=Input(height=height, width=width),
        network=Network(MODELS[name], attention=attention),
    )
    network = build_model(recipe.network, persons=0)
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm1d | torch.nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.1)
            module.running_var.uniform_(0.5, 1.5)
    save_model(folder, network, Card(recipe, persons=0, seed=0, epoch=0))
    return str(folder)


class Loaded:
    """`passerby.load` in one of its runtimes."""

    def __init__(self, model: str, threads: int, runtime: str, precision: str | None) -> None:
        import passerby

        self.embedder = passerby.load(
            model, runtime=runtime, precision=precision, threads=threads, device="cpu"
        )
        self._inputs: Any = None

    def from_jpeg(self, files: Sequence[bytes]) -> np.ndarray:
        return self.embedder(files)

    def network(self, count: int) -> np.ndarray:
        if self._inputs is None or len(self._inputs) != count:
            self._inputs = inputs_of(self.embedder.input, count)
        return self.embedder.runtime.start(self._inputs, None)().embedding


class Plain:
    """The network as PyTorch runs it: channels last, nothing folded, the batch at once."""

    def __init__(self, model: str, threads: int) -> None:
        import torch

        from passerby.models.checkpoint import load_model
        from passerby.models.packaged import model_folder

        torch.set_num_threads(threads)
        network, card = load_model(model_folder(model))
        self._network = network.to(memory_format=torch.channels_last)
        self._size = card.recipe.input
        self._inputs: Any = None

    def from_jpeg(self, files: Sequence[bytes]) -> np.ndarray:
        from passerby.data.images import decode_contents
        from passerby.embedding.preprocessing import resized, stacked

        decoded = [decode_contents(file, "a crop") for file in files]
        return self._vectors(stacked([resized(pixels, self._size) for pixels in decoded]))

    def network(self, count: int) -> np.ndarray:
        if self._inputs is None or len(self._inputs) != count:
            self._inputs = inputs_of(self._size, count)
        return self._vectors(self._inputs)

    def _vectors(self, images: Any) -> np.ndarray:
        import torch

        from passerby.embedding.preprocessing import normalised

        with torch.inference_mode():
            return self._network(normalised(images, self._size)).embedding.numpy()


class Torchreid:
    """torchreid's FeatureExtractor; of ResNet-50 without attention, which it lacks."""

    def __init__(self, name: str, threads: int) -> None:
        sys.path.insert(0, os.environ.get("PASSERBY_PEERS", ""))
        import torch
        from torchreid.reid.utils import FeatureExtractor

        torch.set_num_threads(threads)
        known = {"resnet50-cbam": "resnet50", "osnet": "osnet_x1_0", "small": "resnet18"}
        self._extractor = FeatureExtractor(
            known[name], image_size=SIZES[name], device="cpu", verbose=False
        )
        self._inputs: Any = None

    def from_jpeg(self, files: Sequence[bytes]) -> np.ndarray:
        from PIL import Image

        arrays = [np.asarray(Image.open(io.BytesIO(file)).convert("RGB")) for file in files]
        return self._extractor(arrays).numpy()

    def network(self, count: int) -> np.ndarray:
        import torch

        if self._inputs is None or len(self._inputs) != count:
            self._inputs = torch.randn(count, 3, *self._extractor.image_size)
        with torch.no_grad():
            return self._extractor.model(self._inputs).numpy()


def inputs_of(size: Any, count: int) -> Any:
    """Images uint8 [count, 3, height, width] as the network gets them."""
    from passerby.data.images import decode_contents
    from passerby.embedding.preprocessing import resized, stacked

    pixels = [decode_contents(file, "a crop") for file in jpeg_files(min(count, 8))]
    made = [resized(one, size) for one in pixels]
    return stacked([made[number % len(made)] for number in range(count)])


def opened(name: str, contender: str, model: str, threads: int) -> Contender:
    """The contender, ready."""
    if contender == "plain":
        return Plain(model, threads)
    if contender == "torchreid":
        return Torchreid(name, threads)
    runtime, _, precision = contender.partition(" ")
    return Loaded(model, threads, runtime, precision or None)


def serve(name: str, contender: str, model: str, threads: int) -> None:
    """The other end of `Worker`: a line of JSON in, one out."""
    warnings.simplefilter("ignore")
    files = [bytes.fromhex(line) for line in json.loads(sys.stdin.readline())]
    started = time.perf_counter(), time.process_time()
    runner = opened(name, contender, model, threads)
    vectors = runner.from_jpeg(files[:1])
    ready = {
        "wall": time.perf_counter() - started[0],
        "cpu": time.process_time(),  # of the process, imports and all
        "first": vectors[0].tolist(),
    }
    print(json.dumps(ready), flush=True)
    for line in sys.stdin:
        batch, kind, repeats = json.loads(line)
        chosen = [files[number % len(files)] for number in range(batch)]
        cpu = time.process_time()
        for _ in range(repeats):
            runner.network(batch) if kind == "network" else runner.from_jpeg(chosen)
        spent = (time.process_time() - cpu) / repeats / batch
        print(json.dumps({"cpu": spent, "memory": peak_memory()}), flush=True)


def peak_memory() -> float:
    """The most that this process has held, in MB (Linux; 0 elsewhere)."""
    status = Path("/proc/self/status")
    lines = status.read_text().splitlines() if status.exists() else []
    return next((int(x.split()[1]) / 1024 for x in lines if x.startswith("VmHWM:")), 0.0)


@dataclass
class Worker:
    """A contender's process."""

    process: subprocess.Popen[str]
    ready: dict[str, Any]
    memory: float = 0.0

    def ask(self, batch: int, kind: str, repeats: int) -> float:
        """CPU seconds an image."""
        answer = _exchange(self.process, [batch, kind, repeats])
        self.memory = answer["memory"]
        return float(answer["cpu"])


def start(name: str, contender: str, model: str, threads: int, files: list[bytes]) -> Worker | str:
    """A worker, or why there is none."""
    limits = dict.fromkeys(
        ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), str(threads)
    )
    command = [sys.executable, __file__, "--serve", name, contender, model, str(threads)]
    process = subprocess.Popen(
        command,
        env=os.environ | limits,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        return Worker(process, _exchange(process, [file.hex() for file in files]))
    except (json.JSONDecodeError, BrokenPipeError):
        assert process.stderr is not None
        said = process.stderr.read().strip().splitlines()
        process.wait()
        return said[-1] if said else "it ended without a word"


def _exchange(process: subprocess.Popen[str], message: object) -> dict[str, Any]:
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(json.dumps(message) + "\n")
    process.stdin.flush()
    return json.loads(process.stdout.readline())


def measure(name: str, options: argparse.Namespace, folder: Path) -> None:
    """Print the tables of one model."""
    model = write_checkpoint(name, folder / name)
    files = jpeg_files(min(max(options.batches), 32))
    contenders = {key: (key, model, OURS[key]) for key in options.only}
    for given in options.exported:
        of, _, place = given.partition("=")
        if of == name:
            contenders[given] = ("auto", place, f"exported: {Path(place).name}")
    print(f"\n## {name}\n", flush=True)
    workers: dict[str, Worker] = {}
    for key, (contender, place, title) in contenders.items():
        if contender not in ("plain", "torchreid", "auto"):
            start(name, contender, place, options.threads, files)  # converts, where it has to
        found = start(name, contender, place, options.threads, files)
        if isinstance(found, Worker):
            workers[key] = found
        else:
            print(f"{title}: left out: {found[:200]}", flush=True)
    titles = {key: title for key, (_, _, title) in contenders.items()}
    started_table(workers, titles)
    times = asked_in_turns(workers, options)
    for kind in KINDS:
        speed_table(kind, times, titles, options.batches)
    reading_table(times, titles, options.batches)
    print("\n| peak memory, MB |\n|---|")
    for key, worker in workers.items():
        print(f"| {titles[key]}: {worker.memory:.0f} |")
        worker.process.kill()
        worker.process.wait()


def started_table(workers: dict[str, Worker], titles: dict[str, str]) -> None:
    """From nothing to the first vector, and how far it is off plain PyTorch's."""
    print("| | first vector, wall s | CPU s with imports | off by at most |\n|---|---|---|---|")
    expected = workers["plain"].ready["first"] if "plain" in workers else None
    for key, worker in workers.items():
        off = difference(worker.ready["first"], expected) if expected else "–"
        print(f"| {titles[key]} | {worker.ready['wall']:.2f} | {worker.ready['cpu']:.2f} | {off} |")


def difference(made: Sequence[float], expected: Sequence[float]) -> str:
    """The largest of a number, of vectors of length 1; "–" of vectors of another network."""
    if len(made) != len(expected):
        return "–"
    one, other = (np.array(v) / np.linalg.norm(v) for v in (made, expected))
    return f"{np.abs(one - other).max():.1e} (1 − cosine {1 - float(one @ other):.1e})"


def asked_in_turns(workers: dict[str, Worker], options: argparse.Namespace) -> Times:
    """CPU seconds of an image in each round: each contender, one after the other, in both kinds."""
    times: Times = {}
    for batch in options.batches:
        repeats = max(1, options.images // batch)
        for kind in KINDS:
            for worker in workers.values():
                worker.ask(batch, kind, 1)
        for _ in range(options.rounds):
            for key, worker in workers.items():
                for kind in KINDS:
                    seconds = worker.ask(batch, kind, repeats)
                    times.setdefault((kind, key, batch), []).append(seconds)
    return times


def speed_table(kind: str, times: Times, titles: dict[str, str], batches: Sequence[int]) -> None:
    """Images per CPU second, and as a multiple of plain PyTorch's."""
    print(f"\n| {kind}, images per CPU second (× plain) | {' | '.join(map(str, batches))} |")
    print("|---" * (len(batches) + 1) + "|")
    for key in contenders_of(times):
        plain = [times.get((kind, "plain", batch)) for batch in batches]
        own = [times[kind, key, batch] for batch in batches]
        cells = " | ".join(map(cell, own, plain))
        print(f"| {titles[key]} | {cells} |", flush=True)


def reading_table(times: Times, titles: dict[str, str], batches: Sequence[int]) -> None:
    """What of the time from JPEG bytes is no work of the network's: decoding and resizing."""
    print(f"\n| decoding and resizing, % of the CPU time | {' | '.join(map(str, batches))} |")
    print("|---" * (len(batches) + 1) + "|")
    for key in contenders_of(times):
        shares = [
            median(
                1 - network / whole
                for network, whole in zip(
                    times["network", key, batch], times["jpeg", key, batch], strict=True
                )
            )
            for batch in batches
        ]
        print(f"| {titles[key]} | {' | '.join(f'{100 * share:.0f}' for share in shares)} |")


def contenders_of(times: Times) -> list[str]:
    """Their keys, in order."""
    return list(dict.fromkeys(key for _, key, _ in times))


def cell(seconds: list[float], plain: list[float] | None) -> str:
    """Of the rounds of one contender and of plain PyTorch."""
    speed = f"{1 / median(seconds):.1f}"
    if plain is None:
        return speed
    ratios = [by / one for one, by in zip(seconds, plain, strict=True)]
    return f"{speed} ({median(ratios):.2f})"


def main() -> None:
    """Measure the chosen models."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    chosen = [name for name in MODELS if name != "small"]
    parser.add_argument("--models", nargs="+", choices=MODELS, default=chosen)
    parser.add_argument("--only", nargs="+", choices=OURS, default=list(OURS))
    parser.add_argument("--exported", nargs="+", default=[], metavar="MODEL=FOLDER")
    parser.add_argument("--batches", nargs="+", type=int, default=[1, 8, 32])
    parser.add_argument("--images", type=int, default=32, help="of each contender in a round")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--serve", nargs=4, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        name, contender, model, threads = options.serve
        serve(name, contender, model, int(threads))
        return
    print(f"{processor()}; {options.threads} thread(s), load {load()}")
    with tempfile.TemporaryDirectory() as folder:
        for name in options.models:
            measure(name, options, Path(folder))


def load() -> str:
    """What else ran on the machine when this began."""
    return f"{os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else "not known"


if __name__ == "__main__":
    main()
