"""Files of networks, run: ONNX by ONNX Runtime, OpenVINO's own format by OpenVINO, on the CPU."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from passerby.extras import lacking
from passerby.process.openvino_core import openvino_core
from passerby.video.detectors.card import Card

Network = Callable[[NDArray[np.float32]], NDArray[np.float32]]
"""Images [1, 3, H, W] float32 to the first output."""

_GREY = 114  # what YOLO's authors put beside a picture of another shape


def open_network(file: Path, threads: int = 1) -> Network:
    """A network from its file.

    Raises:
        ValueError: What runs it is not installed, or cannot open it.
    """
    return _openvino(file, threads) if file.suffix == ".xml" else _onnx(file, threads)


def letterboxed(pixels: NDArray[np.uint8], card: Card) -> tuple[NDArray[np.float32], float]:
    """A frame scaled into the upper left of the input, grey beside it, and the scale."""
    scale = min(card.height / pixels.shape[0], card.width / pixels.shape[1])
    size = max(1, round(pixels.shape[1] * scale)), max(1, round(pixels.shape[0] * scale))
    canvas = np.full((card.height, card.width, 3), _GREY, np.uint8)
    canvas[: size[1], : size[0]] = _resized(pixels, size)
    return _planes(canvas, card), scale


def stretched(pixels: NDArray[np.uint8], card: Card) -> NDArray[np.float32]:
    """A frame in the input's shape, whatever its own."""
    return _planes(_resized(pixels, (card.width, card.height)), card)


def _resized(pixels: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.uint8]:
    return np.asarray(Image.fromarray(pixels).resize(size, Image.Resampling.BILINEAR))


def _planes(pixels: NDArray[np.uint8], card: Card) -> NDArray[np.float32]:
    ordered = pixels[..., ::-1] if card.colours == "bgr" else pixels
    planes = np.ascontiguousarray(ordered.transpose(2, 0, 1)[None], dtype=np.float32)
    if card.divisor != 1:
        planes /= card.divisor
    return planes


def _onnx(file: Path, threads: int) -> Network:
    try:
        onnxruntime = importlib.import_module("onnxruntime")
    except ImportError as error:
        raise lacking(str(file), "ONNX Runtime", "onnx", error) from None
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    try:
        session = onnxruntime.InferenceSession(
            str(file), options, providers=["CPUExecutionProvider"]
        )
    except Exception as error:  # it has exceptions of its own, without a common class
        raise ValueError(f"ONNX Runtime cannot open {file}: {error}") from None
    name = session.get_inputs()[0].name

    def run(images: NDArray[np.float32]) -> NDArray[np.float32]:
        return np.asarray(session.run(None, {name: images})[0], np.float32)

    return run


def _openvino(file: Path, threads: int) -> Network:
    settings = {
        "INFERENCE_NUM_THREADS": str(threads),
        "PERFORMANCE_HINT": "LATENCY",
        "INFERENCE_PRECISION_HINT": "f32",  # else another machine finds other persons
    }
    core = openvino_core()
    try:
        compiled = core.compile_model(str(file), "CPU", settings)
    except RuntimeError as error:
        raise ValueError(f"OpenVINO cannot open {file}: {error}") from None

    def run(images: NDArray[np.float32]) -> NDArray[np.float32]:
        return np.array(compiled([images])[0], np.float32)

    return run
