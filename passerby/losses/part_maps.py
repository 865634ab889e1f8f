"""Maps of joints and parts against where they are (Xu et al. 2018, "AACN", part attention)."""

from __future__ import annotations

import torch
from torch import Tensor

from passerby.body_parts import body_maps
from passerby.losses import Batch, Features, Loss
from passerby.registry import LOSSES


@LOSSES.register
class PartMaps(Loss):
    """Squared error of the predicted maps: mean over stages, maps and positions, times h · w.

    In other words the squared error summed over an image's positions, as those who learn such maps
    count it: a mean would vanish among the empty background. Then the mean over the images whose
    joints are known; others, whose 17 visibilities are all 0, count for nothing, and in a batch
    without any joints the loss is 0. Raises ValueError for a network without such maps.
    """

    def prepare(self, features: Features, persons: int) -> None:
        _maps_of(features)

    def forward(self, features: Features, batch: Batch) -> Tensor:
        maps = _maps_of(features)
        if batch.joints is None:
            return maps.sum() * 0.0
        known = (batch.joints[:, :, 2] > 0).any(dim=1)
        if not bool(known.any()):
            return maps.sum() * 0.0
        height, width = maps.shape[3:]
        with torch.no_grad():
            wanted = body_maps(batch.joints[known].float(), (height, width))
        errors = (maps[known].float() - wanted[:, None]).square()
        return errors.mean() * height * width


def _maps_of(features: Features) -> Tensor:
    if features.maps is None:
        raise ValueError(
            "part_maps needs a network that predicts maps of joints and parts, which this one does "
            "not: choose network.system=aacn, or leave the loss out"
        )
    return features.maps
