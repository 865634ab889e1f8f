"""Weights of timm: any convolutional network that it makes, by the name that the user gives.

Its files do not say what they are, so ``--from timm`` needs ``--architecture``; a plain ResNet
becomes our own (same names), the others run in timm's code. Colours are normalised as timm's
configuration of that network has it.
"""

from __future__ import annotations

from passerby.config import Input, Network
from passerby.extras import lacking
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

_OURS = ("resnet18", "resnet34", "resnet50", "resnet101")


@FAMILIES.register
def timm(state: State, architecture: str | None) -> Converted | None:
    """timm: the convolutional network that --architecture names."""
    if architecture is None:
        return None
    try:
        from timm.models import get_pretrained_cfg
    except ImportError as error:
        raise lacking("--from timm", "timm", "timm", error) from None
    known = get_pretrained_cfg(architecture)
    if known is None:
        raise ValueError(f"timm has no network named {architecture!r}: see timm.list_models()")
    kept, dropped = without(state, f"{known.classifier or 'classifier'}.")
    size = Input(
        mean=(known.mean[0], known.mean[1], known.mean[2]),
        std=(known.std[0], known.std[1], known.std[2]),
        filter="bicubic" if known.interpolation == "bicubic" else "bilinear",
    )
    name = architecture.partition(".")[0]
    if name in _OURS and is_resnet(kept):
        backbone, prefix = resnet_call(kept, last_stride=2), "backbone."
        require_same_architecture("timm", name, backbone.partition("(")[0])
    else:
        backbone, prefix = f"timm(name={architecture!r})", "backbone.network."
    network = Network(backbone, neck="none")
    return Converted(architecture, network, size, prefixed(prefix, kept), dropped)
