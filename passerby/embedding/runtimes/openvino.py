"""OpenVINO: exported ``.xml`` and ``.onnx`` files. Extra ``[openvino]``.

By default OpenVINO computes in bfloat16 on CPUs that have it, without a word, and vectors are off
by up to 1e-2. Here the precision is always set: fp32 unless another is asked for by name.
"""

from __future__ import annotations

import threading
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
from passerby.embedding.runtimes.exported import KEY, Exported, Precision
from passerby.process.openvino_core import openvino_core
from passerby.registry import RUNTIMES

_HINTS = {"fp32": "f32", "int8": "f32", "bf16": "bf16", "int8-bf16": "bf16"}


@RUNTIMES.register
class Openvino(Runtime):
    """OpenVINO: exported .xml and .onnx files, on the CPU, in fp32, bf16 or int8.

    Args:
        file: The .xml (its .bin beside it) or .onnx file.
        said: What it says of itself.
        device: None or "cpu".
        precision: fp32 or bf16 of a float file, int8 or int8-bf16 of a quantised one; None: as the
            file says.
        threads: Of the CPU; None: what is granted.

    Raises:
        ValueError: OpenVINO is not installed, or cannot open the file; a precision that the file
            or this CPU does not have.
    """

    name = "openvino"

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
        self.precision = _checked(precision or said.precision, said.precision, file)
        self.dimensions, self.outputs, self._said = said.dimensions, said.outputs, said
        self._compiled = _compiled(file, _HINTS[self.precision], thread_count(threads))
        self._own = threading.local()  # a request serves one thread at a time

    def start(self, images: Tensor, cameras: Tensor | None) -> Callable[[], Outputs]:
        made = in_slices(images, cameras, self._run)
        return lambda: made

    def _run(self, images: Tensor, cameras: Tensor | None) -> Outputs:
        request = getattr(self._own, "request", None)
        if request is None:
            request = self._own.request = self._compiled.create_infer_request()
        results = request.infer(graph_inputs(self._said, images, cameras))
        return named_outputs(self.outputs, [results[name].copy() for name in self.outputs])


def read_openvino(file: Path) -> Exported | None:
    """What an OpenVINO file says of itself; None for one that others wrote, without saying."""
    model = _read(file)
    if not model.has_rt_info(KEY):
        return None
    return Exported.from_json(str(model.get_rt_info(KEY).value), file)


def _checked(wanted: Precision, stored: Precision, file: Path) -> Precision:
    quantised = stored.startswith("int8")
    if wanted not in _HINTS or wanted.startswith("int8") != quantised:
        can = "int8 or int8-bf16" if quantised else "fp32 or bf16"
        raise ValueError(f"OpenVINO computes {file} in {can}, got {wanted}")
    if "bf16" in wanted and "BF16" not in openvino_core().get_property(
        "CPU", "OPTIMIZATION_CAPABILITIES"
    ):
        raise ValueError(
            f"{wanted} needs a CPU that computes bfloat16 (AVX-512 BF16 or AMX), and this one does "
            f"not: its vectors would be others. Open it in {'int8' if quantised else 'fp32'}"
        )
    return wanted


def _compiled(file: Path, hint: str, threads: int) -> Any:
    model = _read(file)
    try:
        return openvino_core().compile_model(
            model,
            "CPU",
            {
                "INFERENCE_PRECISION_HINT": hint,
                "INFERENCE_NUM_THREADS": threads,
                "PERFORMANCE_HINT": "LATENCY",
            },
        )
    except RuntimeError as error:
        raise ValueError(f"OpenVINO cannot run {file}: {error}") from None


def _read(file: Path) -> Any:
    try:
        return openvino_core().read_model(file)
    except RuntimeError as error:
        raise ValueError(f"OpenVINO cannot open {file}: {error}") from None
