"""From MODEL, a checkpoint or an exported file, to what runs it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import get_args

from passerby.embedding.converted import converted_model
from passerby.embedding.runtimes import Runtime
from passerby.embedding.runtimes.exported import (
    Exported,
    Precision,
    exported_file,
    fingerprint_of,
    read_onnx,
)
from passerby.embedding.runtimes.openvino import read_openvino
from passerby.embedding.runtimes.torch import Torch
from passerby.models.checkpoint import Card, fingerprint, load_model
from passerby.registry import RUNTIMES


@dataclass(frozen=True)
class Running:
    """How a model is to be run, as `embedder.load` takes it."""

    runtime: str = "auto"
    precision: Precision | None = None
    device: str | None = None
    threads: int | None = None
    compiled: bool = False


@dataclass(frozen=True)
class Opened:
    """A model that is ready to run. fingerprint: of its vectors; calibration: the text of the
    calibration.json inside an exported file, "" of a checkpoint."""

    runtime: Runtime
    card: Card
    fingerprint: str
    calibration: str = ""


def open_model(place: Path, how: Running) -> Opened:
    """Open a checkpoint folder, an exported folder or file.

    Raises ValueError where there is no model, for a file that nothing here runs, and for what the
    runtime cannot do.
    """
    if how.precision is not None and how.precision not in get_args(Precision):
        raise ValueError(
            f"precision must be {', '.join(get_args(Precision))}, got {how.precision!r}"
        )
    if how.runtime != "auto":
        RUNTIMES.get(how.runtime)  # which knows what was meant by a slip
    file = exported_file(place)
    if file is not None:
        return _open_file(file, how)
    if how.runtime in ("auto", Torch.name):
        return _open_checkpoint(place, how)
    return _open_file(converted_model(place, how.runtime), how)


def _open_checkpoint(folder: Path, how: Running) -> Opened:
    network, card = load_model(folder)
    weights = card.fingerprint or fingerprint(network.state_dict())
    runtime = Torch(
        network,
        card.recipe.input,
        device=how.device,
        precision=how.precision or "fp32",
        threads=how.threads,
        compiled=how.compiled,
        ours=True,
    )
    return Opened(runtime, card, fingerprint_of(weights, runtime.precision, Torch.name))


def _open_file(file: Path, how: Running) -> Opened:
    kind = file.suffix.lower()
    if kind == ".pt2":
        raise ValueError(
            f"{file} is for other programs: PyTorch runs what such a file says while it opens it, "
            "so Passerby opens none. Open the checkpoint that it was exported from"
        )
    runs = {".onnx": ("onnx", "openvino"), ".xml": ("openvino",)}[kind]
    name = runs[0] if how.runtime == "auto" else how.runtime
    if name not in runs:
        raise ValueError(
            f"{file} is run by {' or '.join(runs)}, not by {name}: leave the runtime out, or open "
            "the model's checkpoint"
        )
    said = _said_by(file)
    runtime: Runtime = RUNTIMES.build(
        name,
        file=file,
        said=said,
        device=how.device,
        precision=how.precision,
        threads=how.threads,
    )
    vectors = fingerprint_of(said.card.fingerprint, runtime.precision, name, said.quantised)
    return Opened(runtime, said.card, vectors, said.calibration)


def _said_by(file: Path) -> Exported:
    said = read_onnx(file) if file.suffix.lower() == ".onnx" else read_openvino(file)
    if said is None:
        raise ValueError(
            f"{file} does not say how images are prepared for it: it was not written by passerby "
            "export. Where its network is one that Passerby knows, passerby convert makes a model "
            "of its weights"
        )
    return said
