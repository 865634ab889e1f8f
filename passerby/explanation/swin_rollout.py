"""Attention roll-out of a Swin transformer, whose windows attend to themselves alone.

As in `passerby.explanation.rollout`, the shares of the last maps, pooled evenly, are followed back:
in a block half of a position's share stays and half goes to what its window attended to; where four
neighbours were merged, to each a quarter. Shares of the padding around the maps come from nowhere
and are lost, so that all together are 1 at most.
"""

from __future__ import annotations

import torch
from torch import Tensor

from passerby.explanation.attention_weights import WatchedAttention
from passerby.models.backbones.swin import Block, Swin, in_windows, out_of_windows
from passerby.models.system import System


def swin_of(network: System) -> Swin | None:
    """The network's backbone, if it is a Swin and the only one."""
    found = [module for module in network.modules() if isinstance(module, Swin)]
    return found[0] if len(found) == 1 else None


def followed_through_swin(network: System, swin: Swin, images: Tensor) -> Tensor:
    """Shares [B, h, w] of the mean of its last maps by patch of four pixels, of images
    [B, 3, H, W]."""
    sizes: list[tuple[int, int]] = []
    blocks = [module for module in swin.modules() if isinstance(module, Block)]
    handles = [
        block.register_forward_hook(
            lambda module, given, output: sizes.append((output.shape[1], output.shape[2]))
        )
        for block in blocks
    ]
    try:
        with WatchedAttention() as watched:
            network(images)
    finally:
        for handle in handles:
            handle.remove()
    shares = torch.full((len(images), *sizes[-1]), 1 / (sizes[-1][0] * sizes[-1][1]))
    shares = shares.to(images.device)
    for block, weights, size in reversed(list(zip(blocks, watched.weights, sizes, strict=True))):
        if size != tuple(shares.shape[1:]):
            shares = _unmerged(shares, size)
        windows = in_windows(shares[..., None], block.shifted)  # [B, n, 49, 1]
        attended = weights.transpose(-2, -1) @ windows
        shares = (shares + out_of_windows(attended, size, block.shifted)[..., 0]) / 2
    return shares


def _unmerged(shares: Tensor, size: tuple[int, int]) -> Tensor:
    """Shares [B, h, w] among the four that were merged, on maps of this size [B, 2 h, 2 w]."""
    spread = shares.repeat_interleave(2, dim=1).repeat_interleave(2, dim=2) / 4
    return spread[:, : size[0], : size[1]]
