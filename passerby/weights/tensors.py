"""Tensors of foreign files: .safetensors within bounds, and what a state dict may hold."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

MOST_TENSORS = 100_000
"""A large transformer has a few thousand."""

_LONGEST_HEADER = 2**24  # bytes of .safetensors; a tensor takes about a hundred


def read_safetensors(path: Path) -> dict[str, Tensor]:
    """The tensors of a file; ValueError when it cannot be read or has more than is sensible."""
    try:
        with path.open("rb") as opened:
            length = int.from_bytes(opened.read(8), "little")
        if length > _LONGEST_HEADER:
            raise ValueError(
                f"{path} is refused: its header says {length} bytes, {_LONGEST_HEADER} are read at "
                "most"
            )
        return require_plain(load_file(path), path)
    except (SafetensorError, OSError) as error:
        raise ValueError(f"{path} cannot be read ({error}); fetch it again") from None


def require_plain(state: Mapping[str, Tensor], path: Path) -> dict[str, Tensor]:
    """A state dict of dense numbers in memory; ValueError naming the first tensor that is not.

    A tensor of a pickle may be sparse, without content (meta), or a view that says to be larger
    than what it is a view of.
    """
    if len(state) > MOST_TENSORS:
        raise ValueError(
            f"{path} is refused: it has {len(state)} tensors, {MOST_TENSORS} are read at most"
        )
    for name, tensor in state.items():
        slip = _slip(tensor)
        if slip:
            raise ValueError(f"{path} is refused: {name[:100]!r} {slip}, expected plain numbers")
    return {name: tensor.detach() for name, tensor in state.items()}


def _slip(tensor: Tensor) -> str:
    if tensor.layout != torch.strided or tensor.is_nested:
        return f"is {str(tensor.layout).removeprefix('torch.')}"
    if tensor.device.type != "cpu":
        return f"is on the device {tensor.device.type}, without content"
    if tensor.is_quantized or tensor.is_complex():
        return f"has the type {str(tensor.dtype).removeprefix('torch.')}"
    if tensor.numel() * tensor.element_size() > tensor.untyped_storage().nbytes():
        return f"has the shape {list(tensor.shape)} and is stored in fewer numbers"
    return ""
