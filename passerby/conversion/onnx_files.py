"""ONNX: the format that most runtimes read."""

from __future__ import annotations

import os
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory

import torch

from passerby.config import Input
from passerby.conversion.graph import (
    CAMERAS,
    IMAGES,
    Graph,
    exporting,
    output_names,
    traced,
)
from passerby.extras import lacking
from passerby.models.system import System
from passerby.process.sizes import size_text

FILE = "model.onnx"
MODULES = "pkg.torch.onnx.name_scopes"
"""Entry of a node's ``metadata_props``: the modules that it is in, from the outermost on."""

_LARGEST = 2**31 - 2**24  # bytes of a protocol buffer, with room for the graph itself


def write_onnx(
    model: System,
    size: Input,
    folder: str | os.PathLike[str],
    *,
    pixels: bool = False,
    any_size: bool = False,
    metadata: Mapping[str, str] | None = None,
) -> Path:
    """Write a system as ``model.onnx``; returns the file, which is replaced at once.

    Args:
        model: the system; it is copied, not changed.
        size: its preprocessing, of which height and width are the input's.
        folder: made if it lacks.
        pixels: take uint8 [B, H, W, 3] RGB of any one size, and resize and normalise in the graph.
        any_size: leave height and width free, where the network's code allows it.
        metadata: texts to put into the file.

    Raises:
        ValueError: onnx or onnxscript are not installed, the network cannot be exported, or it is
            too large for one file.
    """
    _require_packages()
    graph = Graph(model, size, pixels=pixels)
    weights = sum(tensor.numel() * tensor.element_size() for tensor in graph.state_dict().values())
    if weights > _LARGEST:
        raise ValueError(
            f"the network has {size_text(weights)} of weights and an ONNX file holds 2 GB at most: "
            "export it to torch or openvino"
        )
    program = traced(graph, any_size=any_size)
    inputs = [IMAGES, CAMERAS][: len(graph.example())]
    with exporting("torch.onnx", any_size):
        made = torch.onnx.export(
            program,
            dynamo=True,
            external_data=False,
            verbose=False,
            input_names=inputs,
            output_names=list(output_names(model, size)),
        )
    assert made is not None
    for node in made.model.graph:
        modules = node.metadata_props.get(MODULES, "")
        node.metadata_props.clear()  # of stack traces with this machine's paths, too
        node.metadata_props[MODULES] = modules
    for key, text in (metadata or {}).items():
        made.model.metadata_props[key] = text
    target = Path(folder)
    target.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=target) as part:
        made.save(os.path.join(part, FILE), external_data=False)
        os.replace(os.path.join(part, FILE), target / FILE)
    return target / FILE


def _require_packages() -> None:
    missing = [name for name in ("onnx", "onnxscript") if find_spec(name) is None]
    if missing:
        raise lacking("writing ONNX files", " and ".join(missing), "export")
