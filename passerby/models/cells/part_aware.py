"""The part-aware module of Auto-ReID: what the stripes of a body tell each other, at every place.

Quan, Dong, Wu, Zhu, Yang, "Auto-ReID: Searching for a Part-Aware ConvNet for Person
Re-Identification", ICCV 2019, https://arxiv.org/abs/1903.09776, fig. 2: the maps are cut into four
horizontal stripes; the mean of each becomes a body vector by a linear layer of its own; the vectors
look at each other by self-attention; each is repeated over the rows of its stripe, stands beside
the maps, and a 1×1 convolution joins them.

Read in the authors' code (``PartAwareOp`` of AutoDL-Projects), as the figure leaves it open: body
vectors are a third as long as the maps are wide; ReLU before their linear layer and batch norm
behind it; keys and queries alone are projected, products are not divided by a root; of maps whose
rows do not divide by four, stripe i begins at row ⌊i · h / 4⌋. A test compares both codes.
"""

from __future__ import annotations

from itertools import pairwise
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class PartAware(nn.Module):
    """Maps [B, C, h, w] to [B, C, ⌈h / stride⌉, ⌈w / stride⌉], each place knowing the whole body.

    Args:
        channels: C.
        stride: 1 or 2.
        parts: stripes that a body is cut into.
        affine: whether batch norms have weights of their own (not in a search).

    Raises:
        ValueError: (forward) for maps of fewer rows than parts.
    """

    def __init__(self, channels: int, stride: int, parts: int = 4, affine: bool = True) -> None:
        super().__init__()
        self.parts, self.stride = parts, stride
        hidden = max(1, channels // 3)
        self.bodies = nn.ModuleList(
            nn.Sequential(nn.Linear(channels, hidden), nn.BatchNorm1d(hidden, affine=affine))
            for _ in range(parts)
        )
        self.key = nn.Linear(hidden, hidden)
        self.query = nn.Linear(hidden, hidden)
        # At stride 2 as in `Halve`: two convolutions, one a pixel further.
        widths = [channels] if stride == 1 else [channels // 2, channels - channels // 2]
        self.joins = nn.ModuleList(
            nn.Conv2d(channels + hidden, out, 1, stride, bias=False) for out in widths
        )
        self.norm = nn.BatchNorm2d(channels, affine=affine)

    def forward(self, maps: Tensor) -> Tensor:
        rows = maps.shape[2]
        bounds = [number * rows // self.parts for number in range(self.parts + 1)]
        heights = [last - first for first, last in pairwise(bounds)]
        vectors = self._body_vectors(maps, heights)  # [B, parts, hidden]
        attention = (self.key(vectors) @ self.query(vectors).mT).softmax(dim=2)
        told = (attention @ vectors).mT  # [B, hidden, parts]
        by_row = torch.cat(
            [told[:, :, i : i + 1].expand(-1, -1, n) for i, n in enumerate(heights)], 2
        )
        beside = by_row[:, :, :, None].expand(-1, -1, -1, maps.shape[3])
        return cast(Tensor, self.norm(self._joined(torch.cat([maps, beside], dim=1))))

    def _body_vectors(self, maps: Tensor, heights: list[int]) -> Tensor:
        if 0 in heights:
            raise ValueError(
                f"the part-aware operation cuts maps into {self.parts} stripes, got maps of "
                f"{maps.shape[2]} rows: take larger images (input.height) or fewer stages"
            )
        stripes = maps.split(heights, dim=2)
        means = [F.relu(stripe.mean(dim=(2, 3))) for stripe in stripes]
        return torch.stack([body(m) for body, m in zip(self.bodies, means, strict=True)], dim=1)

    def _joined(self, maps: Tensor) -> Tensor:
        if self.stride == 1:
            return cast(Tensor, self.joins[0](maps))
        maps = F.relu(maps)
        further = F.pad(maps, (0, 1, 0, 1))[:, :, 1:, 1:]
        return torch.cat([self.joins[0](maps), self.joins[1](further)], dim=1)
