"""The images that a recipe's backbone was trained for: their size, mean and deviation."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

from passerby.calls import Call
from passerby.config import Input, Network
from passerby.weights.timm_networks import has_fixed_size, timm_input, timm_outline


@dataclass(frozen=True)
class Fitted:
    """network and size (of the input) that go together; said: what was changed, or ""."""

    network: Network
    size: Input
    said: str = ""


def fitted_input(network: Network, size: Input) -> Fitted:
    """Network and input with timm's mean, deviation and filter, and sides that its patches divide.

    Other backbones stay as they are. What fits already is not changed.

    Raises:
        ValueError: timm is not installed, or does not know the network.
    """
    call = Call.parse(network.backbone)
    name = call.options.get("name")
    if call.name != "timm" or not isinstance(name, str):
        return Fitted(network, size)
    outline = timm_outline(name)
    wanted = timm_input(outline, size)
    if has_fixed_size(outline):
        sides = {"height": wanted.height, "width": wanted.width}
        if any(call.options.get(side, getattr(Input, side)) != n for side, n in sides.items()):
            call = Call(call.name, {**call.options, **sides})
            network = replace(network, backbone=str(call))
    changes = [
        f"{field.name} {getattr(wanted, field.name)} in place of {getattr(size, field.name)}"
        for field in fields(Input)
        if getattr(wanted, field.name) != getattr(size, field.name)
    ]
    said = f"input as {name} was trained: {', '.join(changes)}" if changes else ""
    return Fitted(network, wanted, said)
