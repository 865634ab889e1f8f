"""ResNet (He et al. 2016) with attention in its residual blocks.

Names of the parameters are torchvision's, so that its ImageNet weights load as they are. The
stride of a bottleneck sits on its 3×3 convolution, as there. With ``ibn`` half the channels behind
the first convolution of each block of layer1 to layer3 are normalised by instance (IBN-a, Pan et
al. 2018, "Two at Once", fig. 3a); names are those of its authors' weights.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import cast, get_args

import torch
from torch import Tensor, nn

from passerby.calls import Call
from passerby.models.attention import Attention, Placement
from passerby.models.backbones import Backbone
from passerby.registry import ATTENTIONS, BACKBONES
from passerby.weights.pull import pulled_state

# After which residual blocks of layer2 and layer3 a "stage" attention stands: every other one, five
# in all where there are enough (Wang et al. 2018), spread over the 23 blocks of ResNet-101.
_STAGE_SITES = {
    2: {2: (1,), 4: (1, 3)},
    3: {2: (1,), 6: (1, 3, 5), 23: (7, 15, 22)},
}

# The same for "stage_end", after the last blocks of the two stages, as FastReID has them.
_STAGE_END_SITES = {
    2: {2: (1,), 4: (2, 3)},
    3: {2: (1,), 6: (3, 4, 5), 23: tuple(range(14, 23))},
}


class InstanceBatchNorm(nn.Module):
    """IBN-a: instance norm on the first half of the channels, batch norm on the second."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = channels // 2
        self.IN = nn.InstanceNorm2d(self.first, affine=True)
        self.BN = nn.BatchNorm2d(channels - self.first)

    def forward(self, maps: Tensor) -> Tensor:
        first, second = maps[:, : self.first], maps[:, self.first :]
        return torch.cat((self.IN(first.contiguous()), self.BN(second.contiguous())), dim=1)


class Basic(nn.Module):
    """Two 3×3 convolutions with a shortcut (ResNet-18 and -34)."""

    expansion = 1

    def __init__(self, channels: int, width: int, stride: int, ibn: bool = False) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, width, 3, stride, padding=1, bias=False)
        self.bn1 = _first_norm(width, ibn)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.relu = nn.ReLU(inplace=True)
        self.attention: nn.Module = nn.Identity()
        self.downsample = _shortcut(channels, width, stride)

    @property
    def last_norm(self) -> nn.BatchNorm2d:
        """The batch norm that closes the residual branch."""
        return self.bn2

    def forward(self, maps: Tensor) -> Tensor:
        branch = self.relu(self.bn1(self.conv1(maps)))
        branch = self.attention(self.bn2(self.conv2(branch)))
        return self.relu(branch + self.downsample(maps))


