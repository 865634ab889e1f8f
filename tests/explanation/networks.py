"""Networks whose right answers are known, and small ones of every system."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from passerby.config import Network
from passerby.models.backbones import Backbone
from passerby.models.features import Features, Part
from passerby.models.system import System, build_model
from passerby.models.systems.transreid import Transreid


class Quadrants(Backbone):
    """Channels 0 to 3 are the mean brightness of blocks of 8×8; channel 3 looks at the top half."""

    channels = 4

    def forward(self, images: Tensor) -> Tensor:
        blocks = nn.functional.avg_pool2d(images, 8).clamp(min=0)
        below = blocks[:, :1].clone()
        below[:, :, : blocks.shape[2] // 2] = 0
        return torch.cat([blocks, below], dim=1)


class Known(System):
    """Mean over positions of known maps, times given weights of the four channels."""

    dimensions = 4

    def __init__(self, weights: tuple[float, ...]) -> None:
        super().__init__()
        self.backbone = Quadrants()
        self.channel_weights = torch.tensor(weights)

    def forward(self, images: Tensor, cameras: Tensor | None = None) -> Features:
        vectors = self.backbone(images).mean(dim=(2, 3)) * self.channel_weights
        return Features(vectors, (Part("global", vectors, vectors),))


def plain(**changes: str) -> System:
    """A plain ResNet-18 with random weights, whose batch norms are not at their start."""
    return unlike_its_start(
        build_model(Network(start="none", backbone="resnet18", **changes), persons=0)
    )


def unlike_its_start(network: System, seed: int = 0) -> System:
    """The network in evaluation, with statistics and gains of its norms drawn at random."""
    generator = torch.Generator().manual_seed(seed)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
            for tensor in (module.weight, module.running_var):
                assert tensor is not None
                tensor.data.uniform_(0.5, 1.5, generator=generator)
            for tensor in (module.bias, module.running_mean):
                assert tensor is not None
                tensor.data.normal_(std=0.1, generator=generator)
    return network.eval().requires_grad_(False)


def small_transreid() -> Transreid:
    """Three layers, patches every 16 pixels of 64×32, attention that is not even."""
    torch.manual_seed(0)
    call = "transreid(variant=tiny,depth=3,height=64,width=32,stride=16)"
    network = build_model(Network(system=call, start="none"), persons=0)
    assert isinstance(network, Transreid)
    for module in network.modules():
        if isinstance(module, nn.Linear):
            nn.init.normal_(module.weight, std=0.15)
    return network.eval().requires_grad_(False)


def noise(count: int, height: int = 64, width: int = 32, seed: int = 0) -> Tensor:
    return torch.randn(count, 3, height, width, generator=torch.Generator().manual_seed(seed))
