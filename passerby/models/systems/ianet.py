"""IANet: positions that look alike and lie near are averaged, then channels that are alike.

Hou et al., "Interaction-and-Aggregation Network for Person Re-identification", CVPR 2019,
https://arxiv.org/abs/1907.08435.

From the paper: a block of two modules, spatial (SIA) and then channel (CIA), each added to its
input behind a batch norm that begins at zero; SIA weighs the other positions by their appearance
and by a Gaussian of their place, CIA the other channels by the products of their maps; ResNet-50.

Read in the authors' code (github.com/blue-blue272/ImgReID-IAnet), as the paper's text was not at
hand in full: no convolutions in the modules; one context, positions as they are; appearance and
place are each a softmax over positions, their product goes through a softmax again, which makes the
weights almost equal; Gaussians of σ 20 × 10 on the 32 × 16 positions behind layer2 and of 10 × 5 on
the 16 × 8 behind layer3, here 0.625 of height and width for inputs of any size; a block behind the
last residual block of both stages; last stride 1; batch norm behind the pooling, whose vector is
trained by both losses and tested.

Ours: that batch norm has no bias (BNNeck) and the classifier none either.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from passerby.config import Network
from passerby.models.backbones.resnet import ResNet
from passerby.models.systems.plain import Plain
from passerby.registry import SYSTEMS


@SYSTEMS.register
class Ianet(Plain):
    """IANet (Hou et al. 2019): plain, with a block behind layer2 and layer3 of a ResNet.

    spread: σ of the Gaussian of places, as a share of the maps' height and width.
    """

    def __init__(self, network: Network, persons: int, *, spread: float = 0.625) -> None:
        super().__init__(network, persons)
        if not isinstance(self.backbone, ResNet):
            raise ValueError(f"ianet extends the stages of a ResNet, got {network.backbone!r}")
        if spread <= 0:
            raise ValueError(f"spread must be above 0, got {spread}")
        for number in (1, 2):
            channels = self.backbone.stage_channels[number]
            self.backbone.stages[number].append(InteractionAggregation(channels, spread))


class InteractionAggregation(nn.Module):
    """SIA, then CIA, each with a shortcut: [B, C, H, W] to the same shape, at first unchanged."""

    def __init__(self, channels: int, spread: float = 0.625) -> None:
        super().__init__()
        self.spread = spread
        self.spatial_norm = nn.BatchNorm2d(channels)
        self.channel_norm = nn.BatchNorm2d(channels)
        nn.init.zeros_(self.spatial_norm.weight)
        nn.init.zeros_(self.channel_norm.weight)

    def forward(self, maps: Tensor) -> Tensor:
        maps = maps + self.spatial_norm(spatially_aggregated(maps, self.spread))
        changed: Tensor = self.channel_norm(channels_aggregated(maps))
        return maps + changed


def spatially_aggregated(maps: Tensor, spread: float) -> Tensor:
    """Each position of maps [B, C, H, W] as a mean over all positions, near and alike ones more."""
    positions = maps.flatten(2)  # [B, C, HW]
    alike = (positions.transpose(1, 2) @ positions) / maps.shape[1] ** 0.5
    near = place_weights(maps.shape[2], maps.shape[3], spread).to(maps)
    weights = (near * alike.softmax(dim=2)).softmax(dim=2)  # [B, HW, HW]
    return (positions @ weights.transpose(1, 2)).view_as(maps)


def channels_aggregated(maps: Tensor) -> Tensor:
    """Each channel of maps [B, C, H, W] as a mean over all channels, by their inner products."""
    channels = maps.flatten(2)  # [B, C, HW]
    weights = (channels @ channels.transpose(1, 2)).softmax(dim=2)  # [B, C, C]
    return (weights @ channels).view_as(maps)


def place_weights(height: int, width: int, spread: float) -> Tensor:
    """Gaussian weights [HW, HW] of all places for each, which sum to one over the last dimension.

    >>> place_weights(1, 2, spread=0.5).tolist()  # exp(-1/2) to 1
    [[0.622459352016449, 0.3775406777858734], [0.3775406777858734, 0.622459352016449]]
    """
    rows, columns = torch.arange(height) / height, torch.arange(width) / width
    places = torch.cartesian_prod(rows, columns)  # [HW, 2], row by row
    squares = (places[:, None] - places[None, :]).square().sum(dim=2)
    return (-squares / (2 * spread**2)).softmax(dim=1)
