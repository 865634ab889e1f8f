"""Published weights, one family of files a module: a foreign state dict to ours.

A family is registered as a function that takes the state dict as it stands in the file (``module.``
prefixes taken off) and the architecture that the user names, or None; it returns None for names
that are not its own, so that a file's family is found by asking each. It computes nothing: tensors
are renamed, reshaped or left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from torch import Tensor

from passerby.config import Input, Network

State = Mapping[str, Tensor]

_BLOCKS: dict[tuple[tuple[int, ...], bool], int] = {
    ((2, 2, 2, 2), False): 18,
    ((3, 4, 6, 3), False): 34,
    ((3, 4, 6, 3), True): 50,
    ((3, 4, 23, 3), True): 101,
}


@dataclass(frozen=True, eq=False)
class Converted:
    """A foreign state dict in our names, with the network and the preprocessing that go with it.

    architecture: as its family calls it; dropped: names that were left out on purpose
    (classifiers); notes: what the file does not say and was therefore assumed; supplied: beginnings
    of our names that may be missing, as the network's calls say their values (a fixed power).
    """

    architecture: str
    network: Network
    size: Input
    state: dict[str, Tensor]
    dropped: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    supplied: tuple[str, ...] = ()


def without(state: State, *prefixes: str) -> tuple[dict[str, Tensor], tuple[str, ...]]:
    """(The state dict without names that begin so, those names)."""
    dropped = tuple(name for name in state if name.startswith(prefixes))
    return {name: tensor for name, tensor in state.items() if name not in dropped}, dropped


def prefixed(prefix: str, state: State) -> dict[str, Tensor]:
    """The state dict with a prefix before each name."""
    return {prefix + name: tensor for name, tensor in state.items()}


def inside(prefix: str, state: State) -> dict[str, Tensor]:
    """The part of a state dict under a prefix, which is taken off."""
    return {name[len(prefix) :]: t for name, t in state.items() if name.startswith(prefix)}


def is_resnet(names: Iterable[str]) -> bool:
    """Whether these are the names of a ResNet with torchvision's layout."""
    return {"conv1.weight", "bn1.weight", "layer4.0.conv2.weight"} <= set(names)


def resnet_call(
    names: Iterable[str], last_stride: int, *, ceil_pool: bool = False, stem_relu: bool = True
) -> str:
    """Our backbone for a ResNet's names: ``resnet50(last_stride=1, ibn=True)``.

    Strides, pooling and ReLU leave no trace in the weights, so they are the caller's to know.
    Raises ValueError when the numbers of blocks are of no ResNet that we have.
    """
    known = set(names)
    blocks = tuple(
        len({name.split(".")[1] for name in known if name.startswith(f"layer{stage}.")})
        for stage in range(1, 5)
    )
    depth = _BLOCKS.get((blocks, "layer1.0.conv3.weight" in known))
    if depth is None:
        raise ValueError(
            f"a ResNet with {blocks} blocks is none of resnet18, resnet34, resnet50, resnet101"
        )
    options = f"last_stride={last_stride}"
    options += ", ibn=True" if "layer1.0.bn1.IN.weight" in known else ""
    options += ", ceil_pool=True" if ceil_pool else ""
    options += "" if stem_relu else ", stem_relu=False"
    return f"resnet{depth}({options})"


def require_same_architecture(family: str, asked: str | None, found: str) -> None:
    """ValueError when the user names another architecture than the weights have."""
    if asked is not None and asked.replace("-", "_") != found:
        raise ValueError(f"--architecture {asked}: the {family} weights in the file are {found}'s")


def attention_of(backbone: State) -> str:
    """The attention in a ResNet of FastReID or of AGW's authors, by its names."""
    if any(name.startswith("NL_") for name in backbone):
        return "non_local_dot"
    return "se" if "layer1.0.se.fc.0.weight" in backbone else "none"


def resnet_state(backbone: State) -> dict[str, Tensor]:
    """A ResNet of FastReID or of AGW's authors in our names: attention moves to where it stands."""
    blocks = {
        str(stage): 1 + max(numbers_in(backbone, rf"layer{stage}\.(\d+)\."), default=0)
        for stage in range(1, 5)
    }
    added = {
        stage: 1 + max(numbers_in(backbone, rf"NL_{stage}\.(\d+)\."), default=-1)
        for stage in blocks
    }
    ours = {}
    for name, tensor in backbone.items():
        match = re.fullmatch(r"(layer|NL_)([1-4])\.(\d{1,3})\.(.+)", name)
        if match is None:
            ours[name] = tensor  # of the stem, or what is refused as left over
            continue
        kind, stage, number, rest = match.groups()
        first = blocks[stage] - added[stage]  # of the blocks that a non-local one stands behind
        if kind == "NL_":
            rest = rest.replace("W.0.", "out.").replace("W.1.", "norm.")
            ours[f"layer{stage}.{first + int(number)}.1.{rest}"] = tensor
        else:
            wrapped = "0." if int(number) >= first else ""
            ours |= block_state(f"layer{stage}.{number}.{wrapped}", rest, tensor)
    return ours


def block_state(block: str, name: str, tensor: Tensor) -> dict[str, Tensor]:
    """One tensor of a residual block; its squeeze-and-excitation has no biases, ours zeros."""
    layer = {"se.fc.0.weight": "squeeze", "se.fc.2.weight": "excite"}.get(name)
    if layer is None:
        return {block + name: tensor}
    return {
        f"{block}attention.{layer}.weight": tensor,
        f"{block}attention.{layer}.bias": tensor.new_zeros(tensor.shape[0]),
    }


def numbers_in(names: Iterable[str], pattern: str) -> list[int]:
    """The numbers in the names that fit a pattern with one group."""
    found = (re.match(pattern, name) for name in names)
    return [int(match[1]) for match in found if match is not None]
