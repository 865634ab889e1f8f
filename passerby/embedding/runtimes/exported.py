"""What an exported model says of itself, inside its file: a copy of the file is a whole model.

The text is JSON. In an ONNX file it is the entry "passerby" of ``metadata_props``, in OpenVINO's
``.xml`` the entry "passerby" of ``rt_info``, in torch.export's ``.pt2`` the extra file
"passerby.json". The graph takes "images", and "cameras" [B] int64 (−1: unknown) where the system
looks at them; it gives "embedding" [B, D] as the network makes it, not of length 1, and the others
of `Exported.outputs`.
"""

from __future__ import annotations

import dataclasses
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

import numpy as np

from passerby.config import Input
from passerby.models.checkpoint import Card
from passerby.process.json_files import parse_object, read_value
from passerby.weights.onnx import onnx_metadata

FORMAT = 1
KEY = "passerby"
"""Under which the text stands in ONNX's ``metadata_props`` and OpenVINO's ``rt_info``."""

TORCH_FILE = "passerby.json"
"""The extra file of a ``.pt2`` that holds the text."""

FILES = {"onnx": "model.onnx", "openvino": "model.xml", "torch": "model.pt2"}
"""The file of an exported folder, by its runtime; weights of ``model.xml`` are in ``model.bin``."""

Precision = Literal["fp32", "fp16", "bf16", "int8", "int8-bf16"]
"""In what a network computes; "int8-bf16" is int8 where it is quantised and bf16 in the rest."""


@dataclass(frozen=True)
class Exported:
    """A model in an exported file.

    card: of the checkpoint, with its recipe (so all preprocessing) and the weights' fingerprint.
    dimensions: D of the embedding.
    version: of the Passerby that wrote it.
    outputs: names, "embedding" first; then "before_neck" [B, E] and "local" [B, S, D] where the
        file gives them.
    cameras: whether "cameras" is an input.
    pixels: whether preprocessing is in the graph: "images" is uint8 [B, H, W, 3] RGB; else it is
        float32 [B, 3, H, W], normalised.
    precision: in which it is to be run.
    quantised: of a quantised file a digest of what the quantisation chose, "" otherwise.
    licence: of the weights, "" where it is not known.
    calibration: the text of the ``calibration.json`` of its vectors, "" where there is none.
    model_card: the text of its README.md.
    """

    card: Card
    dimensions: int
    version: str
    outputs: tuple[str, ...] = ("embedding",)
    cameras: bool = False
    pixels: bool = False
    precision: Precision = "fp32"
    quantised: str = ""
    licence: str = ""
    calibration: str = ""
    model_card: str = ""

    @property
    def input(self) -> Input:
        """The preprocessing: size, filter, antialias, mean, std; colours are RGB."""
        return self.card.recipe.input

    def to_json(self) -> str:
        """As text that `from_json` reads: one line of ASCII, safe in any of the formats."""
        return json.dumps({"format": FORMAT, **dataclasses.asdict(self)})

    @classmethod
    def from_json(cls, text: str | bytes, file: str | os.PathLike[str]) -> Exported:
        """Read what `to_json` wrote; file: where from, for the error.

        Raises ValueError for anything else, and for a newer format.
        """
        what = f"{os.fspath(file)} is not an exported model of Passerby"
        content = parse_object(text, what, FORMAT)
        try:
            made: Exported = read_value(cls, content, "its description")
        except ValueError as error:
            raise ValueError(f"{what}: {error}") from None
        return made


def fingerprint_of(
    weights: str, precision: Precision = "fp32", runtime: str = "torch", quantised: str = ""
) -> str:
    """The fingerprint of vectors: what may be compared with each other has the same.

    In fp32 all runtimes agree to 1e-5 and it is that of the weights. Below, each rounds in its own
    way (by 1e-3 and more), so precision and runtime are part of it, and what a quantisation chose.
    """
    if precision == "fp32":
        return weights
    return "-".join(filter(None, (weights, precision, runtime, quantised)))


def running_of(fingerprint: str) -> tuple[str, Precision | None]:
    """Runtime and precision of vectors by their fingerprint; "" and None of fp32, made by any."""
    for precision in sorted(get_args(Precision), key=len, reverse=True):  # int8-bf16 before int8
        before, found, after = fingerprint.partition(f"-{precision}-")
        if found and before:
            return after.partition("-")[0], precision
    return "", None


def exported_file(model: str | os.PathLike[str]) -> Path | None:
    """The exported file of a MODEL, that itself or in its folder; None where there is none.

    Raises ValueError for a folder with several: each is opened by its own name.
    """
    path = Path(model)
    if path.is_file() and path.suffix.lower() in {Path(name).suffix for name in FILES.values()}:
        return path
    found = [path / name for name in FILES.values() if (path / name).is_file()]
    if len(found) > 1:
        names = " or ".join(file.name for file in found)
        raise ValueError(f"{path} holds several models: name one of its files, {names}")
    return found[0] if found else None


def read_onnx(file: str | os.PathLike[str]) -> Exported | None:
    """What an ONNX file says of itself; None for one that others wrote, without saying.

    No package is needed for it, and the weights are not read. Raises ValueError for what is no
    ONNX file, or is damaged.
    """
    try:
        content = np.memmap(file, np.uint8, "r").data
    except (OSError, ValueError) as error:  # ValueError: it is empty
        raise ValueError(f"cannot read {os.fspath(file)}: {error}") from None
    text = onnx_metadata(content, file).get(KEY)
    return None if text is None else Exported.from_json(text, file)
