"""Attention roll-out of a vision transformer (Abnar & Zuidema 2020, "Quantifying Attention Flow").

Through each layer a token goes on half as itself (the shortcut) and half as what it attends to, the
mean over the heads. The product of these matrices over the layers says how much of the class
token, which becomes the embedding, came from each patch. It follows attention alone: what the
values hold and what the MLPs do is left out.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from passerby.models.systems.transreid import Transreid
from passerby.models.transformers.layers import Attention


@torch.inference_mode()
def rollout(network: Transreid, images: Tensor) -> Tensor:
    """Shares [B, h, w] of the global vector by patch, of images [B, 3, H, W].

    All are 0 or more; with the class token's own share, which is left out, they sum to 1.
    """
    weights: list[Tensor] = []

    def keep(module: nn.Module, given: tuple[Tensor], output: Tensor) -> None:
        assert isinstance(module, Attention)
        weights.append(module.weights(given[0]).mean(dim=1))  # over the heads

    handles = [module.register_forward_hook(keep) for module in network.self_attentions()]
    try:
        network(images)
    finally:
        for handle in handles:
            handle.remove()
    return rolled_out(weights)[:, 0, 1:].unflatten(1, network.patch_grid(images))


def rolled_out(weights: list[Tensor]) -> Tensor:
    """The product over layers, the last one first, of (A + I) / 2; A [B, N, N], rows sum to 1."""
    own = torch.eye(weights[0].shape[1], device=weights[0].device)
    product = own.expand_as(weights[0])
    for layer in weights:
        product = (layer + own) / 2 @ product
    return product
