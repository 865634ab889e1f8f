"""Weights of FastReID (He et al. 2020, arXiv:2006.02631): its baseline on a ResNet or OSNet, MGN.

BoT, AGW and SBS on ResNet-18 to -101, with IBN-a, non-local blocks and squeeze-and-excitation, and
on OSNet; the embedding is the one behind the BN neck, as FastReID's networks return it. MGN on
ResNet-50 and -101: eight such vectors side by side, in the order of ours.

Not in a file, and so assumed after its configurations: last stride 1; the pooling where it learns
nothing: GeM with power 3 beside non-local blocks (Base-AGW.yml), the maximum in MGN (Base-MGN.yml
before version 1.0; since then it learns GeM's power), else the mean; images of 256×128 (BoT, AGW),
of 384×128 for MGN and a learned power (SBS). Old FastReID's own MGN, with other heads, is refused.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Literal

from torch import Tensor

from passerby.config import Input, Network
from passerby.registry import FAMILIES
from passerby.weights.families import (
    Converted,
    State,
    attention_of,
    block_state,
    inside,
    is_resnet,
    numbers_in,
    prefixed,
    require_same_architecture,
    resnet_call,
    resnet_state,
    without,
)
from passerby.weights.families.torchreid import is_osnet, osnet_name, osnet_size, osnet_state

Neck = Literal["batch_norm", "none"]

_CLASSIFIERS = ("weight", "classifier.", "cls_layer.")  # of a head
_LIKE_BOT = Input(filter="bicubic")
_LIKE_SBS = Input(height=384, filter="bicubic")

# MGN's heads by the names of our parts, in the order in which both put their vectors.
_MGN_PARTS = {
    "b1": "global_1",
    "b2": "global_2",
    "b3": "global_3",
    "b21": "half_1",
    "b22": "half_2",
    "b31": "third_1",
    "b32": "third_2",
    "b33": "third_3",
}
_STEM = {"0": "conv1", "1": "bn1", "4": "layer1", "5": "layer2", "6": "layer3.0"}


@FAMILIES.register
def fastreid(state: State, architecture: str | None) -> Converted | None:
    """FastReID: BoT, AGW, SBS on resnet18/34/50/101 (IBN, non-local, SE) or osnet_x*; MGN."""
    if any(name.startswith("heads_extra_bn_") for name in state):
        return None  # LUPerson's MGN
    state, constants = without(state, "pixel_mean", "pixel_std")
    backbone = inside("backbone.", state)
    if "0.weight" in backbone and "b33_head.bottleneck.0.weight" in state:
        converted = fastreid_mgn(state)
    elif not any(name.startswith("heads.") for name in state):
        return None
    elif is_osnet(backbone):
        converted = _osnet(backbone, inside("heads.", state))
    elif is_resnet(backbone):
        converted = _resnet(backbone, inside("heads.", state))
    else:
        return None
    require_same_architecture("fastreid", architecture, converted.architecture)
    return replace(converted, dropped=constants + converted.dropped)


def _resnet(backbone: State, head: State) -> Converted:
    call = resnet_call(backbone, last_stride=1, ceil_pool=True)
    attention = attention_of(backbone)
    return _baseline(call, resnet_state(backbone), attention, head)


def _osnet(backbone: State, head: State) -> Converted:
    width, variant = osnet_size(backbone)
    call = f"osnet(width={width:g}, variant={variant})"
    converted = _baseline(call, osnet_state(backbone), "none", head)
    return replace(converted, architecture=osnet_name(width, variant))


def _baseline(call: str, backbone: State, attention: str, head: State) -> Converted:
    """FastReID's one head on a backbone in our names."""
    head, dropped = without(head, *_CLASSIFIERS)
    learned = "pool_layer.p" in head
    fixed = "gem" if attention == "non_local_dot" else "average"
    pooling = "gem" if learned else fixed
    projection, neck, ours = _head(head)
    network = Network(call, attention=attention, pooling=pooling, projection=projection, neck=neck)
    kind = call.partition("(")[0]
    strides = "last stride 1, " if kind.startswith("resnet") else ""
    like = "SBS" if learned else "AGW" if pooling == "gem" else "BoT"
    size = _LIKE_SBS if learned else _LIKE_BOT
    notes = (
        f"{strides}images of {size.height}×{size.width}, as in its {like}: weights do not tell "
        "(--set input.height=...)",
        *(() if learned else (_fixed_pooling(pooling, "network.pooling"),)),
    )
    return Converted(
        kind,
        network,
        size,
        prefixed("backbone.", backbone) | ours,
        tuple(f"heads.{name}" for name in dropped),
        notes,
        () if learned else ("pooling.",),
    )


