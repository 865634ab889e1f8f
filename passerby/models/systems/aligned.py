"""AlignedReID and AlignedReID++: a plain network and, beside it, the rows of its maps.

Zhang et al., "AlignedReID: Surpassing Human-Level Performance in Person Re-Identification", 2017,
https://arxiv.org/abs/1711.08184; Luo et al., "AlignedReID++: Dynamically matching local
information for person re-identification", Pattern Recognition 94, 2019.

From the papers: one vector for each row of the last maps, pooled over the row and reduced to 128 by
a 1×1 convolution; two images are as far apart as the shortest path through the distances of their
rows (`passerby.alignment`); the triplets of the local loss are those that are hardest by the global
distance (`passerby.losses.local_triplet`). AlignedReID tests the global vector alone,
AlignedReID++ the sum of both distances (``passerby evaluate --distance both``).

Read in the authors' code (github.com/michuanhaohao/AlignedReID), as the papers leave it open: in
training batch norm and ReLU on the maps, then the maximum over each row, then the convolution, with
a bias; in the test, whose scores they publish, the maximum over each row of the maps as they are,
2048 wide; each row at unit length in both. The first paper's other codes take the mean over the
row, and batch norm and ReLU after the convolution; that variant is not here.

Mutual learning of two networks, which the first paper's best figures have, is the system `mutual`.
"""

from __future__ import annotations

from dataclasses import replace

import torch.nn.functional as F
from torch import Tensor, nn

from passerby.config import Network
from passerby.models.features import Features
from passerby.models.systems.plain import Plain
from passerby.registry import SYSTEMS


@SYSTEMS.register
class Aligned(Plain):
    """AlignedReID (Zhang et al. 2017, Luo et al. 2019): plain, with local [B, rows, width].

    In evaluation mode local is [B, rows, channels of the maps].
    """

    def __init__(self, network: Network, persons: int, width: int = 128) -> None:
        super().__init__(network, persons)
        channels = self.backbone.channels
        self.local_norm = nn.BatchNorm2d(channels)
        self.local_reduction = nn.Linear(channels, width)

    def forward(self, images: Tensor, cameras: Tensor | None = None) -> Features:
        maps = self.backbone(images)
        local = self._reduced(maps) if self.training else _row_maxima(maps)
        features = self.of_maps(maps)
        part = replace(features.parts[0], local=F.normalize(local, dim=2))
        return Features(features.embedding, (part,))

    def _reduced(self, maps: Tensor) -> Tensor:
        return self.local_reduction(_row_maxima(F.relu(self.local_norm(maps))))


def _row_maxima(maps: Tensor) -> Tensor:
    """[B, rows, channels] of maps [B, channels, rows, columns]."""
    return maps.amax(dim=3).transpose(1, 2)
