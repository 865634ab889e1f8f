"""torch.export's format: a ``.pt2`` that PyTorch opens without the network's code."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

import torch

from passerby.config import Input
from passerby.conversion.graph import Graph, exporting, traced
from passerby.models.system import System

FILE = "model.pt2"


def write_torch(
    model: System,
    size: Input,
    folder: str | os.PathLike[str],
    *,
    pixels: bool = False,
    any_size: bool = False,
    metadata: Mapping[str, str] | None = None,
) -> Path:
    """Write a system as ``model.pt2``; returns the file. As `write_onnx`, of any size.

    metadata: by the names of extra files in it.
    """
    program = traced(Graph(model, size, pixels=pixels), any_size=any_size)
    target = Path(folder)
    target.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=target) as part, exporting("torch.export.save", any_size):
        torch.export.save(program, os.path.join(part, FILE), extra_files=dict(metadata or {}))
        os.replace(os.path.join(part, FILE), target / FILE)
    return target / FILE