def _fixed_pooling(pooling: str, field: str) -> str:
    return f"pooling {pooling}: a fixed one leaves no trace (--set {field}=...)"


def fastreid_mgn(state: State) -> Converted:
    """MGN: the trunk up to layer3's first block, three copies of the rest, eight heads."""
    heads = {theirs: inside(f"{theirs}_head.", state) for theirs in _MGN_PARTS}
    learned = "pool_layer.p" in heads["b1"]
    ours: dict[str, Tensor] = {}
    dropped = []
    for theirs, part in _MGN_PARTS.items():
        kept, left_out = without(heads[theirs], *_CLASSIFIERS)
        dropped += [f"{theirs}_head.{name}" for name in left_out]
        ours |= _mgn_head(part, kept)
    stem = inside("backbone.", state)
    first = inside("b1.", state)
    names = {_mgn_stem_name(name) for name in stem} | {_mgn_branch_name(name) for name in first}
    call = resnet_call(names, last_stride=1, ceil_pool=True)
    for name, tensor in stem.items():
        block, attention, rest = name.partition("se.fc.")
        ours |= block_state(f"stem.{block}", attention + rest, tensor)
    blocks = 1 + max(numbers_in(first, r"0\.(\d+)\."), default=-1)  # of layer3, less its first
    for branch in range(3):
        for name, tensor in inside(f"b{branch + 1}.", state).items():
            stage, number, rest = _mgn_place(name)
            place = number + blocks * stage
            ours |= block_state(f"branches.{branch}.{place}.", rest, tensor)
    pooling = "gem" if learned else "max"
    network = Network(
        call,
        attention="se" if "layer1.0.se.fc.0.weight" in names else "none",
        system=f"mgn(global_stride=1, relu=False, pooling={pooling})",
    )
    notes = (
        "stride 1 in all branches and images of 384×128, as in its MGN: weights do not tell "
        "(--set network.system.global_stride=..., input.height=...)",
        *(() if learned else (_fixed_pooling(pooling, "network.system.pooling"),)),
    )
    supplied = () if learned else ("pooling.",)
    return Converted("mgn", network, _LIKE_SBS, ours, tuple(dropped), notes, supplied)


def _mgn_stem_name(name: str) -> str:
    """A tensor of the trunk, a Sequential, as a ResNet calls it."""
    number, _, rest = name.partition(".")
    return f"{_STEM.get(number, number)}.{rest}"


def _mgn_branch_name(name: str) -> str:
    """A tensor of a branch as a ResNet calls it."""
    stage, number, rest = _mgn_place(name)
    return f"layer{stage + 3}.{number + (stage == 0)}.{rest}"


def _mgn_place(name: str) -> tuple[int, int, str]:
    """(0 for the rest of layer3 or 1 for layer4, the block in it, the tensor in the block)."""
    match = re.fullmatch(r"([01])\.(\d{1,3})\.(.+)", name)
    if match is None:
        raise ValueError(f"{name!r} is no name in a branch of FastReID's MGN")
    return int(match[1]), int(match[2]), match[3]


def _mgn_head(part: str, head: State) -> dict[str, Tensor]:
    """A part's reduction and, where it is learned, the power of its pooling."""
    ours = {}
    for name, tensor in head.items():
        if name == "pool_layer.p":
            ours[f"pooling.{part}.power"] = tensor.reshape(1)
        else:  # a 1×1 convolution, here a linear layer, and a batch norm
            flat = tensor.flatten(1) if tensor.ndim == 4 else tensor
            ours[f"reduction.{part}.{name.removeprefix('bottleneck.')}"] = flat
    return ours


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
        if name == "pool_layer.p":
            ours["pooling.power"] = tensor.reshape(1)
        elif match is None:
            ours[name] = tensor
        elif tensor.ndim == 4:  # the convolution, [width, channels, 1, 1]
            projection = f"linear(width={tensor.shape[0]}, bias=False)"
            ours["projection.linear.weight"] = tensor.flatten(1)
        else:
            neck = "batch_norm"
            ours[f"neck.{match[2]}"] = tensor
    return projection, neck, ours
