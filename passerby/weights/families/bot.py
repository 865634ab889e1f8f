"""Weights of "Bag of tricks" (Luo et al. 2019; michuanhaohao/reid-strong-baseline): ResNets.

``base`` is the backbone with last stride 1, ``bottleneck`` the BN neck behind which it is tested.
Its trainer could also store whole networks, which are code: such a file is refused.
"""

from __future__ import annotations

from passerby.config import Input, Network
from passerby.registry import FAMILIES
from passerby.weights.families import (
    Converted,
    State,
    inside,
    is_resnet,
    prefixed,
    refuse_architecture,
    resnet_call,
    without,
)


@FAMILIES.register
def bot(state: State, architecture: str | None) -> Converted | None:
    """Bag of tricks (reid-strong-baseline): resnet18/34/50/101 with a BN neck."""
    base = inside("base.", state)
    if not is_resnet(base):
        return None
    kept, dropped = without(state, "classifier.")
    backbone = resnet_call(base, last_stride=1)
    refuse_architecture("bot", architecture, backbone.partition("(")[0])
    neck = inside("bottleneck.", kept)
    network = Network(backbone, neck="batch_norm" if neck else "none")
    ours = prefixed("backbone.", base) | prefixed("neck.", neck)
    notes = ("last stride 1, as its published configurations have it: weights do not tell",)
    return Converted(backbone.partition("(")[0], network, Input(), ours, dropped, notes)
