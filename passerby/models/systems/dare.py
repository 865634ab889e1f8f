"""DaRe: a vector from each stage of the network, and their weighted sum.

Wang et al., "Resource Aware Person Re-identification across Multiple Resolutions", CVPR 2018,
https://arxiv.org/abs/1805.08805.

From the paper: the maps of all four stages are pooled and reduced, each by layers of its own, to
vectors of one length; a learned weight for each of them makes their sum; every one of the five has
its own triplet loss (deep supervision), and the sum is what is tested.

Read in the authors' code (github.com/mileyan/DARENet), as the paper leaves it open: mean over the
whole map at each stage; a linear layer to 1024, batch norm, ReLU, a linear layer to 128; batch norm
and ReLU before the mean in DenseNet, whose maps behind a block are not rectified (the last block
has the network's own); last stride 2 (``resnet50(last_stride=2)``); the sum is not normalised, and
compared by Euclidean distance (``passerby evaluate --metric euclidean``).

Ours: the four weights begin at one quarter each (in the code at random between −1/2 and 1/2); the
authors test on the mean of ten crops, which is not here. Stopping at an early stage when it is sure
enough, the paper's second half, is not here.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from passerby.config import Network
from passerby.models.backbones.densenet import DenseNet
from passerby.models.backbones.resnet import ResNet
from passerby.models.features import Features, Part
from passerby.models.system import System, require_defaults
from passerby.registry import BACKBONES, SYSTEMS

_READ = frozenset({"backbone", "attention"})


@SYSTEMS.register
class Dare(System):
    """DaRe (Wang et al. 2018): stage_1 … stage_4 and fused, on a ResNet or a DenseNet.

    No part has a classifier: its losses are metric ones alone.
    """

    def __init__(
        self, network: Network, persons: int, *, hidden: int = 1024, width: int = 128
    ) -> None:
        super().__init__()
        require_defaults(network, "dare", _READ)
        backbone = BACKBONES.build(
            network.backbone, start=network.start, attention=network.attention
        )
        if not isinstance(backbone, ResNet | DenseNet):
            raise ValueError(
                f"dare takes the stages of a ResNet or a DenseNet, got {network.backbone!r}"
            )
        self.backbone = backbone
        channels = backbone.stage_channels
        rectify = isinstance(backbone, DenseNet)
        self.rectification = nn.ModuleList(
            nn.Sequential(nn.BatchNorm2d(c), nn.ReLU()) if rectify else nn.Identity()
            for c in channels[:-1]
        )
        self.rectification.append(nn.Identity())
        self.reduction = nn.ModuleList(_reduction(c, hidden, width) for c in channels)
        self.fusion = nn.Parameter(torch.full((len(channels),), 1 / len(channels)))
        self.dimensions = width
        self.classifier = None

    def last_maps(self) -> tuple[nn.Module, ...]:
        # Those of the last stage, as they are pooled; the earlier ones become later ones, too.
        return (self.rectification[-1],)

    def forward(self, images: Tensor, cameras: Tensor | None = None) -> Features:
        vectors = [
            reduce(rectify(maps).mean(dim=(2, 3)))
            for rectify, reduce, maps in zip(
                self.rectification, self.reduction, self.backbone.stage_maps(images), strict=True
            )
        ]
        fused = torch.einsum("s,sbd->bd", self.fusion, torch.stack(vectors))
        names = [f"stage_{number}" for number in range(1, len(vectors) + 1)]
        named = zip((*names, "fused"), (*vectors, fused), strict=True)
        return Features(fused, tuple(Part(name, vector, vector) for name, vector in named))


def _reduction(channels: int, hidden: int, width: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Linear(channels, hidden), nn.BatchNorm1d(hidden), nn.ReLU(), nn.Linear(hidden, width)
    )
