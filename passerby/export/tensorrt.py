"""TensorRT: what it refuses in an ONNX file, and the command that builds an engine of it.

Written from NVIDIA's lists (onnx-tensorrt's ``operators.md`` and the support matrix of TensorRT
10); never run, as no machine with TensorRT was at hand.
"""

from __future__ import annotations

import os
import shlex
from pathlib import Path

from passerby.config import Input

_LIST = """
Abs Add And ArgMax ArgMin AveragePool BatchNormalization Cast CastLike Ceil Clip Concat Constant
ConstantOfShape Conv ConvTranspose Cos CumSum DepthToSpace DequantizeLinear Div Einsum Elu Equal
Erf Exp Expand Flatten Floor Gather GatherElements GatherND Gelu Gemm GlobalAveragePool
GlobalMaxPool Greater GreaterOrEqual GridSample GroupNormalization HardSigmoid HardSwish
Identity InstanceNormalization LayerNormalization LeakyRelu Less LessOrEqual Log LogSoftmax
MatMul Max MaxPool Mean Min Mod Mul Neg Not Or PRelu Pad Pow QuantizeLinear Range Reciprocal
ReduceL1 ReduceL2 ReduceMax ReduceMean ReduceMin ReduceProd ReduceSum ReduceSumSquare Relu
Reshape Resize Round ScatterElements ScatterND Selu Shape Sigmoid Sign Sin Size Slice Softmax
Softplus SpaceToDepth Split Sqrt Squeeze Sub Sum Tan Tanh Tile TopK Transpose Trilu Unsqueeze
Where Xor
"""
_DOUBLE = 11  # TensorProto.DOUBLE


def refused_by_tensorrt(file: str | os.PathLike[str]) -> tuple[str, ...]:
    """What TensorRT would not take of an ONNX file, as sentences; none is what is hoped for."""
    import onnx

    graph = onnx.load(file).graph
    found = []
    for kind in sorted({node.op_type for node in graph.node} - {*_LIST.split()}):
        found.append(f"the operation {kind} is not on its list")
    for node in graph.node:
        options = {attribute.name: attribute.i for attribute in node.attribute}
        if node.op_type == "Resize" and options.get("antialias"):
            found.append(f"{node.name} resizes with antialiasing")
    doubles = [tensor.name for tensor in graph.initializer if tensor.data_type == _DOUBLE]
    if doubles:
        found.append(f"{', '.join(doubles[:3])} are in 64 bits")
    return tuple(found)


def trtexec_command(
    file: Path, size: Input, *, cameras: bool, pixels: bool, most: int = 128
) -> str:
    """The command that builds an engine of the file, for 1 to ``most`` images at once."""
    image = f"{size.height}x{size.width}x3" if pixels else f"3x{size.height}x{size.width}"
    shapes = {
        name: f"images:{batch}x{image}" + (f",cameras:{batch}" if cameras else "")
        for name, batch in (("min", 1), ("opt", min(32, most)), ("max", most))
    }
    words = ["trtexec", f"--onnx={file}", f"--saveEngine={file.with_suffix('.engine')}"]
    # 19 bits of TF32 would turn vectors by 1e-3.
    words += [f"--{name}Shapes={shape}" for name, shape in shapes.items()] + ["--noTF32"]
    return shlex.join(words)
