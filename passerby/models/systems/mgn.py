"""MGN: three branches from the middle of layer3 on, which see one, two and three stripes.

Wang et al., "Learning Discriminative Features with Multiple Granularities for Person
Re-Identification", ACM Multimedia 2018, https://arxiv.org/abs/1804.01438.

From the paper: ResNet-50 shared up to the first block of layer3 (res_conv4_1), then a copy of the
rest for each branch; the global branch keeps layer4's stride 2, the others have none; maximum over
the whole map in all branches and over two and three stripes in the latter; a 1×1 convolution, batch
norm and ReLU to 256 for each of the eight; cross-entropy on the three global vectors before that
reduction (2048) and on the five reduced stripes; batch-hard triplet loss on the three reduced
global vectors; tested on all eight reduced vectors side by side, 2048 wide.

Ours, as the paper leaves it open: the convolution has no bias (a batch norm follows); classifiers
have none either, and vectors are not normalised before the test. The paper has no code of its
authors. FastReID's MGN differs: cross-entropy on reduced vectors only, no ReLU (``relu=false``), no
stride 2 (``global_stride=1``), two more triplet terms on stripes side by side; a test compares the
embeddings of both with the same weights.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import cast

import torch
from torch import Tensor, nn

from passerby.config import Network
from passerby.models.backbones.resnet import Basic, Bottleneck, ResNet
from passerby.models.features import Features, Part
from passerby.models.system import System, build_classifiers, classified, require_defaults
from passerby.registry import BACKBONES, POOLINGS, SYSTEMS

_READ = frozenset({"backbone", "attention", "classifier"})
_GLOBAL = ("global_1", "global_2", "global_3")
_STRIPES = {2: ("half_1", "half_2"), 3: ("third_1", "third_2", "third_3")}
_STEM = {"conv1": 0, "bn1": 1, "layer1": 4, "layer2": 5}  # where stages of a ResNet stand
_NAMES = (*_GLOBAL, *_STRIPES[2], *_STRIPES[3])


@SYSTEMS.register
class Mgn(System):
    """MGN (Wang et al. 2018): global_1…3, half_1…2, third_1…3; the backbone must be a ResNet.

    The embedding is the eight reduced vectors side by side [B, 8 · width], which are also the
    vectors before the neck: a loss on ``global*`` sees those of the paper's triplet loss. norm: a
    batch norm behind each branch, as in LUPerson's (Fu et al. 2021).
    """

    def __init__(
        self,
        network: Network,
        persons: int,
        *,
        width: int = 256,
        pooling: str = "max",
        global_stride: int = 2,
        relu: bool = True,
        norm: bool = False,
    ) -> None:
        super().__init__()
        require_defaults(network, "mgn", _READ)
        backbone = BACKBONES.build(
            network.backbone, start=network.start, attention=network.attention
        )
        if not isinstance(backbone, ResNet):
            raise ValueError(f"mgn cuts a ResNet in its third stage, got {network.backbone!r}")
        if global_stride not in (1, 2):
            raise ValueError(f"global_stride must be 1 or 2, got {global_stride}")
        self.dimensions = len(_NAMES) * width
        layer1, layer2, layer3, layer4 = backbone.stages
        self.stem = nn.Sequential(
            backbone.conv1, backbone.bn1, backbone.relu, backbone.maxpool, layer1, layer2, layer3[0]
        )
        branches = [
            nn.Sequential(*copy.deepcopy([*layer3[1:], *layer4, backbone.attention]))
            for _ in range(3)
        ]
        _set_stride(branches[0][len(layer3) - 1], global_stride)
        self.branches = nn.ModuleList(branches)
        count = 3 if norm else 0
        self.norms = nn.ModuleList(nn.BatchNorm2d(backbone.channels) for _ in range(count))
        # Pooling may learn a power, one for each of the eight.
        self.pooling = nn.ModuleDict({name: POOLINGS.build(pooling) for name in _NAMES})
        self.reduction = nn.ModuleDict(
            {name: _reduction(backbone.channels, width, relu) for name in _NAMES}
        )
        widths = {name: backbone.channels if name in _GLOBAL else width for name in _NAMES}
        self.classifier = build_classifiers(network, widths, persons)

    def last_maps(self) -> tuple[nn.Module, ...]:
        return tuple(self.branches)

    def of_backbone(self, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """The stem has them once, the branches three times."""
        behind = len({name.split(".")[1] for name in state if name.startswith("layer3.")}) - 1
        ours = {}
        for name, tensor in state.items():
            stage, _, rest = name.partition(".")
            number, _, within = rest.partition(".")
            if stage in _STEM:
                ours[f"stem.{_STEM[stage]}.{rest}"] = tensor
            elif (stage, number) == ("layer3", "0"):
                ours[f"stem.6.{within}"] = tensor
            elif stage == "attention":  # behind the last stage
                ours |= self._in_branches(
                    f"{len(cast(nn.Sequential, self.branches[0])) - 1}.{rest}", tensor
                )
            else:
                row = int(number) + (behind if stage == "layer4" else -1)
                ours |= self._in_branches(f"{row}.{within}", tensor)
        return ours

    def _in_branches(self, name: str, tensor: Tensor) -> dict[str, Tensor]:
        return {f"branches.{branch}.{name}": tensor for branch in range(len(self.branches))}

    def forward(self, images: Tensor, cameras: Tensor | None = None) -> Features:
        shared = self.stem(images)
        maps = [branch(shared) for branch in self.branches]
        if self.norms:
            maps = [norm(own) for norm, own in zip(self.norms, maps, strict=True)]
        seen = dict(zip(_GLOBAL, maps, strict=True))
        for count, names in _STRIPES.items():
            height = maps[count - 1].shape[2]
            if height % count:
                raise ValueError(
                    f"mgn divides maps of {height} rows by two and by three: choose a height of "
                    "the input that is a multiple of 96"
                )
            seen |= zip(names, maps[count - 1].chunk(count, dim=2), strict=True)
        parts = tuple(self._part(name, seen[name]) for name in _NAMES)
        return Features(torch.cat([part.after_neck for part in parts], dim=1), parts)

    def _part(self, name: str, maps: Tensor) -> Part:
        pooled = self.pooling[name](maps)
        reduced = self.reduction[name](pooled)
        seen = pooled if name in _GLOBAL else reduced
        return classified(name, reduced, reduced, self.classifier, seen)


def _reduction(channels: int, width: int, relu: bool) -> nn.Sequential:
    linear = nn.Linear(channels, width, bias=False)  # a 1×1 convolution of a pooled vector
    nn.init.kaiming_normal_(linear.weight)
    return nn.Sequential(linear, nn.BatchNorm1d(width), *([nn.ReLU()] if relu else []))


def _set_stride(block: nn.Module, stride: int) -> None:
    """The stride of a stage's first block: of one convolution in its branch, and the shortcut's."""
    block = next(part for part in block.modules() if isinstance(part, Basic | Bottleneck))
    first = block.conv2 if isinstance(block, Bottleneck) else block.conv1
    shortcut = next(part for part in block.downsample.modules() if isinstance(part, nn.Conv2d))
    first.stride = shortcut.stride = (stride, stride)