class Bottleneck(nn.Module):
    """1×1, 3×3 and 1×1 convolutions with a shortcut (ResNet-50 and -101)."""

    expansion = 4

    def __init__(self, channels: int, width: int, stride: int, ibn: bool = False) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, width, 1, bias=False)
        self.bn1 = _first_norm(width, ibn)
        self.conv2 = nn.Conv2d(width, width, 3, stride, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3 = nn.Conv2d(width, 4 * width, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(4 * width)
        self.relu = nn.ReLU(inplace=True)
        self.attention: nn.Module = nn.Identity()
        self.downsample = _shortcut(channels, 4 * width, stride)

    @property
    def last_norm(self) -> nn.BatchNorm2d:
        """The batch norm that closes the residual branch."""
        return self.bn3

    def forward(self, maps: Tensor) -> Tensor:
        branch = self.relu(self.bn1(self.conv1(maps)))
        branch = self.relu(self.bn2(self.conv2(branch)))
        branch = self.attention(self.bn3(self.conv3(branch)))
        return self.relu(branch + self.downsample(maps))


@dataclass(frozen=True)
class _Variant:
    block: type[Basic] | type[Bottleneck]
    blocks: tuple[int, int, int, int]
    weights: str


_VARIANTS = {
    18: _Variant(Basic, (2, 2, 2, 2), "ResNet18_Weights.IMAGENET1K_V1"),
    34: _Variant(Basic, (3, 4, 6, 3), "ResNet34_Weights.IMAGENET1K_V1"),
    50: _Variant(Bottleneck, (3, 4, 6, 3), "ResNet50_Weights.IMAGENET1K_V1"),
    101: _Variant(Bottleneck, (3, 4, 23, 3), "ResNet101_Weights.IMAGENET1K_V1"),
}


class ResNet(Backbone):
    """Stem and four stages; ``last_stride`` 1 keeps the resolution of the third stage.

    ibn: IBN-a in layer1 to layer3; ceil_pool: the stem's max pooling hangs over at the right and
    bottom in place of a margin all round, as in FastReID and Caffe; stem_relu: false leaves out
    the ReLU behind the stem's batch norm, as the codes of BoT and AGW do.
    """

    def __init__(
        self,
        depth: int,
        last_stride: int,
        attention: str,
        *,
        ibn: bool = False,
        ceil_pool: bool = False,
        stem_relu: bool = True,
    ) -> None:
        super().__init__()
        if last_stride not in (1, 2):
            raise ValueError(f"last_stride must be 1 or 2, got {last_stride}")
        variant = _VARIANTS[depth]
        self.conv1 = nn.Conv2d(3, 64, 7, stride=2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        self.relu = nn.ReLU(inplace=True) if stem_relu else nn.Identity()
        padding = 0 if ceil_pool else 1
        self.maxpool = nn.MaxPool2d(3, stride=2, padding=padding, ceil_mode=ceil_pool)
        channels = 64
        strides = (1, 2, 2, last_stride)
        for stage, (blocks, stride) in enumerate(zip(variant.blocks, strides, strict=True), 1):
            width = 32 * 2**stage  # 64, 128, 256, 512
            layer = nn.Sequential()
            for block in range(blocks):
                first = stride if block == 0 else 1
                layer.append(variant.block(channels, width, first, ibn and stage < 4))
                channels = width * variant.block.expansion
            self.add_module(f"layer{stage}", layer)
        self.channels = channels
        _initialise(self)
        self.attention: nn.Module = nn.Identity()
        if attention != "none":
            self._place(attention)

    @property
    def stages(self) -> tuple[nn.Sequential, ...]:
        """layer1 … layer4."""
        return tuple(cast(nn.Sequential, self.get_submodule(f"layer{i}")) for i in range(1, 5))

    @property
    def stage_channels(self) -> tuple[int, ...]:
        """Widths of the maps behind layer1 … layer4; the last one is ``channels``."""
        return tuple(self.channels >> (3 - stage) for stage in range(4))

    def forward(self, images: Tensor) -> Tensor:
        maps = self.maxpool(self.relu(self.bn1(self.conv1(images))))
        for stage in self.stages:
            maps = stage(maps)
        return self.attention(maps)

    def stage_maps(self, images: Tensor) -> tuple[Tensor, ...]:
        """Maps behind each stage; the last ones are those of ``forward``."""
        maps = self.maxpool(self.relu(self.bn1(self.conv1(images))))
        found = []
        for stage in self.stages:
            maps = stage(maps)
            found.append(maps)
        return (*found[:-1], self.attention(maps))

    def _place(self, call: str) -> None:
        """Build attention modules where their placement says."""
        name = Call.parse(call).name
        placement = getattr(ATTENTIONS.get(name), "placement", None)  # a user's own may lack it
        if placement not in get_args(Placement):
            raise ValueError(
                f"attention {name!r} must say where it belongs, by the class's placement: "
                f"{', '.join(map(repr, get_args(Placement)))}; it has {placement!r}"
            )
        if placement == "last":
            self.attention = ATTENTIONS.build(call, channels=self.channels)
            return
        sites = _STAGE_END_SITES if placement == "stage_end" else _STAGE_SITES
        for number, stage in enumerate(self.stages, 1):
            channels = cast(Basic | Bottleneck, stage[-1]).last_norm.num_features
            if placement == "block":
                for block in stage:
                    block.attention = ATTENTIONS.build(call, channels=channels)
                continue
            for site in sites.get(number, {}).get(len(stage), ()):
                stage[site] = nn.Sequential(stage[site], ATTENTIONS.build(call, channels=channels))

    def load_imagenet(self, state: dict[str, Tensor]) -> None:
        """Load torchvision's weights and let attention begin as the identity.

        A gate begins as a constant (one half for a sigmoid of zero); the batch norm that closes
        the branch is divided by it, so the block's function is exactly the pretrained one.
        """
        state = {key: value for key, value in state.items() if not key.startswith("fc.")}
        sites = {
            f"layer{number}.{index}."
            for number, stage in enumerate(self.stages, 1)
            for index, block in enumerate(stage)
            if isinstance(block, nn.Sequential)
        }
        # A stage attention wraps its block, which moves the block's names one level down.
        renamed = {_wrapped(key, sites): value for key, value in state.items()}
        try:
            missing, unexpected = self.load_state_dict(renamed, strict=False)
        except RuntimeError as error:  # names fit and shapes do not
            raise ValueError(f"not the weights of this ResNet: {error}") from None
        foreign = [key for key in missing if not self._is_attention(key)]
        if foreign or unexpected:
            raise ValueError(
                f"not the weights of this ResNet: missing {foreign[:3]}, "
                f"unexpected {unexpected[:3]}"
            )
        for module in self.modules():
            if isinstance(module, (Basic, Bottleneck)) and isinstance(module.attention, Attention):
                constant = module.attention.begin_as_constant()
                with torch.no_grad():
                    module.last_norm.weight.div_(constant)
                    module.last_norm.bias.div_(constant)

    def _is_attention(self, key: str) -> bool:
        parents = key.split(".")
        return any(
            isinstance(self.get_submodule(".".join(parents[:depth])), Attention)
            for depth in range(1, len(parents))
        )


def _wrapped(key: str, sites: set[str]) -> str:
    site = ".".join(key.split(".")[:2]) + "."
    return site + "0." + key[len(site) :] if site in sites else key


def _first_norm(width: int, ibn: bool) -> nn.Module:
    return InstanceBatchNorm(width) if ibn else nn.BatchNorm2d(width)


def _shortcut(channels: int, out: int, stride: int) -> nn.Module:
    if stride == 1 and channels == out:
        return nn.Identity()
    return nn.Sequential(nn.Conv2d(channels, out, 1, stride, bias=False), nn.BatchNorm2d(out))


def _initialise(network: nn.Module) -> None:
    """He et al.'s initialisation, before attention is placed: that keeps its authors' own."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")


def imagenet_weights(name: str) -> dict[str, Tensor]:
    """torchvision's weights by name, downloaded once into torch's cache."""
    from torchvision.models import get_weight

    weights = get_weight(name)
    try:
        return dict(weights.get_state_dict(progress=True, check_hash=True))
    except (OSError, RuntimeError) as error:  # RuntimeError: the hash of the file is wrong
        cached = f"{torch.hub.get_dir()}/checkpoints"
        raise ValueError(
            f"the ImageNet weights {name} could not be downloaded ({error}). Fetch {weights.url} "
            f"on a machine that is online and put it into {cached}, or choose network.start=none, "
            "or the backbone efficientnet_lite0, whose weights come with a package."
        ) from None


def _factory(depth: int) -> Callable[..., ResNet]:
    def resnet(
        start: str,
        attention: str,
        last_stride: int = 1,
        *,
        ibn: bool = False,
        ceil_pool: bool = False,
        stem_relu: bool = True,
    ) -> ResNet:
        network = ResNet(
            depth, last_stride, attention, ibn=ibn, ceil_pool=ceil_pool, stem_relu=stem_relu
        )
        if start == "imagenet" and ibn:
            network.load_imagenet(pulled_state(f"resnet{depth}_ibn_a_imagenet"))
        elif start == "imagenet":
            network.load_imagenet(imagenet_weights(_VARIANTS[depth].weights))
        return network

    resnet.__name__ = f"resnet{depth}"
    resnet.__doc__ = f"ResNet-{depth} (He et al. 2016); last_stride 1 or 2; ibn: IBN-a in it."
    return BACKBONES.register(resnet)


resnet18, resnet34, resnet50, resnet101 = (_factory(depth) for depth in _VARIANTS)
