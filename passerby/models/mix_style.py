"""MixStyle (Zhou, Yang, Qiao & Xiang 2021, "Domain generalization with MixStyle", ICLR, eq. 5–7).

In training an image's early maps take on the mean and deviation of another image of the batch in
part, as if another camera had taken it; afterwards it does nothing. It has no parameters.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from passerby.config.sections import within

_ALPHA = 0.1  # of the Beta distribution of shares: most are near 0 or 1 (their sec. 3.1)
_SMALLEST = 1e-6  # added to a variance


class MixStyle(nn.Module):
    """Maps [B, C, h, w] whose style is mixed, with a probability for the whole batch.

    Mean and deviation of each image and channel are constants to the gradient, as in the paper.
    Raises ValueError for a probability outside of 0 to 1.
    """

    def __init__(self, probability: float) -> None:
        super().__init__()
        within("mix_style", probability, 0, 1)
        self.probability = probability

    def forward(self, maps: Tensor) -> Tensor:
        if not self.training or torch.rand(()) >= self.probability:
            return maps
        images = len(maps)
        share = torch.distributions.Beta(_ALPHA, _ALPHA).sample((images, 1, 1, 1))
        return mixed(maps, torch.randperm(images), share)


def mixed(maps: Tensor, others: Tensor, share: Tensor) -> Tensor:
    """Maps [B, C, h, w] with ``share`` [B, 1, 1, 1] of their own style, the rest of ``others``'.

    others [B]: the row that each takes the rest of its style from.
    """
    fixed = maps.detach().float()  # variances of half precision overflow
    variance, mean = torch.var_mean(fixed, dim=(2, 3), keepdim=True)  # [B, C, 1, 1]
    deviation = (variance + _SMALLEST).sqrt()
    share, others = share.to(maps.device), others.to(maps.device)
    new_deviation = share * deviation + (1 - share) * deviation[others]
    new_mean = share * mean + (1 - share) * mean[others]
    scale = new_deviation / deviation
    return maps * scale.to(maps.dtype) + (new_mean - mean * scale).to(maps.dtype)
