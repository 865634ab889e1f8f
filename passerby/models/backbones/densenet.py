"""DenseNet (Huang et al. 2017, "Densely Connected Convolutional Networks", arXiv:1608.06993).

Names of the parameters are torchvision's without their first word ``features``, so that its
ImageNet weights load.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import cast

import torch
from torch import Tensor, nn

from passerby.models.backbones import Backbone, require_no_attention
from passerby.models.backbones.resnet import imagenet_weights
from passerby.registry import BACKBONES

_GROWTH = 32
_LAYERS = {121: (6, 12, 24, 16), 201: (6, 12, 48, 32)}


class DenseLayer(nn.Module):
    """1×1 and 3×3 convolutions on all maps so far, to which theirs are added as channels."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm1 = nn.BatchNorm2d(channels)
        self.conv1 = nn.Conv2d(channels, 4 * _GROWTH, 1, bias=False)
        self.norm2 = nn.BatchNorm2d(4 * _GROWTH)
        self.conv2 = nn.Conv2d(4 * _GROWTH, _GROWTH, 3, padding=1, bias=False)

    def forward(self, maps: Tensor) -> Tensor:
        narrow = self.conv1(self.norm1(maps).relu())
        return torch.cat((maps, self.conv2(self.norm2(narrow).relu())), dim=1)


class Transition(nn.Module):
    """Half the channels and, with stride 2, half the height and width."""

    def __init__(self, channels: int, stride: int) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(channels)
        self.conv = nn.Conv2d(channels, channels // 2, 1, bias=False)
        self.pool = nn.AvgPool2d(stride)

    def forward(self, maps: Tensor) -> Tensor:
        return self.pool(self.conv(self.norm(maps).relu()))


class DenseNet(Backbone):
    """Stem and four dense blocks with transitions between them.

    ``last_stride`` 1 keeps the resolution of the third block. ``stage_channels``: widths of the
    maps behind each block, of which the last is ``channels``.
    """

    def __init__(self, depth: int, last_stride: int) -> None:
        super().__init__()
        if last_stride not in (1, 2):
            raise ValueError(f"last_stride must be 1 or 2, got {last_stride}")
        self.conv0 = nn.Conv2d(3, 64, 7, stride=2, padding=3, bias=False)
        self.norm0 = nn.BatchNorm2d(64)
        self.pool0 = nn.MaxPool2d(3, stride=2, padding=1)
        channels, widths = 64, []
        for stage, layers in enumerate(_LAYERS[depth], 1):
            if stage > 1:
                stride = last_stride if stage == 4 else 2
                self.add_module(f"transition{stage - 1}", Transition(channels, stride))
                channels //= 2
            block = nn.Sequential()
            for layer in range(1, layers + 1):
                block.add_module(f"denselayer{layer}", DenseLayer(channels))
                channels += _GROWTH
            self.add_module(f"denseblock{stage}", block)
            widths.append(channels)
        self.norm5 = nn.BatchNorm2d(channels)
        self.channels, self.stage_channels = channels, tuple(widths)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight)

    def forward(self, images: Tensor) -> Tensor:
        return self.stage_maps(images)[-1]

    def stage_maps(self, images: Tensor) -> tuple[Tensor, ...]:
        """Maps behind each block; the last ones normalised and rectified as in ``forward``."""
        maps = self.pool0(self.norm0(self.conv0(images)).relu())
        found = []
        for stage in range(1, 5):
            if stage > 1:
                maps = self._stage(f"transition{stage - 1}")(maps)
            maps = self._stage(f"denseblock{stage}")(maps)
            found.append(maps)
        return (*found[:-1], self.norm5(maps).relu())

    def _stage(self, name: str) -> Callable[[Tensor], Tensor]:
        return cast(Callable[[Tensor], Tensor], self.get_submodule(name))

    def load_imagenet(self, state: Mapping[str, Tensor]) -> None:
        """Load torchvision's weights; its files still have the old names ``norm.1``, ``conv.2``."""
        renamed = {
            re.sub(r"\.(norm|conv)\.([12])\.", r".\1\2.", name.removeprefix("features.")): tensor
            for name, tensor in state.items()
            if not name.startswith("classifier.")
        }
        try:
            self.load_state_dict(renamed)
        except RuntimeError as error:
            raise ValueError(f"not the weights of this DenseNet: {error}") from None


def _factory(depth: int) -> Callable[..., DenseNet]:
    def densenet(start: str, attention: str, last_stride: int = 1) -> DenseNet:
        require_no_attention(attention, f"densenet{depth}")
        network = DenseNet(depth, last_stride)
        if start == "imagenet":
            network.load_imagenet(imagenet_weights(f"DenseNet{depth}_Weights.IMAGENET1K_V1"))
        return network

    densenet.__name__ = f"densenet{depth}"
    densenet.__doc__ = f"DenseNet-{depth} (Huang et al. 2017); last_stride 1 or 2."
    return BACKBONES.register(densenet)


densenet121, densenet201 = (_factory(depth) for depth in _LAYERS)
