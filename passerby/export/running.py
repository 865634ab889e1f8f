"""What runs a checkpoint and the file that was made of it, for `parity` to compare."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from passerby.config import Input
from passerby.conversion.graph import Graph
from passerby.embedding.preprocessing import normalised
from passerby.embedding.runtimes import Runtime
from passerby.embedding.runtimes.exported import Exported
from passerby.export.parity import Floats, Run
from passerby.models.system import System
from passerby.registry import RUNTIMES


def runs_network(model: System, size: Input) -> Run:
    """The checkpoint, in eager PyTorch."""
    return _by(Graph(model, size), size, model.reads_cameras)


def runs_file(file: Path, said: Exported) -> Run:
    """An exported file, by the runtime that it was made for."""
    if file.suffix == ".pt2":  # which only Passerby that has just written it may open
        program = torch.export.load(file).module()
        return _by(program, said.input, said.cameras, said.pixels)
    name = "openvino" if file.suffix == ".xml" else "onnx"
    runtime: Runtime = RUNTIMES.build(name, file=file, said=said)

    def run(images: Tensor, cameras: Tensor) -> list[Floats]:
        made = runtime.start(images, cameras)()
        found = (made.embedding, made.before_neck, made.local)
        return [array for array in found if array is not None]

    return run


def _by(network: Any, size: Input, takes_cameras: bool, pixels: bool = False) -> Run:
    def run(images: Tensor, cameras: Tensor) -> list[Floats]:
        given = images.permute(0, 2, 3, 1).contiguous() if pixels else normalised(images, size)
        with torch.no_grad():
            made = network(given.contiguous(), *([cameras] if takes_cameras else []))
        return [np.asarray(tensor.numpy(), np.float32) for tensor in made]

    return run
