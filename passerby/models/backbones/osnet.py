"""OSNet (Zhou et al. 2019, "Omni-Scale Feature Learning for Person Re-Identification", ICCV).

https://arxiv.org/abs/1905.00953; the variants with instance norm are from Zhou et al. 2021,
"Learning Generalisable Omni-Scale Representations", https://arxiv.org/abs/1910.06827. A residual
block runs 1×1 → four streams of one to four light 3×3 convolutions → 1×1, and one gate, shared by
the four streams, weighs their channels image by image before they are added (eq. 3 of 2019).

The 512 values that the authors compare come from a linear layer with batch norm and ReLU behind the
pooling: ``Network(osnet, pooling="average", projection="linear_norm_relu(width=512)",
neck="none")``, as the recipe `osnet` has it. What the papers leave open is taken from the authors'
code: the gate's reduction of 16 with biases, no ReLU after the 1×1 of a light convolution, average
pooling between the stages, and for "ibn" the instance norm after the addition, in conv2 alone.
"""

from __future__ import annotations

from functools import reduce
from typing import Literal

import torch
from torch import Tensor, nn

from passerby.models.backbones import Backbone, require_no_attention
from passerby.registry import BACKBONES
from passerby.weights.families.torchreid import osnet_name, osnet_state
from passerby.weights.pull import pulled_state

Variant = Literal["plain", "ibn", "ain"]

_CHANNELS = (64, 256, 384, 512)  # of stem and three stages at width 1
WIDTHS = (0.25, 0.5, 0.75, 1.0)

# Which of the two blocks of the three stages normalise their residual branch by instance: found by
# the authors' architecture search (2021, fig. 5).
_AIN = ((True, True), (False, True), (True, False))


class ConvNorm(nn.Module):
    """Convolution without bias, then batch or instance norm, then ReLU if ``active``."""

    def __init__(
        self,
        channels: int,
        out: int,
        kernel: int = 1,
        *,
        stride: int = 1,
        instance: bool = False,
        active: bool = True,
    ) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, out, kernel, stride, kernel // 2, bias=False)
        self.norm: nn.Module = (
            nn.InstanceNorm2d(out, affine=True) if instance else nn.BatchNorm2d(out)
        )
        self.activation = nn.ReLU(inplace=True) if active else nn.Identity()

    def forward(self, maps: Tensor) -> Tensor:
        return self.activation(self.norm(self.conv(maps)))


class LightConv(nn.Module):
    """ "Lite 3×3" (sec. 3.1): 1×1 across channels, then 3×3 within each, batch norm, ReLU."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.pointwise = nn.Conv2d(channels, channels, 1, bias=False)
        self.depthwise = nn.Conv2d(channels, channels, 3, padding=1, groups=channels, bias=False)
        self.norm = nn.BatchNorm2d(channels)
        self.activation = nn.ReLU(inplace=True)

    def forward(self, maps: Tensor) -> Tensor:
        return self.activation(self.norm(self.depthwise(self.pointwise(maps))))


class Gate(nn.Module):
    """Aggregation gate (eq. 3): maps times a weight for each channel, from their means."""

    def __init__(self, channels: int, reduction: int = 16) -> None:
        super().__init__()
        self.squeeze = nn.Conv2d(channels, channels // reduction, 1)
        self.excite = nn.Conv2d(channels // reduction, channels, 1)

    def forward(self, maps: Tensor) -> Tensor:
        means = maps.mean(dim=(2, 3), keepdim=True)  # [B, C, 1, 1]
        return maps * self.excite(self.squeeze(means).relu()).sigmoid()


class OmniScale(nn.Module):
    """The residual block: streams that see 3×3, 5×5, 7×7 and 9×9 positions, gated and added.

    inside: instance norm on the residual branch in place of batch norm (AIN); after: instance norm
    after the addition (IBN).
    """

    def __init__(self, channels: int, out: int, inside: bool = False, after: bool = False) -> None:
        super().__init__()
        inner = out // 4
        self.reduce = ConvNorm(channels, inner)
        self.streams = nn.ModuleList(
            nn.Sequential(*(LightConv(inner) for _ in range(depth))) for depth in (1, 2, 3, 4)
        )
        self.gate = Gate(inner)
        self.expand = ConvNorm(inner, out, instance=inside, active=False)
        self.shortcut = nn.Identity() if channels == out else ConvNorm(channels, out, active=False)
        self.after = nn.InstanceNorm2d(out, affine=True) if after else nn.Identity()

    def forward(self, maps: Tensor) -> Tensor:
        reduced = self.reduce(maps)
        gated = reduce(torch.add, (self.gate(stream(reduced)) for stream in self.streams))
        return self.after(self.expand(gated) + self.shortcut(maps)).relu()


class OsNet(Backbone):
    """Stem, three stages of two blocks with a halving after the first two, and a 1×1."""

    def __init__(self, width: float, variant: Variant) -> None:
        super().__init__()
        stem, *stages = (round(width * channels) for channels in _CHANNELS)
        self.conv1 = ConvNorm(3, stem, 7, stride=2, instance=variant != "plain")
        self.maxpool = nn.MaxPool2d(3, stride=2, padding=1)
        channels = stem
        for number, out in enumerate(stages, 2):
            inside = _AIN[number - 2] if variant == "ain" else (False, False)
            after = variant == "ibn" and number == 2
            stage = nn.Sequential(
                OmniScale(channels, out, inside[0], after), OmniScale(out, out, inside[1], after)
            )
            self.add_module(f"conv{number}", stage)
            if number < 4:
                self.add_module(
                    f"halve{number}", nn.Sequential(ConvNorm(out, out), nn.AvgPool2d(2))
                )
            channels = out
        self.conv5 = ConvNorm(channels, channels)
        self.channels = channels
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
                if module.bias is not None:
                    nn.init.zeros_(module.bias)

    def forward(self, images: Tensor) -> Tensor:
        """Maps [B, 512 · width, H / 16, W / 16]."""
        maps = self.maxpool(self.conv1(images))
        for name in ("conv2", "halve2", "conv3", "halve3", "conv4", "conv5"):
            maps = self.get_submodule(name)(maps)
        return maps


@BACKBONES.register
def osnet(start: str, attention: str, width: float = 1.0, variant: Variant = "plain") -> OsNet:
    """OSNet; width 1.0, 0.75, 0.5 or 0.25, variant plain, ibn or ain (instance norm)."""
    require_no_attention(attention, "osnet")
    if width not in WIDTHS or isinstance(width, bool):
        raise ValueError(f"width must be one of {', '.join(map(str, WIDTHS))}, got {width!r}")
    if variant not in ("plain", "ibn", "ain"):
        raise ValueError(f"variant must be plain, ibn or ain, got {variant!r}")
    network = OsNet(width, variant)
    if start == "imagenet":
        name = osnet_name(width, variant)
        state = osnet_state(pulled_state(f"{name}_imagenet"))
        # The linear layer behind the pooling is no part of the backbone and begins anew.
        network.load_state_dict({k: v for k, v in state.items() if not k.startswith("fc.")})
    return network
