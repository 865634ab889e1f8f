"""AACN: parts are found by maps that are learnt from joints, and count as far as they are seen.

Xu et al., "Attention-Aware Compositional Network for Person Re-identification", CVPR 2018,
https://arxiv.org/abs/1805.03344.

From the paper, of which abstract and introduction were at hand: two components. Pose-guided part
attention learns, beside where the joints are, one map for each rigid part (head and shoulders,
torso) and non-rigid part (limbs), which masks out the background and neighbouring parts.
Attention-aware feature composition pools the features under each part's map, weighs the part by a
visibility score that is estimated from the pose, and composes one vector of them all.

From memory of the rest, not checked: maps are learnt by their squared error, in two stages of which
the second sees the first's, on the first ten convolutions of a VGG-19; features are GoogLeNet's;
persons are told apart by cross-entropy.

Left open, and ours: eleven parts of COCO's seventeen joints, and what their maps are
(`passerby.body_parts`); batch norm, and the widths of the attention's convolutions; a part's vector
is the mean of the features weighed by its attention, its visibility the attention's highest point;
each part's vector is reduced by weights of its own before it is weighed; the whole image stands
beside the parts and has a classifier of its own; a batch norm behind the composed vector, which is
tested; ResNet-50 in GoogLeNet's place.

Joints are needed in training alone: the loss `part_maps` compares the maps with them.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from passerby.body_parts import JOINTS, PARTS, attended
from passerby.config import Network
from passerby.models.backbones import Backbone
from passerby.models.features import Features
from passerby.models.system import System, build_classifiers, classified, require_defaults
from passerby.registry import BACKBONES, SYSTEMS

_READ = frozenset({"backbone", "attention", "classifier"})
_RIGID = 3  # of the parts, which stand first


@SYSTEMS.register
class Aacn(System):
    """AACN (Xu et al. 2018): parts "composed", which is the embedding, and "global".

    The embedding is [B, (1 + 11) · width]: the whole image, then each part times its visibility,
    behind a batch norm. attention_width: of the attention's first convolutions; halvings: how often
    it halves height and width; stages: of its maps.
    """

    def __init__(
        self,
        network: Network,
        persons: int,
        *,
        width: int = 128,
        attention_width: int = 64,
        halvings: int = 3,
        stages: int = 2,
    ) -> None:
        super().__init__()
        require_defaults(network, "aacn", _READ)
        self.backbone: Backbone = BACKBONES.build(
            network.backbone, start=network.start, attention=network.attention
        )
        self.part_attention = PartAttention(attention_width, halvings, stages)
        channels = self.backbone.channels
        self.reductions = nn.ModuleList(_reduction(channels, width) for _ in ("global", *PARTS))
        self.dimensions = width * len(self.reductions)
        self.neck = nn.BatchNorm1d(self.dimensions)
        self.neck.bias.requires_grad_(False)  # as BNNeck
        widths = {"composed": self.dimensions, "global": width}
        self.classifier = build_classifiers(network, widths, persons)

    def forward(self, images: Tensor, cameras: Tensor | None = None) -> Features:
        features = self.backbone(images)
        maps = self.part_attention(images)
        attention, visibility = attended(maps)
        pooled = pooled_parts(features, attention)
        vectors = [features.mean(dim=(2, 3)), *pooled.unbind(dim=1)]
        reduced = [reduce(own) for reduce, own in zip(self.reductions, vectors, strict=True)]
        whole = reduced[0]
        weighed = torch.stack(reduced[1:], dim=1) * visibility[:, :, None]
        composed = torch.cat([whole, weighed.flatten(1)], dim=1)
        embedding = self.neck(composed)
        parts = (
            classified("composed", composed, embedding, self.classifier),
            classified("global", whole, whole, self.classifier),
        )
        return Features(embedding, parts, maps)


def pooled_parts(features: Tensor, attention: Tensor) -> Tensor:
    """Means [B, P, C] of features [B, C, h, w], weighed by the attention [B, P, H, W] to each part.

    Attention of another size is averaged over the features' cells. The mean of a part that is
    nowhere is zero.
    """
    if attention.shape[2:] != features.shape[2:]:
        height, width = features.shape[2:]
        attention = F.adaptive_avg_pool2d(attention, (height, width))
    shares = attention.flatten(2)
    shares = shares / shares.sum(dim=2, keepdim=True).clamp(min=1e-6)
    return shares @ features.flatten(2).transpose(1, 2)


class PartAttention(nn.Module):
    """Maps of joints and parts: images [B, 3, H, W] to [B, stages, 17 + 11, H/2ⁿ, W/2ⁿ].

    Convolutions as those of a VGG-19 (2, 2, 4, 2 with a halving between each; fewer halvings leave
    the last out), then stages. Each has a branch for the joints, the rigid and the non-rigid parts;
    from the second on it sees the maps of the one before.
    """

    def __init__(self, width: int, halvings: int, stages: int) -> None:
        super().__init__()
        if not 1 <= halvings <= 3 or stages < 1:
            raise ValueError(
                f"aacn takes 1 to 3 halvings and at least one stage, got {halvings} and {stages}"
            )
        layers: list[nn.Module] = []
        channels = 3
        for number, count in enumerate((2, 2, 4, 2)[: halvings + 1]):
            if number:
                layers.append(nn.MaxPool2d(2))
            for _ in range(count):
                layers.append(_convolution(channels, width << number, 3))
                channels = width << number
        self.trunk = nn.Sequential(*layers, _convolution(channels, 2 * width, 3))
        shown = (len(JOINTS), _RIGID, len(PARTS) - _RIGID)
        maps = sum(shown)
        self.stages = nn.ModuleList(
            nn.ModuleList(
                _branch(2 * width + (maps if number else 0), 2 * width, own, 7 if number else 3)
                for own in shown
            )
            for number in range(stages)
        )

    def forward(self, images: Tensor) -> Tensor:
        trunk = self.trunk(images)
        seen, found = trunk, list[Tensor]()
        for branches in self.stages:
            assert isinstance(branches, nn.ModuleList)
            found.append(torch.cat([branch(seen) for branch in branches], dim=1))
            seen = torch.cat([trunk, found[-1]], dim=1)
        return torch.stack(found, dim=1)


def _branch(channels: int, width: int, maps: int, size: int) -> nn.Sequential:
    last = nn.Conv2d(width, maps, 1)
    # Maps begin near 0, as most of them is: larger ones are noise that takes long to unlearn.
    nn.init.normal_(last.weight, std=1e-3)
    assert last.bias is not None
    nn.init.zeros_(last.bias)
    return nn.Sequential(
        _convolution(channels, width, size), _convolution(width, width, size), last
    )


def _convolution(channels: int, width: int, size: int) -> nn.Sequential:
    convolution = nn.Conv2d(channels, width, size, padding=size // 2, bias=False)
    nn.init.kaiming_normal_(convolution.weight, mode="fan_out", nonlinearity="relu")
    return nn.Sequential(convolution, nn.BatchNorm2d(width), nn.ReLU())


def _reduction(channels: int, width: int) -> nn.Sequential:
    linear = nn.Linear(channels, width, bias=False)
    nn.init.kaiming_normal_(linear.weight, mode="fan_out")
    return nn.Sequential(linear, nn.BatchNorm1d(width), nn.ReLU())
