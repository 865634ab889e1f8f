"""Weights of CBAM's authors (Woo et al. 2018; Jongchan/attention-module): ResNets with CBAM.

Trained on ImageNet; the embedding is the pooled maps, as of torchvision's networks.
"""

from __future__ import annotations

from torch import Tensor

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

_RENAMED = {
    "ChannelGate.mlp.1.": "squeeze.",
    "ChannelGate.mlp.3.": "excite.",
    "SpatialGate.spatial.conv.": "spatial.",
    "SpatialGate.spatial.bn.": "spatial_norm.",
}


@FAMILIES.register
def cbam(state: State, architecture: str | None) -> Converted | None:
    """CBAM's authors: resnet18/34/50/101 with CBAM in every residual block."""
    if not is_resnet(state) or not any(".cbam.ChannelGate." in name for name in state):
        return None
    kept, dropped = without(state, "fc.")
    backbone = resnet_call(kept, last_stride=2)
    name = backbone.partition("(")[0]
    require_same_architecture("cbam", architecture, name)
    network = Network(backbone, attention="cbam(bias=True, spatial_batch_norm=True)", neck="none")
    ours: dict[str, Tensor] = {}
    for theirs, tensor in kept.items():
        block, gate, rest = theirs.partition("cbam.")
        for old, new in _RENAMED.items():
            rest = rest.replace(old, new)
        # Theirs sees [maximum, mean], ours [mean, maximum].
        own = tensor.flip(1) if rest == "spatial.weight" else tensor
        ours[block + ("attention." if gate else "") + rest] = own
    return Converted(name, network, Input(), prefixed("backbone.", ours), dropped)
