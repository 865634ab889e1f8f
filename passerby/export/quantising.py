"""8-bit networks: calibrated on crops of persons, with the layers that hurt most left in float.

Post-training quantisation, for OpenVINO by NNCF (biases corrected), for ONNX Runtime by its own
tool: weights symmetric and by channel, activations by layer. What lies behind the backbone
(pooling, neck, normalisations) stays in float: it costs nothing, and a length that is quantised is
no length.

No labels are used: a layer's sensitivity is what the embeddings turn (1 − cosine) when that layer
alone is quantised.
"""

from __future__ import annotations

import hashlib
import logging
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from passerby.conversion.openvino_files import require_openvino, save_openvino
from passerby.embedding.preprocessing import normalised
from passerby.embedding.runtimes.exported import KEY, Exported
from passerby.extras import lacking
from passerby.process.openvino_core import openvino_core, signal_stack_kept
from passerby.process.reporting import progress

_PRODUCTS = {"Convolution", "GroupConvolution", "MatMul"}  # what 8 bits make faster
_PASSING = {"Reshape", "Transpose"}  # between weights and their layer
_TRIED = 32  # images that a sensitivity is measured on
_SHARE = 0.8  # of the sum of the sensitivities that is taken away by leaving layers in float
_MOST = 0.15  # of the layers that may be left in float


@dataclass(frozen=True)
class LayerSensitivity:
    """1 − cosine in the mean when this layer alone is quantised; in_float: it was left so."""

    layer: str
    turned: float
    in_float: bool


@dataclass(frozen=True)
class Quantisation:
    """exported: what the file now says; layers: the most sensitive first; before, after: 1 − cosine
    in the mean with all layers quantised, and as it was written."""

    exported: Exported
    layers: tuple[LayerSensitivity, ...]
    images: int
    before: float
    after: float

    @property
    def sensitivity(self) -> str:
        """The ten most sensitive layers, as text."""
        lines = [
            f"  {one.layer}: {one.turned:.1e}{', left in float' if one.in_float else ''}"
            for one in self.layers[:10]
        ]
        return "\n".join(["1 - cosine with one layer quantised, by layer:", *lines])

    def __str__(self) -> str:
        left = sum(one.in_float for one in self.layers)
        return (
            f"quantised on {self.images} images; {left} of {len(self.layers)} layers left in "
            f"float, which turns vectors by {self.after:.4f} in place of {self.before:.4f} (mean "
            f"1 - cosine)\n{self.sensitivity}"
        )


def quantise(file: Path, said: Exported, images: Tensor) -> Quantisation:
    """Replace an exported file, .xml or .onnx, by its quantised form.

    images: uint8 [N, 3, H, W], to calibrate on. Raises ValueError where NNCF or OpenVINO is not
    installed.
    """
    require_openvino()
    if find_spec("nncf") is None:
        raise lacking("--int8", "nncf", "export")
    inputs = _inputs(normalised(images, said.input).contiguous().numpy(), said)
    tried = {name: values[:_TRIED] for name, values in inputs.items()}
    wanted = _embeddings(_opened(file), tried)
    tail = _behind_the_backbone(_opened(file))
    # Corrected biases make up for layers that are not quantised here: without them.
    whole = _quantised(_opened(file), inputs, tail, correct=False)
    layers = _sensitivities(whole, wanted, tried)
    chosen = _most_sensitive(layers)
    if file.suffix == ".onnx":
        made = _quantised_for_onnx_runtime(file, inputs, [*tail, *chosen])
    else:
        made = _quantised(_opened(file), inputs, [*tail, *chosen])
    before, after = (_turned(wanted, _embeddings(_opened(one), tried)) for one in (whole, made))
    ordered = sorted(layers.items(), key=lambda item: -item[1])
    exported = replace(
        said, precision="int8", quantised=_digest(_opened(made), chosen), calibration=""
    )
    _save(made, file, exported)
    return Quantisation(
        exported,
        tuple(LayerSensitivity(_plain(name), turned, name in chosen) for name, turned in ordered),
        len(images),
        before,
        after,
    )


def save_said(file: Path, said: Exported) -> None:
    """Put into a quantised file what it is to say of itself."""
    if file.suffix == ".xml":
        _save(_opened(file), file, said)
        return
    import onnx

    _save(onnx.load(file), file, said)


def _inputs(images: NDArray[np.float32], said: Exported) -> dict[str, NDArray[Any]]:
    given: dict[str, NDArray[Any]] = {"images": images}
    if said.cameras:
        given["cameras"] = np.full(len(images), -1)
    return given


def _quantised(
    graph: Any,
    inputs: dict[str, NDArray[Any]],
    in_float: Sequence[str],
    *,
    correct: bool = True,
) -> Any:
    """An OpenVINO model quantised by NNCF, which makes Cores of its own."""
    with _quiet(), signal_stack_kept():
        import nncf

        rows = [_row(inputs, row) for row in range(_length(inputs))]
        return nncf.quantize(
            graph,
            nncf.Dataset(rows),
            subset_size=len(rows),
            ignored_scope=nncf.IgnoredScope(names=list(in_float), validate=False),
            advanced_parameters=nncf.AdvancedQuantizationParameters(
                disable_bias_correction=not correct,
                # Else the weights come as integers already, and no layer could be taken back.
                backend_params={"compress_weights": correct},
            ),
        )


