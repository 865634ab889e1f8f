"""A checkpoint converted for another runtime: once, compared with PyTorch, kept in the cache."""

from __future__ import annotations

import hashlib
import json
import shutil
from dataclasses import asdict
from pathlib import Path

import numpy as np
from filelock import FileLock
from torch import Tensor

from passerby.config import Input
from passerby.conversion.graph import output_names
from passerby.conversion.onnx_files import write_onnx
from passerby.conversion.openvino_files import write_openvino
from passerby.embedding.preprocessing import resized, stacked
from passerby.embedding.runtimes import Runtime
from passerby.embedding.runtimes.exported import FILES, FORMAT, KEY, Exported
from passerby.embedding.runtimes.torch import Torch
from passerby.models.checkpoint import load_model, read_card
from passerby.process.reporting import progress
from passerby.registry import RUNTIMES
from passerby.synthesis.figures import observe
from passerby.version import __version__
from passerby.weights.pull import cache_folder

AGREEMENT = 1e-5
"""The largest difference of a number of vectors of length 1 that is still the same vector."""

_WRITERS = {"onnx": write_onnx, "openvino": write_openvino}
_BATCHES = (1, 2, 7)


def converted_model(folder: Path, runtime: str) -> Path:
    """The file of a checkpoint for a runtime, out of the cache or made now.

    Another card, other weights or another Passerby make another file. Raises ValueError where the
    network cannot be converted, and where its vectors in the runtime are not those of PyTorch.
    """
    card = read_card(folder)
    known = json.dumps([asdict(card), __version__, FORMAT]).encode()
    name = f"{card.fingerprint or 'model'}-{hashlib.sha256(known).hexdigest()[:16]}"
    target = cache_folder() / "converted" / runtime / name
    file = target / FILES[runtime]
    # Without a fingerprint the card does not say of which weights it is.
    if card.fingerprint and file.is_file():
        return file
    target.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(target.with_name(f"{name}.lock")):
        if not (card.fingerprint and file.is_file()):
            part = target.with_name(f"{name}.part")
            shutil.rmtree(part, ignore_errors=True)
            try:
                _convert(folder, runtime, part)
                shutil.rmtree(target, ignore_errors=True)
                part.replace(target)
            finally:
                shutil.rmtree(part, ignore_errors=True)
    return file


def require_same(one: Runtime, other: Runtime, size: Input) -> None:
    """ValueError unless two runtimes make the same vectors of drawn persons, in several batches."""
    for count in _BATCHES:
        images = drawn_persons(count, size)
        vectors = [_unit(runtime.start(images, None)().embedding) for runtime in (one, other)]
        off = float(np.abs(vectors[0] - vectors[1]).max())
        if not off <= AGREEMENT:
            raise ValueError(
                f"the model in {other.name} does not make the vectors that it makes in {one.name}: "
                f"off by {off:.1e} in a batch of {count} (allowed: {AGREEMENT:g}). passerby export "
                "says where they part; until then run it in PyTorch (runtime torch)"
            )


def drawn_persons(count: int, size: Input) -> Tensor:
    """Images uint8 [count, 3, height, width] of drawn persons: what a network is to see."""
    height, width = max(size.height, 16), max(size.width, 16)
    made = [observe(0, n + 1, 1 + n % 3, 0, height=height, width=width) for n in range(count)]
    return stacked([resized(one.picture, size) for one in made])


def _convert(folder: Path, runtime: str, part: Path) -> None:
    with progress(f"converting for {runtime}, once") as advance:
        network, card = load_model(folder)
        names = output_names(network, card.recipe.input)
        said = Exported(card, network.dimensions, __version__, names, cameras=network.reads_cameras)
        write = _WRITERS[runtime]
        file = write(network, card.recipe.input, part, metadata={KEY: said.to_json()})
        advance(1, 2)
        made: Runtime = RUNTIMES.build(
            runtime, file=file, said=said, device=None, precision=None, threads=None
        )
        require_same(Torch(network, card.recipe.input, device="cpu"), made, card.recipe.input)
        advance(2, 2)


def _unit(vectors: np.ndarray) -> np.ndarray:
    unit: np.ndarray = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return unit
