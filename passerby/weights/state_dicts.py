"""Foreign files of weights: .pth (and its kin), .safetensors and .onnx to a plain state dict.

A .pth file is a pickle, and a pickle is a program. It is read by torch's restricted unpickler,
which makes tensors and plain containers and nothing else. Checkpoints of trainers also hold scores
as NumPy values and their options as argparse has them; those are read as stand-ins without content,
so that no code but torch's restricted reader and this file's touches what the file says. Anything
else is refused by its name.
"""

from __future__ import annotations

import os
import pickle
import re
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from passerby.weights.onnx import read_onnx_weights
from passerby.weights.signatures import kind_of
from passerby.weights.tensors import read_safetensors, require_plain

# Where a trainer puts the network's weights within a checkpoint, the first one first.
_NESTS = (
    "state_dict",
    "model",
    "model_state_dict",
    "network",
    "net",
    "params",
    "weights",
    "checkpoint",
    "ema",
    "state_dict_ema",
    "model_ema",
    "teacher",  # of DINO and its kin: the mean of the student, and what their authors use
)
_DEEPEST = 3  # nests in nests

# What DataParallel, torch.compile and Lightning put before all names, also one after another.
_WRAPPERS = ("module.", "_orig_mod.", "model.", "net.")

CRITERIA = ("criterion.", "loss.", "losses.", "loss_fn.", "criterion_")
"""Beginnings of the names of a loss's own parameters, which stand beside the network's."""


class _StandIn:
    """In place of NumPy values and options in a checkpoint: takes what it gets, keeps nothing."""

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
    (_StandIn, "argparse.Namespace"),
    (dict, "builtins.dict"),
    (_plain_dict, "collections.defaultdict"),
]


def read_weights(file: str | os.PathLike[str]) -> dict[str, Tensor]:
    """The state dict in a foreign file, on the CPU, without a wrapper's prefix before all names.

    Raises ValueError when the file is missing, is something else, cannot be read, needs more than
    tensors and plain values (named in the message), or holds no state dict.
    """
    path = Path(file)
    kind = kind_of(path)
    if kind == "onnx":
        return read_onnx_weights(path)
    if kind == "safetensors":
        return _without_wrappers(read_safetensors(path))
    return _without_wrappers(require_plain(_state_dict(_read_pickle(path), path), path))


def _read_pickle(path: Path) -> object:
    """What a file of torch.save holds, as far as the restricted unpickler makes it."""
    try:
        return _unpickled(path, "utf-8")
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


def _unpickled(path: Path, encoding: str) -> object:
    try:
        # The file is read in full, whatever it warns of.
        with torch.serialization.safe_globals(_KNOWN), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return torch.load(path, map_location="cpu", weights_only=True, encoding=encoding)
    except Exception as error:
        # Python 2 wrote text and bytes alike: the bytes of a NumPy score are no UTF-8.
        if encoding == "utf-8" and "codec can't decode" in str(error):
            return _unpickled(path, "latin1")
        raise


def _first_line(error: Exception) -> str:
    said = str(error)
    # torch puts its own advice before and after what it found.
    said = (said.partition("WeightsUnpickler error:")[2] or said).strip()
    return said.partition("\n")[0] or type(error).__name__


def _state_dict(content: object, path: Path) -> dict[str, Tensor]:
    """The state dict within a checkpoint: its own values are tensors, or it is nested by name."""
    if not isinstance(content, Mapping):
        raise ValueError(f"{path} holds a {type(content).__name__}, expected a dict of tensors")
    found = _found(content, _DEEPEST)
    if found is None:
        names = [name if isinstance(name, str) else type(name).__name__ for name in content]
        listed = ", ".join(repr(name[:40]) for name in names[:8]) or "nothing"
        raise ValueError(f"{path} holds no state dict of tensors: it has {listed}")
    return found


def _found(content: Mapping[Any, Any], depth: int) -> dict[str, Tensor] | None:
    if content and all(_is_entry(name, value, Tensor) for name, value in content.items()):
        return dict(content)
    for nest in _NESTS:
        inner = content.get(nest)
        if isinstance(inner, Mapping) and depth:
            return _found(inner, depth - 1)
    # Tensors with an epoch or a score among them.
    if all(_is_entry(name, value, Tensor | int | float | str) for name, value in content.items()):
        return {k: v for k, v in content.items() if isinstance(v, Tensor)} or None
    return None


def _is_entry(name: object, value: object, kind: Any) -> bool:
    return isinstance(name, str) and isinstance(value, kind)


def _without_wrappers(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Without what wrappers put before the names of a network, however often."""
    names = [name for name in state if not name.startswith(CRITERIA)]
    for wrapper in _WRAPPERS:
        if names and all(name.startswith(wrapper) for name in names):
            return _without_wrappers(
                {name.removeprefix(wrapper): tensor for name, tensor in state.items()}
            )
    return state
