"""What the attention modules of a network (CBAM, SE, ECA, non-local, DANet) weigh, as maps.

A weight of a position is drawn as it is. Weights of channels have no place: at each position stands
the mean of the channels' weights, each counted by how strong the channel is there,
Σ_c w_c |x_c| / Σ_c |x_c|. Of a gate that is the share of what is there that passes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor

from passerby.models.attention import Attention
from passerby.models.system import System


@dataclass(frozen=True, eq=False)
class AttentionMap:
    """A module's weights of one kind.

    module: its name in the network; kind: of its class; of: what is weighed; values [B, h, w];
    channels [B, C]: their weights, None where positions are weighed; change [B]: from 0 to 1, how
    much of what leaves the module is not what entered it times one factor. Near 0 it does nothing,
    whatever it weighs: a gate of one half everywhere tells nothing from anything else.
    """

    module: str
    kind: str
    of: Literal["channels", "positions"]
    values: Tensor
    channels: Tensor | None
    change: Tensor


@torch.inference_mode()
def attention_maps(network: System, images: Tensor) -> list[AttentionMap]:
    """Of all attention modules that say what they weigh, in the order of the network.

    images [B, 3, H, W], normalised. Empty for a network without such modules.
    """
    found: list[AttentionMap] = []
    handles = []
    for name, module in network.named_modules():
        if isinstance(module, Attention):

            def keep(module: Any, given: tuple[Tensor], output: Tensor, name: str = name) -> None:
                found.extend(_of_module(name, module, given[0], output))

            handles.append(module.register_forward_hook(keep))
    try:
        network(images)
    finally:
        for handle in handles:
            handle.remove()
    return found


def _of_module(name: str, module: Attention, maps: Tensor, output: Tensor) -> list[AttentionMap]:
    change = _changed(maps.flatten(1), output.flatten(1))
    kind = type(module).__name__
    made = []
    for of, weights in module.weights(maps).items():
        if of == "positions":
            made.append(AttentionMap(name, kind, "positions", weights, None, change))
            continue
        values = _placed(weights, maps)
        made.append(AttentionMap(name, kind, "channels", values, weights, change))
    return made


def _changed(given: Tensor, got: Tensor) -> Tensor:
    """The share of ``got`` [B, N] that no factor on all of ``given`` [B, N] makes: a sine [B]."""
    factor = (given * got).sum(dim=1) / given.square().sum(dim=1).clamp(min=1e-12)
    rest = got - factor[:, None] * given
    return rest.norm(dim=1) / got.norm(dim=1).clamp(min=1e-12)


def _placed(weights: Tensor, maps: Tensor) -> Tensor:
    """Weights [B, C] of channels, where the channels are strong in maps [B, C, h, w]: [B, h, w]."""
    strong = maps.abs()
    weighed = (weights[:, :, None, None] * strong).sum(dim=1)
    # Where no channel is strong, all count alike.
    total = strong.sum(dim=1)
    mean = weights.mean(dim=1)[:, None, None].expand_as(total)
    return torch.where(total > 0, weighed / total.clamp(min=1e-12), mean)
