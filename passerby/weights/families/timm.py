"""Weights of timm: any network that it makes, by the name that the user gives.

Its files do not say what they are, so ``--from timm`` needs ``--architecture``; a plain ResNet
becomes our own (same names), the others run in timm's code. Colours are normalised as timm's
configuration of that network has it. Vision transformers give the vector that timm pools, and
their position embeddings are resampled for persons, 256×128 or nearly so.
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
from passerby.weights.timm_networks import (
    patch_sides,
    timm_input,
    timm_network,
    timm_outline,
    timm_state,
)

_OURS = ("resnet18", "resnet34", "resnet50", "resnet101")


@FAMILIES.register
def timm(state: State, architecture: str | None) -> Converted | None:
    """timm: the network that --architecture names."""
    if architecture is None:
        return None
    try:
        from timm.models import get_pretrained_cfg
    except ImportError as error:
        raise lacking("--from timm", "timm", "timm", error) from None
    known = get_pretrained_cfg(architecture)
    if known is None:
        raise ValueError(f"timm has no network named {architecture!r}: see timm.list_models()")
    size = timm_input(timm_outline(architecture), Input())
    name = architecture.partition(".")[0]
    notes: tuple[str, ...] = ()
    if name in _OURS and is_resnet(state):
        kept, dropped = without(state, *_classifiers(known.classifier))
        backbone, prefix = resnet_call(kept, last_stride=2), "backbone."
        require_same_architecture("timm", name, backbone.partition("(")[0])
    else:
        network = timm_network(architecture, (size.height, size.width))
        kept, dropped = without(timm_state(network, state), *_classifiers(known.classifier))
        backbone, prefix = f"timm(name={architecture!r})", "backbone.network."
        if patch_sides(network) != (1, 1):
            backbone = f"timm(name={architecture!r}, tokens='own')"
            notes = (f"images of {size.height}×{size.width}, to which positions were resampled",)
    return Converted(
        architecture, Network(backbone, neck="none"), size, prefixed(prefix, kept), dropped, notes
    )


def _classifiers(names: str | tuple[str, ...] | None) -> list[str]:
    """Beginnings of the names of a classifier's weights."""
    listed = [names] if isinstance(names, str) else [*(names or ["classifier"])]
    return [f"{name}." for name in listed]
