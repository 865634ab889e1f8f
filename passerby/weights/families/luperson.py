"""Weights of LUPerson (Fu et al. 2021, arXiv:2012.03753): ResNet-50 before fine-tuning, and MGN.

A checkpoint of its training without names (MoCo, of which the query's encoder is taken; keys,
queue and projection are left out), or MGN as its authors fine-tuned it with their FastReID, which
has one more batch norm behind each branch; its colours stand in the file. ResNets of theirs in a
file with the plain names of torchvision's are read by `torchvision`.

Not in a file, and so assumed: of a checkpoint the colours that the authors measured on LUPerson;
of MGN what FastReID's is assumed to be.
"""

from __future__ import annotations

from dataclasses import replace

from torch import Tensor

from passerby.config import Input, Network
from passerby.registry import FAMILIES
from passerby.weights.families import (
    Converted,
    State,
    inside,
    prefixed,
    require_same_architecture,
    resnet_call,
    without,
)
from passerby.weights.families.fastreid import fastreid_mgn

_COLOURS = Input(mean=(0.3525, 0.3106, 0.3140), std=(0.2660, 0.2522, 0.2505), filter="bicubic")
_EXTRA = "heads_extra_bn_b"


@FAMILIES.register
def luperson(state: State, architecture: str | None) -> Converted | None:
    """LUPerson: a ResNet of its MoCo training, or its authors' fine-tuned MGN."""
    if "encoder_q.conv1.weight" in state:
        converted = _moco(state)
    elif f"{_EXTRA}1.weight" in state:
        converted = _mgn(state)
    else:
        return None
    require_same_architecture("luperson", architecture, converted.architecture)
    return converted


def _moco(state: State) -> Converted:
    """The query's encoder without its projection."""
    kept, dropped = without(state, "encoder_k.", "queue", "encoder_q.fc.")
    backbone = inside("encoder_q.", kept)
    left_over = {name: t for name, t in kept.items() if not name.startswith("encoder_q.")}
    call = resnet_call(backbone, last_stride=2)
    notes = ("colours less the mean of LUPerson, as its authors measured it (--set input.mean)",)
    network = Network(call, neck="none")
    ours = prefixed("backbone.", backbone) | left_over
    return Converted(call.partition("(")[0], network, _COLOURS, ours, dropped, notes)


def _mgn(state: State) -> Converted:
    """FastReID's MGN with a batch norm behind each branch."""
    rest, constants = without(state, "pixel_mean", "pixel_std")
    extra = {name: tensor for name, tensor in rest.items() if name.startswith(_EXTRA)}
    converted = fastreid_mgn({name: t for name, t in rest.items() if name not in extra})
    ours: dict[str, Tensor] = dict(converted.state)
    for name, tensor in extra.items():
        branch, _, value = name.removeprefix(_EXTRA).partition(".")
        ours[f"norms.{int(branch) - 1}.{value}"] = tensor
    system = converted.network.system.replace("mgn(", "mgn(norm=true, ")
    mean, deviation = (_colours(state, name) for name in ("pixel_mean", "pixel_std"))
    return replace(
        converted,
        network=replace(converted.network, system=system),
        size=replace(converted.size, mean=mean, std=deviation),
        state=ours,
        dropped=(*constants, *converted.dropped),
    )


def _colours(state: State, name: str) -> tuple[float, float, float]:
    """A constant of the file, of values from 0 to 255, in our values from 0 to 1."""
    red, green, blue = (float(value) / 255 for value in state[name].flatten())
    return red, green, blue
