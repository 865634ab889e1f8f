"""Foreign files of weights: .pth (and its kin), .safetensors and .onnx to a plain state dict.

A .pth file is a pickle, and a pickle is a program. It is read by torch's restricted unpickler,
which makes tensors and plain containers and nothing else. Checkpoints of trainers also hold scores
as NumPy values; those are read as stand-ins without content, so that no code but torch's restricted
reader and this file's touches what the file says. Anything else is refused by its name.
"""

from __future__ import annotations

import os
import pickle
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from passerby.weights.onnx import read_onnx_weights

# Where a trainer puts the network's weights within a checkpoint.
_NESTS = ("state_dict", "model", "model_state_dict", "network", "net", "params")


class _StandIn:
    """In place of a NumPy value in a checkpoint: takes what it is given and keeps nothing."""

    def __new__(cls, *_: object) -> _StandIn:
        return super().__new__(cls)

    def __init__(self, *_: object) -> None:
        pass

    def __setstate__(self, _: object) -> None:
        pass


def _plain_dict(*_: object) -> dict[object, object]:
    """In place of a defaultdict, which torch's reader would not fill."""
    return {}


_KNOWN: list[Callable[..., Any] | tuple[Callable[..., Any], str]] = [
    *(
        (_StandIn, f"numpy.{home}.multiarray.{name}")
        for home in ("core", "_core")
        for name in ("scalar", "_reconstruct")
    ),
    (_StandIn, "numpy.dtype"),
    (_StandIn, "numpy.ndarray"),
    (dict, "builtins.dict"),
    (_plain_dict, "collections.defaultdict"),
]


def read_weights(file: str | os.PathLike[str]) -> dict[str, Tensor]:
    """The state dict in a foreign file, on the CPU; ``module.`` before all names is taken off.

    Raises ValueError when the file is missing, cannot be read, needs more than tensors and plain
    values (named in the message), or holds no state dict.
    """
    path = Path(file)
    if not path.is_file():
        raise ValueError(f"no such file of weights: {path}")
    if path.suffix == ".onnx":
        return read_onnx_weights(path)
    if path.suffix == ".safetensors":
        return _without_wrapper(_read_safetensors(path))
    return _without_wrapper(_state_dict(_read_pickle(path), path))


def _read_safetensors(path: Path) -> dict[str, Tensor]:
    try:
        return load_file(path)
    except (SafetensorError, OSError) as error:
        raise ValueError(f"{path} cannot be read ({error}); fetch it again") from None


def _read_pickle(path: Path) -> object:
    """What a file of torch.save holds, as far as the restricted unpickler makes it."""
    try:
        with torch.serialization.safe_globals(_KNOWN):
            return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        needed = re.findall(r"GLOBAL ([\w.]+)", str(error))
        if needed:
            raise ValueError(
                f"{path} is refused: reading it would run {needed[0]}, and only tensors and plain "
                "values are read. If you trust its origin, load it with the program that wrote it "
                "and store the state dict alone: torch.save(model.state_dict(), ...)"
            ) from None
        raise ValueError(f"{path} cannot be read as tensors: {_first_line(error)}") from None
    except Exception as error:  # a damaged or hostile file may fail anywhere in torch's reader
        raise ValueError(
            f"{path} cannot be read as weights ({_first_line(error)}); fetch it again"
        ) from None


def _first_line(error: Exception) -> str:
    said = str(error)
    # torch puts its own advice before and after what it found.
    said = (said.partition("WeightsUnpickler error:")[2] or said).strip()
    return said.partition("\n")[0] or type(error).__name__


def _state_dict(content: object, path: Path) -> dict[str, Tensor]:
    """The state dict within a checkpoint: its own values are tensors, or it is nested by name."""
    if isinstance(content, Mapping):
        if _is_state(content):
            return dict(content)
        for nest in _NESTS:
            if isinstance(content.get(nest), Mapping) and _is_state(content[nest]):
                return dict(content[nest])
        listed = ", ".join(map(repr, list(content)[:8])) or "nothing"
        raise ValueError(f"{path} holds no state dict of tensors: it has {listed}")
    raise ValueError(f"{path} holds a {type(content).__name__}, expected a dict of tensors")


def _is_state(content: Mapping[Any, Any]) -> bool:
    return bool(content) and all(
        isinstance(name, str) and isinstance(value, Tensor) for name, value in content.items()
    )


def _without_wrapper(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Without the prefix that DataParallel puts before all names."""
    if all(name.startswith("module.") for name in state):
        return {name.removeprefix("module."): tensor for name, tensor in state.items()}
    return state
