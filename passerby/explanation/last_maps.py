"""The last maps of a network, those that still have positions, with the graph to its embedding."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from passerby.explanation.held import Held
from passerby.models.system import System
from passerby.models.transformers.tokens import Tokens


@dataclass(frozen=True, eq=False)
class Seen:
    """embedding [B, D], and the outputs that it came from: maps [B, C, h, w], or a transformer's
    tokens [B, ahead + h · w, C]."""

    embedding: Tensor
    outputs: tuple[Tensor, ...]
    tokens: Tokens | None

    def as_maps(self, value: Tensor) -> Tensor:
        """Whatever has the shape of an output as maps [B, C, h, w]; without the tokens ahead."""
        if self.tokens is None or value.ndim == 4:
            return value
        return value[:, self.tokens.ahead :].transpose(1, 2).unflatten(2, self.tokens.grid)


def see(network: System, images: Tensor, *, blank: bool = False) -> Seen:
    """One pass of images [B, 3, H, W] with the graph that gradients go through.

    Behind the last maps lengths, attention and gates are held (`passerby.explanation.held`).
    blank: the last maps are all zero, as if nothing were seen. Raises ValueError for a network that
    does not say which maps are its last.
    """
    modules = network.last_maps()
    if not modules:
        raise ValueError(
            f"{type(network).__name__} does not say which maps it pools: a system without a "
            "backbone needs the method last_maps (passerby.models.system)"
        )
    outputs: list[Tensor] = []

    def keep(module: object, given: object, output: Tensor) -> Any:
        outputs.append((torch.zeros_like(output) if blank else output.detach()).requires_grad_())
        # From here on: what comes before would only fill the memory.
        torch.set_grad_enabled(True)
        return outputs[-1]

    handles = [module.register_forward_hook(keep) for module in modules]
    try:
        with torch.no_grad(), Held():
            embedding = network(images).embedding
    finally:
        for handle in handles:
            handle.remove()
    return Seen(embedding, tuple(outputs), network.patch_tokens(images))


def summed(maps: Sequence[Tensor]) -> Tensor:
    """Maps [B, h, w] of several sizes, added at the finest one; each keeps its sum [B, H, W]."""
    height, width = max(one.shape[1] for one in maps), max(one.shape[2] for one in maps)
    spread = [
        _shares(one.shape[1], height).to(one) @ one @ _shares(one.shape[2], width).to(one).T
        for one in maps
    ]
    return torch.stack(spread).sum(dim=0)


def _shares(coarse: int, fine: int) -> Tensor:
    """How much [fine, coarse] of each coarse cell of a line lies in each fine one."""
    of_fine, of_coarse = torch.linspace(0, 1, fine + 1), torch.linspace(0, 1, coarse + 1)
    ends = torch.minimum(of_fine[1:, None], of_coarse[None, 1:])
    starts = torch.maximum(of_fine[:-1, None], of_coarse[None, :-1])
    return (ends - starts).clamp(min=0) * coarse
