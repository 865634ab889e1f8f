"""CLIP's text side (Radford et al. 2021, https://arxiv.org/abs/2103.00020, sec. 2.4).

A transformer whose tokens attend to themselves and to those before them; the vector of a text is
that of its last token, normalised and projected. CLIP fills texts up to 77 tokens: what stands
behind the last one is attended to by nothing that is read, and is left out here, which changes no
number and saves four fifths of the work for a sentence of twelve tokens.
"""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn

from passerby.models.transformers.layers import Layer, norm

CONTEXT = 77
_OF_A_HEAD = 64
_QUICK = 1e-5


class ClipText(nn.Module):
    """Embedded texts [B, T, width], T up to 77, to their vectors [B, out]; of ``depth`` layers."""

    def __init__(self, width: int, depth: int, out: int) -> None:
        super().__init__()
        self.positional_embedding = nn.Parameter(0.01 * torch.randn(CONTEXT, width))
        heads = width // _OF_A_HEAD
        self.blocks = nn.Sequential(
            *(Layer(width, heads, 0.0, quick=True, causal=True) for _ in range(depth))
        )
        self.norm = norm(width, _QUICK)
        self.proj = nn.Parameter(width**-0.5 * torch.randn(width, out))

    def forward(self, texts: Tensor) -> Tensor:
        tokens = self.blocks(texts + self.positional_embedding[: texts.shape[1]])
        return cast(Tensor, self.norm(tokens[:, -1]) @ self.proj)
