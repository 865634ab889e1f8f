"""ONNX Runtime: exported ``.onnx`` files, on the CPU. Extra ``[onnx]``."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from torch import Tensor

from passerby.embedding.runtimes import (
    Outputs,
    Runtime,
    graph_inputs,
    in_slices,
    named_outputs,
    require_cpu,
    thread_count,
)
from passerby.embedding.runtimes.exported import Exported, Precision
from passerby.extras import lacking
from passerby.registry import RUNTIMES


@RUNTIMES.register
class Onnx(Runtime):
    """ONNX Runtime: exported .onnx files, on the CPU.

    Args:
        file: The .onnx file.
        said: What it says of itself.
        device: None or "cpu".
        precision: None or that of the file; it is in the graph.
        threads: Of the CPU; None: what is granted.

    Raises:
        ValueError: onnxruntime is not installed, or cannot open the file; another precision.
    """

    name = "onnx"

    def __init__(
        self,
        file: Path,
        said: Exported,
        *,
        device: str | None = None,
        precision: Precision | None = None,
        threads: int | None = None,
    ) -> None:
        require_cpu(self.name, device)
        if precision not in (None, said.precision):
            raise ValueError(
                f"ONNX Runtime computes {file} in {said.precision}, as it was exported: for "
                f"{precision} export it so, or choose another runtime"
            )
        self.precision, self.dimensions, self.outputs = (
            said.precision,
            said.dimensions,
            said.outputs,
        )
        self._said = said
        self._session = _session(file, thread_count(threads))

    def start(self, images: Tensor, cameras: Tensor | None) -> Callable[[], Outputs]:
        made = in_slices(images, cameras, self._run)
        return lambda: made

    def _run(self, images: Tensor, cameras: Tensor | None) -> Outputs:
        given = graph_inputs(self._said, images, cameras)
        return named_outputs(self.outputs, self._session.run(list(self.outputs), given))


def _session(file: Path, threads: int) -> Any:
    try:
        onnxruntime = importlib.import_module("onnxruntime")
    except ImportError as error:
        raise lacking(str(file), "ONNX Runtime", "onnx", error) from None
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    # Threads that spin while they wait take the cores from those that decode images.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    try:
        return onnxruntime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # it has exceptions of its own, without a common class
        raise ValueError(f"ONNX Runtime cannot open {file}: {error}") from None
