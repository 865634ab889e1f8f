"""OpenVINO's own format: ``model.xml``, the graph, and ``model.bin``, the weights in 32 bits.

Made from ONNX: OpenVINO's reader of PyTorch programs forgets the size of the images, and its graphs
are larger.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from passerby.config import Input
from passerby.conversion.onnx_files import write_onnx
from passerby.extras import lacking
from passerby.models.system import System
from passerby.process.openvino_core import openvino_core

if TYPE_CHECKING:
    import openvino

FILE, WEIGHTS = "model.xml", "model.bin"


def write_openvino(
    model: System,
    size: Input,
    folder: str | os.PathLike[str],
    *,
    pixels: bool = False,
    any_size: bool = False,
    metadata: Mapping[str, str] | None = None,
) -> Path:
    """Write a system as ``model.xml`` and ``model.bin``; returns the first. As `write_onnx`."""
    require_openvino()
    with TemporaryDirectory() as part:
        source = write_onnx(model, size, part, pixels=pixels, any_size=any_size)
        return save_openvino(openvino_core().read_model(source.read_bytes()), folder, metadata)


def save_openvino(
    graph: openvino.Model,
    folder: str | os.PathLike[str],
    metadata: Mapping[str, str] | None = None,
) -> Path:
    """Write a graph with texts in its ``rt_info``, its weights before what names them."""
    import openvino

    for key, text in (metadata or {}).items():
        graph.set_rt_info(text, key)
    target = Path(folder)
    target.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=target) as part:
        openvino.save_model(graph, os.path.join(part, FILE), compress_to_fp16=False)
        (target / FILE).unlink(missing_ok=True)  # never an old graph with new weights
        for name in (WEIGHTS, FILE):
            os.replace(os.path.join(part, name), target / name)
    return target / FILE


def require_openvino() -> None:
    """ValueError where it is not installed."""
    if find_spec("openvino") is None:
        raise lacking("writing OpenVINO files", "openvino", "export")
