"""Attention roll-out of a vision transformer (Abnar & Zuidema 2020, "Quantifying Attention Flow").

Through each layer a token goes on half as itself (the shortcut) and half as what it attends to, the
mean over the heads. What becomes the embedding (a class token, part tokens, the mean of all
patches) is followed back through the layers: how much of it came from each patch. It follows
attention alone: what the values hold and what the MLPs do is left out.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from passerby.explanation.attention_weights import WatchedAttention
from passerby.explanation.swin_rollout import followed_through_swin, swin_of
from passerby.models.system import System


@torch.inference_mode()
def rollout(network: System, images: Tensor) -> Tensor | None:
    """Shares [B, h, w] of the embedding by patch, of images [B, 3, H, W].

    All are 0 or more; with what the tokens ahead of the patches keep, which is left out, they sum
    to 1. None for a network without tokens, and for one (of timm's) whose layers attend to them in
    a way of their own and not by torch's attention.
    """
    tokens = network.patch_tokens(images)
    if tokens is None:
        swin = swin_of(network)
        return None if swin is None else followed_through_swin(network, swin, images)
    with WatchedAttention() as watched:
        network(images)
    # TransReID's jigsaw attends to groups of the patches besides: other parts of its embedding.
    whole = [one for one in watched.weights if one.shape[-2:] == (tokens.count, tokens.count)]
    if not whole:
        return None
    readers = tokens.readers.to(images.device).expand(len(images), -1)
    return rolled_out(whole, readers)[:, tokens.ahead :].unflatten(1, tokens.grid)


def rolled_out(weights: Sequence[Tensor], readers: Tensor) -> Tensor:
    """Readers [B, N], followed back through layers, first to last, of weights [B, N, N] whose rows
    sum to 1: times (A + I) / 2 of each."""
    shares = readers
    for layer in reversed(weights):
        shares = (shares + (shares[:, None] @ layer)[:, 0]) / 2
    return shares
