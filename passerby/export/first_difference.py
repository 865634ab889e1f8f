"""The first layer of an ONNX file that computes something else than the network it came from."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from passerby.conversion.graph import Graph
from passerby.conversion.onnx_files import MODULES
from passerby.process.openvino_core import openvino_core

_FOLDED = nn.Conv2d | nn.Linear  # a batch norm behind them is part of them in the file


@dataclass(frozen=True)
class LayerDifference:
    """module: its path in the network; difference: largest, as a share of the largest value."""

    module: str
    difference: float


def layer_differences(
    file: Path, graph: Graph, inputs: tuple[Tensor, ...], runtime: str = "onnx"
) -> tuple[LayerDifference, ...]:
    """How far the file is off after each module, in the order in which they are computed.

    file: ONNX, run by "onnx" or "openvino"; inputs: of the graph. Modules whose result is no single
    tensor in the file are passed over.
    """
    wanted = _computed(graph, inputs)
    values = _last_values(file, wanted)
    found = _run(file, tuple(values.values()), inputs, runtime)
    differences = []
    for module, tensor in wanted.items():
        other = found.get(values.get(module, ""))
        if other is not None and other.shape == tensor.shape:
            scale = max(float(np.abs(tensor).max()), 1e-12)
            away = float(np.abs(tensor.astype(np.float64) - other).max()) / scale
            differences.append(LayerDifference(module, away))
    return tuple(differences)


def first_difference(
    differences: tuple[LayerDifference, ...], bound: float
) -> LayerDifference | None:
    """The first from which on all are off by more than the bound, None where the last is not.

    One alone says nothing: exporters merge operations over the borders of modules.
    """
    first = None
    for one in reversed(differences):
        if one.difference <= bound:
            break
        first = one
    return first


def _computed(graph: Graph, inputs: tuple[Tensor, ...]) -> dict[str, NDArray[np.float32]]:
    """What each module gives, by its path, in the order in which they finish."""
    found: dict[str, NDArray[np.float32]] = {}
    hooks = [
        module.register_forward_hook(
            lambda _, __, made, name=name: (
                found.__setitem__(name, made.numpy().copy()) if isinstance(made, Tensor) else None
            )
        )
        for name, module in graph.named_modules()
        if name and not isinstance(module, _FOLDED)
    ]
    with torch.no_grad():
        graph(*inputs)
    for hook in hooks:
        hook.remove()
    return found


def _last_values(file: Path, wanted: dict[str, NDArray[np.float32]]) -> dict[str, str]:
    """For each module the value of the file that is computed last within it."""
    import onnx

    last: dict[str, str] = {}
    for node in onnx.load(file, load_external_data=False).graph.node:
        said = {entry.key: entry.value for entry in node.metadata_props}.get(MODULES) or "[]"
        for module in ast.literal_eval(said):
            if module in wanted:
                last[module] = node.output[0]
    return last


def _run(
    file: Path, values: tuple[str, ...], inputs: tuple[Tensor, ...], runtime: str
) -> dict[str, NDArray[np.float32]]:
    """The values of the file, by name."""
    import onnx

    model: Any = onnx.load(file)
    given = {one.name for one in model.graph.output}
    for name in dict.fromkeys(values):
        if name not in given:
            model.graph.output.append(onnx.ValueInfoProto(name=name))
    arrays = {
        one.name: tensor.numpy() for one, tensor in zip(model.graph.input, inputs, strict=True)
    }
    content = model.SerializeToString()
    if runtime == "openvino":
        core = openvino_core()
        exact = {"INFERENCE_PRECISION_HINT": "f32"}
        results = core.compile_model(core.read_model(content), "CPU", exact)(arrays)
        return {name: results[name] for name in dict.fromkeys(values)}
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    names = list(dict.fromkeys(values))
    return dict(zip(names, session.run(names, arrays), strict=True))
