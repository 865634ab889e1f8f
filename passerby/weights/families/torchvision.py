"""Weights of torchvision: ResNet-18 to -101, also with IBN-a as its authors (XingangPan) have it.

Without its classifier a network trained on ImageNet gives the pooled maps as embedding.
"""

from __future__ import annotations

from passerby.config import Input, Network
from passerby.registry import FAMILIES
from passerby.weights.families import (
    Converted,
    State,
    is_resnet,
    prefixed,
    require_same_architecture,
    resnet_call,
    without,
)


@FAMILIES.register
def torchvision(state: State, architecture: str | None) -> Converted | None:
    """torchvision: resnet18, resnet34, resnet50, resnet101, also with IBN-a."""
    foreign = "classifier.weight" in state or "fc.0.weight" in state
    if not is_resnet(state) or foreign or any(".cbam." in name for name in state):
        return None
    kept, dropped = without(state, "fc.")
    backbone = resnet_call(kept, last_stride=2)
    name = backbone.partition("(")[0]
    require_same_architecture("torchvision", architecture, name)
    network = Network(backbone, neck="none")
    return Converted(name, network, Input(), prefixed("backbone.", kept), dropped)