def _quantised_for_onnx_runtime(
    file: Path, inputs: dict[str, NDArray[Any]], in_float: Sequence[str]
) -> Any:
    """An ONNX model quantised by ONNX Runtime's own tool, in the form that it has kernels for."""
    with _quiet():
        import onnx
        from onnxruntime.quantization import CalibrationDataReader, QuantType, quantize_static

        class Rows(CalibrationDataReader):
            def __init__(self) -> None:
                self._rows = iter(range(_length(inputs)))

            def get_next(self) -> dict[str, NDArray[Any]] | None:
                row = next(self._rows, None)
                return None if row is None else _row(inputs, row)

        plain = {_plain(name) for name in in_float}
        part = file.with_name("quantised.onnx")
        quantize_static(
            file,
            part,
            Rows(),
            per_channel=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            nodes_to_exclude=[n.name for n in onnx.load(file).graph.node if n.name in plain],
        )
        made = onnx.load(part)
        part.unlink()
        return made


def _opened(model: Any) -> Any:
    """A file, or a model of ONNX, as OpenVINO's; its own as they are."""
    import openvino

    if isinstance(model, openvino.Model):
        return model
    if isinstance(model, Path):
        return openvino_core().read_model(model)
    return openvino_core().read_model(model.SerializeToString())


def _save(model: Any, file: Path, exported: Exported) -> None:
    if file.suffix == ".xml":
        save_openvino(model, file.parent, {KEY: exported.to_json()})
        return
    import onnx

    del model.metadata_props[:]
    onnx.helper.set_model_props(model, {KEY: exported.to_json()})
    part = file.with_name(f"{file.name}.part")
    onnx.save(model, part)
    os.replace(part, file)


def _digest(model: Any, in_float: Sequence[str]) -> str:
    """Eight digits of a hash of what was chosen: the layers in float, and all constants."""
    digest = hashlib.sha256(repr(sorted(in_float)).encode())
    for operation in model.get_ordered_ops():
        if operation.get_type_name() == "Constant":
            digest.update(np.ascontiguousarray(operation.data).tobytes())
    return digest.hexdigest()[:8]


def _behind_the_backbone(model: Any) -> list[str]:
    """Names of all operations behind the last product, and of powers and lengths anywhere."""
    operations = model.get_ordered_ops()
    types = [operation.get_type_name() for operation in operations]
    last = max(place for place, kind in enumerate(types) if kind in _PRODUCTS)
    return [
        operation.friendly_name
        for place, (operation, kind) in enumerate(zip(operations, types, strict=True))
        if place > last or kind in {"Power", "Sqrt", "NormalizeL2", "ReduceL2"}
    ]


def _sensitivities(
    quantised: Any, wanted: NDArray[np.float32], inputs: dict[str, NDArray[Any]]
) -> dict[str, float]:
    """By the name of each quantised layer, what the embeddings turn when it alone is quantised."""
    layers = _quantisers(quantised)
    found = {}
    with progress("sensitivity of layers") as advance:
        for number, (layer, own) in enumerate(layers.items()):
            advance(number, len(layers), layer)
            alone = quantised.clone()
            for operation in alone.get_ordered_ops():
                if operation.get_type_name() == "FakeQuantize" and (
                    operation.friendly_name not in own
                ):
                    source = operation.input_value(0)
                    for target in operation.output(0).get_target_inputs():
                        target.replace_source_output(source)
            alone.validate_nodes_and_infer_types()
            found[layer] = _turned(wanted, _embeddings(alone, inputs))
    return found


def _quantisers(model: Any) -> dict[str, set[str]]:
    """By the name of each convolution or matrix product, the FakeQuantize operations before it."""
    found: dict[str, set[str]] = {}
    for operation in model.get_ordered_ops():
        if operation.get_type_name() != "FakeQuantize":
            continue
        for target in operation.output(0).get_target_inputs():
            node = target.get_node()
            while node.get_type_name() in _PASSING:
                node = next(iter(node.output(0).get_target_inputs())).get_node()
            if node.get_type_name() in _PRODUCTS:
                found.setdefault(node.friendly_name, set()).add(operation.friendly_name)
    return found


def _plain(name: str) -> str:
    """A layer's name in ONNX: OpenVINO calls a product whose bias it split off otherwise."""
    return name.removesuffix("/WithoutBiases")


def _most_sensitive(layers: dict[str, float]) -> list[str]:
    """The fewest layers that make up most of the sum, a bounded share of all."""
    ordered = sorted(layers, key=lambda name: -layers[name])
    sums = np.cumsum([layers[name] for name in ordered])
    needed = int(np.searchsorted(sums, _SHARE * sums[-1])) + 1
    return ordered[: min(needed, max(1, int(_MOST * len(ordered))))]


def _embeddings(model: Any, inputs: dict[str, NDArray[Any]]) -> NDArray[np.float32]:
    compiled = openvino_core().compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    found: NDArray[np.float32] = compiled(inputs)["embedding"].copy()
    return found


def _turned(wanted: NDArray[np.float32], found: NDArray[np.float32]) -> float:
    """1 − cosine of rows, in the mean."""
    lengths = np.linalg.norm(wanted, axis=1) * np.linalg.norm(found, axis=1)
    return float(np.mean(1 - np.sum(wanted * found, axis=1) / lengths))


def _row(inputs: dict[str, NDArray[Any]], row: int) -> dict[str, NDArray[Any]]:
    return {name: values[row : row + 1] for name, values in inputs.items()}


def _length(inputs: dict[str, NDArray[Any]]) -> int:
    return len(inputs["images"])


@contextmanager
def _quiet() -> Iterator[None]:
    """NNCF draws bars of its own and warns of what it finds on the way."""
    log = logging.getLogger("nncf")
    level = log.level
    with open(os.devnull, "w") as nowhere, redirect_stdout(nowhere), redirect_stderr(nowhere):
        log.setLevel(logging.ERROR)
        try:
            yield
        finally:
            log.setLevel(level)
