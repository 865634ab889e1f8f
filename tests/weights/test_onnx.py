"""Weights out of ONNX files, which the test writes byte by byte from onnx.proto's field numbers."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from passerby.weights.onnx import _number, read_onnx_weights


def varint(value):
    out = b""
    while value > 127:
        out += bytes([value & 127 | 128])
        value >>= 7
    return out + bytes([value])


def field(number, content):
    """A field of bytes, or of a number."""
    if isinstance(content, int):
        return varint(number << 3) + varint(content)
    return varint(number << 3 | 2) + varint(len(content)) + content


def tensor(name, values, packed=False, kind=1, raw=True):
    values = np.asarray(values)
    shape = b"".join(varint(n) for n in values.shape)
    dims = field(1, shape) if packed else b"".join(field(1, n) for n in values.shape)
    content = field(9, values.tobytes()) if raw else field(4, values.tobytes())
    return field(5, dims + field(2, kind) + content + field(8, name.encode()))


def node(path, *inputs):
    return field(1, b"".join(field(1, i.encode()) for i in inputs) + field(3, path.encode()))


def model(*parts):
    return field(1, 8) + field(2, b"test") + field(7, b"".join(parts))


@pytest.mark.parametrize(
    ("dtype", "kind"),
    [("<f4", 1), ("<f2", 10), ("<f8", 11), ("<i8", 7), ("<i4", 6)],
)
@pytest.mark.parametrize("packed", [False, True])
def test_types_and_shapes(dtype, kind, packed, tmp_path):
    values = np.arange(6, dtype=dtype).reshape(2, 3)
    (tmp_path / "a.onnx").write_bytes(model(tensor("x.weight", values, packed, kind)))
    read = read_onnx_weights(tmp_path / "a.onnx")["x.weight"]
    np.testing.assert_array_equal(read.numpy(), values)
    assert read.numpy().dtype == values.dtype


def test_values_that_are_not_raw(tmp_path):
    values = np.arange(4, dtype="<f4")
    (tmp_path / "a.onnx").write_bytes(model(tensor("a", values, raw=False)))
    assert read_onnx_weights(tmp_path / "a.onnx")["a"].tolist() == [0, 1, 2, 3]


def test_numbered_weights_take_the_name_of_their_module(tmp_path):
    weight, bias = np.ones((2, 3, 1, 1), "<f4"), np.zeros(2, "<f4")
    (tmp_path / "a.onnx").write_bytes(
        model(
            node("/conv1/conv/Conv", "input", "onnx::Conv_7", "onnx::Conv_8"),
            node("/layer1/layer1.0/down/down.1/Conv", "y", "onnx::Conv_9"),
            node("/fc/fc.0/Gemm", "z", "fc.0.weight", "fc.0.bias"),
            tensor("onnx::Conv_7", weight),
            tensor("onnx::Conv_8", bias),
            tensor("onnx::Conv_9", weight),
            tensor("fc.0.weight", weight),
            tensor("fc.0.bias", bias),
        )
    )
    assert set(read_onnx_weights(tmp_path / "a.onnx")) == {
        "conv1.conv.weight",
        "conv1.conv.bias",
        "layer1.0.down.1.weight",
        "fc.0.weight",
        "fc.0.bias",
    }


@pytest.mark.hostile
@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "cannot be read as an ONNX model"),
        (b"\xff" * 30, "not a protocol buffer"),
        (b"<html>no</html>", "cannot be read"),
        (model(), "it holds no weights"),
        (model(tensor("a", np.zeros(3, "<f4")))[:-4], "it ends too early"),
        (model(field(5, field(1, 4) + field(2, 1) + field(8, b"a"))), "values of its shape"),
        (model(field(5, field(2, 99) + field(8, b"a"))), "'a' has the unknown type 99"),
        (model(field(5, field(2, 1) + field(13, b"x"))), "in another file"),
    ],
)
def test_what_is_no_model_is_said(content, message, tmp_path):
    (tmp_path / "a.onnx").write_bytes(content)
    with pytest.raises(ValueError, match=message):
        read_onnx_weights(tmp_path / "a.onnx")


@given(st.integers(0, 2**63))
def test_numbers(value):
    assert _number(memoryview(varint(value) + b"\xff"), 0) == (value, len(varint(value)))


@pytest.mark.hostile
@given(st.binary(max_size=60))
def test_any_bytes_are_read_or_refused(tmp_path_factory, content):
    file = tmp_path_factory.mktemp("onnx") / "a.onnx"
    file.write_bytes(field(7, content))
    try:
        read = read_onnx_weights(file)
    except ValueError:
        return
    assert all(isinstance(value, torch.Tensor) for value in read.values())
