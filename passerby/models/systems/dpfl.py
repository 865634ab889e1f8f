"""DPFL: a network for each scale of the image, and a consensus of all that teaches each of them.

Chen et al., "Person Re-Identification by Deep Learning Multi-Scale Representations", ICCV workshop
on cross-domain human identification 2017, https://doi.org/10.1109/ICCVW.2017.304.

From the paper, partly through a summary of it, since its text was not at hand in full: m networks
of one form and with weights of their own see the image at m sizes; the pooled maps of each go into
a classifier of its own; all of them side by side, behind dropout, into another (the consensus),
whose softened probabilities teach those of each scale (`passerby.losses.consensus`); the vectors
side by side are tested, by their Euclidean distance.

Left open, and ours: the smaller images are made of the largest in the network, at half its height
and width; dropout of one half; the consensus's own loss reaches the networks of the scales.
"""

from __future__ import annotations

from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from passerby.config import Network
from passerby.models.backbones import Backbone
from passerby.models.features import Features
from passerby.models.resampling import resampled
from passerby.models.system import System, build_classifiers, classified, require_defaults
from passerby.registry import BACKBONES, POOLINGS, SYSTEMS

_READ = frozenset({"backbone", "attention", "pooling", "classifier"})


@SYSTEMS.register
class Dpfl(System):
    """DPFL (Chen et al. 2017): parts "scale_1" … and, last, "consensus", which is the embedding.

    scales: height and width of each network's image, as shares of the given one.
    """

    def __init__(
        self,
        network: Network,
        persons: int,
        *,
        scales: tuple[float, ...] = (1.0, 0.5),
        dropout: float = 0.5,
    ) -> None:
        super().__init__()
        require_defaults(network, "dpfl", _READ)
        if len(scales) < 2 or not all(0 < scale <= 1 for scale in scales):
            raise ValueError(f"dpfl needs at least two scales above 0 and up to 1, got {scales}")
        self.scales = scales
        self.backbones = nn.ModuleList(
            BACKBONES.build(network.backbone, start=network.start, attention=network.attention)
            for _ in scales
        )
        self.poolings = nn.ModuleList(POOLINGS.build(network.pooling) for _ in scales)
        self.dropout = nn.Dropout(dropout)
        channels = cast(Backbone, self.backbones[0]).channels
        self.dimensions = channels * len(scales)
        widths = {f"scale_{number}": channels for number in range(1, len(scales) + 1)}
        widths["consensus"] = self.dimensions
        self.classifier = build_classifiers(network, widths, persons)

    def forward(self, images: Tensor, cameras: Tensor | None = None) -> Features:
        vectors = [
            pool(backbone(_resized(images, scale)))
            for scale, backbone, pool in zip(
                self.scales, self.backbones, self.poolings, strict=True
            )
        ]
        parts = [
            classified(f"scale_{number}", own, own, self.classifier, self.dropout(own))
            for number, own in enumerate(vectors, 1)
        ]
        joint = torch.cat(vectors, dim=1)
        consensus = classified("consensus", joint, joint, self.classifier, self.dropout(joint))
        return Features(joint, (*parts, consensus))


def _resized(images: Tensor, scale: float) -> Tensor:
    """Images [B, 3, H, W] at a share of their height and width, smoothed before."""
    if scale == 1:
        return images
    height, width = (max(round(length * scale), 1) for length in images.shape[2:])
    if torch.compiler.is_compiling():  # exporters as well: not all runtimes smooth
        return resampled(images, (height, width))
    return F.interpolate(images, (height, width), mode="bilinear", antialias=True)
