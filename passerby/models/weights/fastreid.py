"""Weights of FastReID (He et al. 2020, arXiv:2006.02631): ResNets with its baseline head.

BoT, AGW and SBS on ResNet-18 to -101, with IBN-a, non-local blocks and squeeze-and-excitation; the
embedding is the one behind the BN neck, as FastReID's networks return it. Not in a file, and so
assumed: last stride 1, GeM with a fixed power (a learned one is seen), and the size of the images:
256×128 (BoT, AGW), while SBS and MGN have 384×128 (``--set input.height=384``).
"""

from __future__ import annotations

import re
from typing import Literal

import torch
from torch import Tensor

from passerby.config import Input, Network
from passerby.models.weights import (
    Converted,
    State,
    inside,
    is_resnet,
    prefixed,
    refuse_architecture,
    resnet_call,
    without,
)
from passerby.registry import FAMILIES

Neck = Literal["batch_norm", "none"]

_CLASSIFIERS = ("heads.weight", "heads.classifier.", "heads.cls_layer.")


@FAMILIES.register
def fastreid(state: State, architecture: str | None) -> Converted | None:
    """FastReID: BoT, AGW, SBS on resnet18/34/50/101, with IBN, non-local blocks or SE."""
    state, constants = without(state, "pixel_mean", "pixel_std")
    backbone = inside("backbone.", state)
    if not is_resnet(backbone) or not any(name.startswith("heads.") for name in state):
        return None
    kept, classifiers = without(inside("heads.", state), *(c[6:] for c in _CLASSIFIERS))
    call = resnet_call(backbone, last_stride=1, ceil_pool=True)
    refuse_architecture("fastreid", architecture, call.partition("(")[0])
    pooling, kept = _pooling(kept)
    projection, neck, head = _head(kept)
    network = Network(
        call, attention=_attention(backbone), pooling=pooling, projection=projection, neck=neck
    )
    ours = prefixed("backbone.", _backbone(backbone)) | head
    dropped = constants + tuple(prefixed("heads.", dict.fromkeys(classifiers, torch.empty(0))))
    notes = (
        "last stride 1 and images of 256×128, as in its BoT: weights do not tell "
        "(SBS: --set input.height=384)",
        f"pooling {pooling}: a fixed power leaves no trace (--set network.pooling=...)",
    )
    return Converted(call.partition("(")[0], network, Input(filter="bicubic"), ours, dropped, notes)


def _pooling(head: State) -> tuple[str, dict[str, Tensor]]:
    """The call of the pooling, and the head with a learned power of GeM in our name."""
    names = dict(head)
    power = names.pop("pool_layer.p", None)
    if power is None:
        return "average", names
    return "gem", names | {"pooling.power": power.reshape(1)}


def _head(head: State) -> tuple[str, Neck, dict[str, Tensor]]:
    """(Projection, neck, the head's weights in our names).

    ``bottleneck`` is a batch norm, a 1×1 convolution, or both in this order reversed; before
    version 1.0 the norm was called ``bnneck``.
    """
    ours: dict[str, Tensor] = {}
    projection = "none"
    neck: Neck = "none"
    for name, tensor in head.items():
        match = re.fullmatch(r"(?:bottleneck\.(\d)|bnneck)\.(.+)", name)
        if match is None:
            ours[name] = tensor
        elif tensor.ndim == 4:  # the convolution, [width, channels, 1, 1]
            projection = f"linear(width={tensor.shape[0]}, bias=False)"
            ours["projection.linear.weight"] = tensor.flatten(1)
        else:
            neck = "batch_norm"
            ours[f"neck.{match[2]}"] = tensor
    return projection, neck, ours


def _attention(backbone: State) -> str:
    if any(name.startswith("NL_") for name in backbone):
        return "non_local_dot"
    return "se" if "layer1.0.se.fc.0.weight" in backbone else "none"


def _backbone(backbone: State) -> dict[str, Tensor]:
    """FastReID's ResNet in our names; non-local blocks move into the stage that they stand in."""
    blocks = {s: 1 + max(_numbers(backbone, rf"layer{s}\.(\d+)\.")) for s in (1, 2, 3, 4)}
    added = {s: 1 + max(_numbers(backbone, rf"NL_{s}\.(\d+)\."), default=-1) for s in blocks}
    ours = {}
    for name, tensor in backbone.items():
        if name.startswith("NL_"):
            stage, number, rest = name[3:].split(".", 2)
            site = blocks[int(stage)] - added[int(stage)] + int(number)
            rest = rest.replace("W.0.", "out.").replace("W.1.", "norm.")
            ours[f"layer{stage}.{site}.1.{rest}"] = tensor
        elif name.startswith("layer"):
            stage, number, rest = name[5:].split(".", 2)
            wrapped = int(number) >= blocks[int(stage)] - added[int(stage)]
            ours |= _block(f"layer{stage}.{number}.{'0.' if wrapped else ''}", rest, tensor)
        else:
            ours[name] = tensor
    return ours


def _block(block: str, name: str, tensor: Tensor) -> dict[str, Tensor]:
    """One tensor of a residual block; its squeeze-and-excitation has no biases, ours zeros."""
    layer = {"se.fc.0.weight": "squeeze", "se.fc.2.weight": "excite"}.get(name)
    if layer is None:
        return {block + name: tensor}
    return {
        f"{block}attention.{layer}.weight": tensor,
        f"{block}attention.{layer}.bias": tensor.new_zeros(tensor.shape[0]),
    }


def _numbers(names: State, pattern: str) -> list[int]:
    found = (re.match(pattern, name) for name in names)
    return [int(match[1]) for match in found if match is not None]
