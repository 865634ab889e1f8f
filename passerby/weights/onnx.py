"""Weights out of an ONNX file, by the names that the network had in PyTorch.

Reads the few fields of the protocol buffers that hold initialisers and nodes, so that no package is
needed. An exporter that folds batch norm into convolutions names the results by numbers; their
names are then taken from the node, whose name is the path of its module:
``/conv2/conv2.0/conv1/conv/Conv`` makes ``conv2.0.conv1.conv.weight`` and ``.bias``.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

_TYPES = {1: "<f4", 6: "<i4", 7: "<i8", 10: "<f2", 11: "<f8"}
# The field of a tensor that holds its values when they are not raw.
_VALUES = {4: "<f4", 10: "<f8"}


def read_onnx_weights(file: str | os.PathLike[str]) -> dict[str, Tensor]:
    """The initialisers of an ONNX file in PyTorch's names.

    Raises ValueError when the file is no ONNX model or keeps its weights outside.
    """
    try:
        content = memoryview(Path(file).read_bytes())
        graphs = [bytes(value) for field, value in _fields(content) if field == 7]
        tensors: dict[str, Tensor] = {}
        nodes: list[tuple[str, list[str]]] = []
        for field, value in _fields(memoryview(graphs[0])):
            if field == 5:
                name, tensor = _tensor(value)
                tensors[name] = tensor
            elif field == 1:
                nodes.append(_node(value))
        if not tensors:
            raise ValueError("it holds no weights")
    except (IndexError, TypeError, UnicodeDecodeError, ValueError) as error:
        raise ValueError(f"{file} cannot be read as an ONNX model: {error}") from None
    return _named(tensors, nodes)


def onnx_metadata(content: memoryview, file: str | os.PathLike[str]) -> dict[str, bytes]:
    """The ``metadata_props`` of an ONNX model; weights are passed over.

    Raises ValueError when the content is none; file: where from, for the error.
    """
    try:
        entries = [dict(_fields(value)) for field, value in _fields(content) if field == 14]
        return {bytes(entry[1]).decode(): bytes(entry.get(2, b"")) for entry in entries}
    except (IndexError, KeyError, UnicodeDecodeError, ValueError) as error:
        raise ValueError(f"{file} cannot be read as an ONNX model: {error}") from None


def _fields(content: memoryview) -> Iterator[tuple[int, memoryview]]:
    """(Number, bytes) of the fields of a message; of numbers, the bytes of the variable length."""
    position = 0
    while position < len(content):
        key, position = _number(content, position)
        start, kind = position, key & 7
        if kind == 0:
            _, position = _number(content, position)
        elif kind == 2:
            length, start = _number(content, position)
            position = start + length
        elif kind in (1, 5):
            position += 8 if kind == 1 else 4
        else:
            raise ValueError("not a protocol buffer")
        if position > len(content):
            raise ValueError("it ends too early")
        yield key >> 3, content[start:position]


def _number(content: memoryview, position: int) -> tuple[int, int]:
    """(A number of variable length, the position behind it)."""
    value = 0
    for shift in range(0, 70, 7):
        byte = content[position]
        position += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, position
    raise ValueError("not a protocol buffer")


def _tensor(content: memoryview) -> tuple[str, Tensor]:
    shape: list[int] = []
    parts: dict[int, memoryview] = {}  # by their numbers in onnx.proto, TensorProto
    for field, value in _fields(content):
        if field == 1:
            shape += _numbers(value)
        else:
            parts[field] = value
    name = bytes(parts.get(8, b"")).decode()
    kind = _number(parts[2], 0)[0] if 2 in parts else 0
    if 13 in parts:
        raise ValueError("its weights are in another file; store them inside")
    if kind not in _TYPES:
        raise ValueError(f"{name!r} has the unknown type {kind}")
    field = next((field for field in (9, *_VALUES) if field in parts), 9)
    values = np.frombuffer(parts.get(field, b""), _VALUES.get(field, _TYPES[kind]))
    if values.size != math.prod(shape):
        raise ValueError(f"{name!r} does not have the values of its shape {shape}")
    return name, torch.from_numpy(values.reshape(shape).copy())


def _numbers(content: memoryview) -> list[int]:
    """One number, or several packed one after another."""
    found, position = [], 0
    while position < len(content):
        value, position = _number(content, position)
        found.append(value)
    return found


def _node(content: memoryview) -> tuple[str, list[str]]:
    """(Path of the node's module, names of its inputs)."""
    path, inputs = "", []
    for field, value in _fields(content):
        if field == 1:
            inputs.append(bytes(value).decode())
        elif field == 3:
            path = bytes(value).decode()
    return path, inputs


def _named(tensors: dict[str, Tensor], nodes: list[tuple[str, list[str]]]) -> dict[str, Tensor]:
    """Numbered initialisers (``onnx::Conv_1047``) under the names of the modules that use them."""
    names: dict[str, str] = {}
    for path, inputs in nodes:
        module = _module(path)
        for given, kind in zip(inputs[1:3], ("weight", "bias"), strict=False):
            if "::" in given and given in tensors:
                names[given] = f"{module}.{kind}"
    return {names.get(name, name): tensor for name, tensor in tensors.items()}


def _module(path: str) -> str:
    """``conv2.0.conv1`` for ``/conv2/conv2.0/conv1/Conv``: containers repeat their own name."""
    steps: list[str] = []
    for step in path.strip("/").split("/")[:-1]:
        if steps and step.startswith(f"{steps[-1]}."):
            steps[-1] = step
        else:
            steps.append(step)
    return ".".join(steps)
