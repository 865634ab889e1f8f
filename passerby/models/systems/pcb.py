"""PCB and RPP: six stripes, each with a classifier of its own; stripes that are then refined.

Sun et al., "Beyond Part Models: Person Retrieval with Refined Part Pooling (and a Strong
Convolutional Baseline)", ECCV 2018, https://arxiv.org/abs/1711.09349.

From the paper: last stride 1, 384×128, average over each of six stripes (g, 2048 wide), reduced to
256 (h), a classifier on every h, the sum of their cross-entropies; RPP: a linear part classifier
whose softmax over the parts says how much each position of the map belongs to each of them; first
PCB alone, then the part classifier with all else frozen, then everything.

Read in the authors' code (github.com/syfafterzy/PCB_RPP_for_reID), as the paper leaves it open:
one 1×1 convolution without bias, batch norm and ReLU for all stripes; dropout of one half on g
before it; a refined stripe is parts · mean over the map of P(part | position) · position, which is
the stripe's mean when P is 1 within and 0 outside of it; g is tested with each stripe at unit
length.

Where six stripes do not divide the rows of the map (heights that are no multiple of 96 at last
stride 1), neighbours share a row, as in torchreid's PCB; the authors' code takes six longer ones
there, which overlap more. Fewer rows than stripes are refused.

Ours: h is tested with each stripe at unit length as well; the part classifier is the paper's
linear layer on the positions themselves (the authors' code first averages groups of eight channels
and subtracts the map's mean); it starts near zero, so that every position begins by belonging to
all parts alike, and the part classifiers, which know their stripes, tell it apart.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from passerby.config import Network
from passerby.models.backbones import Backbone
from passerby.models.features import Features
from passerby.models.system import System, build_classifiers, classified, require_defaults
from passerby.registry import BACKBONES, SYSTEMS

_READ = frozenset({"backbone", "attention", "classifier"})


@SYSTEMS.register
class Pcb(System):
    """PCB (Sun et al. 2018): a part per stripe; refine=true adds the refined part pooling.

    The embedding is H, the reduced stripes side by side [B, stripes · width]; before the neck is
    G, the pooled ones [B, stripes · channels]; of each, every stripe has unit length. With refine
    the stripes are uniform in a phase named "uniform" and refined in all others.
    """

    refined: Tensor

    def __init__(
        self,
        network: Network,
        persons: int,
        *,
        stripes: int = 6,
        width: int = 256,
        dropout: float = 0.5,
        refine: bool = False,
    ) -> None:
        super().__init__()
        require_defaults(network, "pcb", _READ)
        if stripes < 2:
            raise ValueError(f"pcb needs two stripes or more, got {stripes}")
        self.stripes, self.width, self.dimensions = stripes, width, stripes * width
        self.backbone: Backbone = BACKBONES.build(
            network.backbone, start=network.start, attention=network.attention
        )
        channels = self.backbone.channels
        self.dropout = nn.Dropout(dropout)
        reduction = nn.Linear(channels, width, bias=False)  # a 1×1 convolution of the stripes
        nn.init.kaiming_normal_(reduction.weight, mode="fan_out")
        self.reduction = nn.Sequential(reduction, nn.BatchNorm1d(width), nn.ReLU())
        self.membership: nn.Conv2d | None = None
        if refine:
            self.membership = nn.Conv2d(channels, stripes, 1, bias=False)
            nn.init.normal_(self.membership.weight, std=0.001)
            # In the state dict, as a resumed run does not begin its phase again; of a value also
            # where the rest is built on the meta device, to be counted.
            self.register_buffer("refined", torch.tensor(True, device="cpu"))
        self.names = [f"stripe_{number + 1}" for number in range(stripes)]
        self.classifier = build_classifiers(network, dict.fromkeys(self.names, width), persons)

    def begin(self, phase: str) -> None:
        if self.membership is not None:
            self.refined.fill_(phase != "uniform")

    def forward(self, images: Tensor, cameras: Tensor | None = None) -> Features:
        pooled = self._pooled(self.backbone(images))  # [B, stripes, channels]
        # One batch norm over the stripes of all images.
        reduced = self.reduction(self.dropout(pooled).flatten(0, 1))
        reduced = reduced.view(-1, self.stripes, self.width)
        parts = tuple(
            classified(name, F.normalize(pooled[:, row]), reduced[:, row], self.classifier)
            for row, name in enumerate(self.names)
        )
        return Features(F.normalize(reduced, dim=2).flatten(1), parts)

    def _pooled(self, maps: Tensor) -> Tensor:
        if maps.shape[2] < self.stripes:
            raise ValueError(
                f"pcb cuts {self.stripes} stripes out of maps that have {maps.shape[2]} rows: "
                "choose a larger input.height (384 at six stripes), last_stride=1, or fewer stripes"
            )
        if self.membership is None or not bool(self.refined):
            return F.adaptive_avg_pool2d(maps, (self.stripes, 1)).squeeze(3).transpose(1, 2)
        shares = self.membership(maps).softmax(dim=1).flatten(2)  # [B, stripes, positions]
        positions = maps.flatten(2).transpose(1, 2)  # [B, positions, channels]
        return shares @ positions * (self.stripes / positions.shape[1])
